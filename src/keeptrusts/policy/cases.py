"""Tests of a policy as data: what is asked and answered, and what is to come of it. In a document, or in files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal, TypeAlias

from keeptrusts.policy.findings import Finding
from keeptrusts.policy.schema import Attr, Block, Fault

CaseVerdict: TypeAlias = Literal["allow", "redact", "escalate", "block", "allowed", "redacted", "escalated", "blocked"]
PLAIN: Mapping[str, str] = {"allowed": "allow", "redacted": "redact", "escalated": "escalate", "blocked": "block"}
"""What records say, in the words of policies; tests may say either."""
_DELIVERED = frozenset({"allow", "redact"})


@dataclass(frozen=True, slots=True)
class ServiceAnswer(Block):
    url: Annotated[str, Attr("Of the question; a `*` at the end stands for what follows.", minimum=1)]
    status: Annotated[int, Attr("HTTP status.", minimum=200, maximum=599)] = 200
    body: Annotated[object, Attr("Text, or anything else as JSON.")] = ""


@dataclass(frozen=True, slots=True)
class CaseInput(Block):
    messages: Annotated[tuple[Mapping[str, object], ...], Attr("As in a chat completion.", minimum=1)]
    headers: Annotated[Mapping[str, str], Attr("Of the request, such as `x-user-id`.")] = field(default_factory=dict)
    request: Annotated[Mapping[str, object], Attr("Further fields of the request, such as `model` or `tools`.")] = (
        field(default_factory=dict)
    )
    upstream_response: Annotated[
        object, Attr("The provider's answer: text, a message, or a chat completion; absent: the last user message.")
    ] = None
    services: Annotated[tuple[ServiceAnswer, ...], Attr("What services answer that kinds ask; others are down.")] = ()

    def faults(self) -> Iterable[Fault]:
        if self.upstream_response is not None and message_of(self.upstream_response) is None:
            message = "`upstream_response` is neither text nor a message nor a chat completion with one choice"
            yield Fault("E003", ("upstream_response",), message, "write the text of the answer")
        if "stream" in self.request:
            message = "a test does not say `stream`: each runs whole and streamed"
            yield Fault("E003", ("request", "stream"), message, "remove it")


@dataclass(frozen=True, slots=True)
class Expected(Block):
    verdict: Annotated[CaseVerdict, Attr("What the policies say.")]
    reason_code: Annotated[str | None, Attr("Why, as in the record.")] = None
    text: Annotated[str | None, Attr("What the client reads.")] = None
    sent: Annotated[Mapping[str, object] | None, Attr("Fields of the request as the provider received it.")] = None
    target: Annotated[str | None, Attr("Id of the target that answered.")] = None

    def faults(self) -> Iterable[Fault]:
        if self.text is not None and PLAIN.get(self.verdict, self.verdict) not in _DELIVERED:
            message = "`text` goes with `allow` and `redact`: otherwise the client reads no answer"
            yield Fault("E003", ("text",), message, "remove it")


@dataclass(frozen=True, slots=True)
class Case(Block):
    name: Annotated[str, Attr("What the case promises.", minimum=1, maximum=300)]
    input: CaseInput
    expected: Expected


@dataclass(frozen=True, slots=True)
class Suite(Block):
    name: Annotated[str, Attr("What the cases are about.", minimum=1, maximum=200)]
    cases: Annotated[tuple[Case, ...], Attr("The cases.", minimum=1)]
    threshold: Annotated[float | None, Attr("Share of them that must pass.", minimum=0, maximum=1)] = None


@dataclass(frozen=True, slots=True)
class Testing(Block):
    default_threshold: Annotated[float, Attr("Share of a suite's cases that must pass.", minimum=0, maximum=1)] = 1.0
    suites: Annotated[tuple[Suite, ...], Attr("Tests of this document, for `kt policy test`.")] = ()


@dataclass(frozen=True, slots=True)
class Message:
    """What the provider answers: text, and tool calls as name and arguments."""

    content: str
    calls: tuple[tuple[str, Mapping[str, object]], ...] = ()


def message_of(said: object) -> Message | None:
    """The message in an `upstream_response`; None when there is none in it."""
    if isinstance(said, str):
        return Message(said)
    if not isinstance(said, Mapping):
        return None
    choices = said.get("choices")
    if choices is not None:
        single = isinstance(choices, list) and len(choices) == 1 and isinstance(choices[0], Mapping)
        return message_of(choices[0].get("message")) if single else None
    content = said.get("content")
    calls = [_call(one) for one in said.get("tool_calls") or ()]
    if not (content is None or isinstance(content, str)) or None in calls:
        return None
    return Message(content or "", tuple(call for call in calls if call)) if content is not None or calls else None


def _call(said: object) -> tuple[str, Mapping[str, object]] | None:
    """`{name, arguments}`, or as OpenAI has it."""
    import json

    if not isinstance(said, Mapping):
        return None
    inner = said.get("function", said)
    name, arguments = (inner.get("name"), inner.get("arguments", {})) if isinstance(inner, Mapping) else (None, None)
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except ValueError:
            return None
    return (name, arguments) if isinstance(name, str) and isinstance(arguments, Mapping) else None


class CasesError(Exception):
    """A file of cases that cannot be read. `findings` say why; at least one."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        super().__init__("the cases cannot be read")
        self.findings = tuple(findings)


def read_suite(text: str, name: str) -> Suite:
    """
    A file of cases: one case, a list of them, or a suite.

    Args:
        name: Of the suite, where the file does not say it.

    Raises:
        CasesError: It is none of these.
    """
    from keeptrusts.policy.reading import BAD, Reader
    from keeptrusts.policy.source import SourceError, read_source

    try:
        root, findings = read_source(text)
    except SourceError as fault:
        raise CasesError([fault.finding]) from None
    reader = Reader(findings)
    read: object
    if isinstance(root.value, tuple):
        cases = reader.value(tuple[Case, ...], Attr(minimum=1), root, "")
        read = cases if cases is BAD else Suite(name, cases)
    elif isinstance(root.value, Mapping) and "cases" in root.value:
        read = reader.block(Suite, root, "")
    else:
        case = reader.block(Case, root, "")
        read = Suite(name, (case,)) if case else None
    if reader.findings or not isinstance(read, Suite):
        raise CasesError(reader.findings)
    return read
