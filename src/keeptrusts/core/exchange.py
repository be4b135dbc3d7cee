"""
The exchange: one request to a model and its answer, in the words of no provider.

`wire` reads a provider's bytes into it and `policy` judges it. Everything that could carry content is a `Text`;
a field nobody knows is a `Text` too (law 3: unknown is text).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from operator import attrgetter
from typing import Any, TypeAlias


class Phase(StrEnum):
    """When a policy is asked. In this order; `tool` runs on the request and again on the answer."""

    ROUTE = "route"
    INPUT = "input"
    TOOL = "tool"
    OUTPUT = "output"


class Role(StrEnum):
    """Who said it."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


class Part(StrEnum):
    """What it was said in."""

    CONTENT = "content"
    NAME = "name"
    REFUSAL = "refusal"
    REASONING = "reasoning"
    TOOL_DEFINITION = "tool_definition"
    TOOL_CALL = "tool_call"
    TOOL_RESULT = "tool_result"
    DOCUMENT = "document"
    OTHER = "other"


TOOL_PARTS = frozenset({Part.TOOL_DEFINITION, Part.TOOL_CALL})

Place: TypeAlias = tuple[str | int, ...]
"""
Where a text stands in its JSON document: keys and indices from the root.

The step `"#json"` descends into a string that holds JSON (tool-call arguments); the steps after it are places in there.
A last step `"#data"` means the text behind the base64 of a string, or of a `data:` URL.
A last step `"#key"` with the key's own name before it means the key itself, not its value.
"""


@dataclass(frozen=True, slots=True)
class Text:
    """
    One string that somebody could have put content in.

    Args:
        choice: Which of the answer's alternatives it belongs to; 0 in requests.
    """

    place: Place
    value: str
    role: Role = Role.USER
    part: Part = Part.CONTENT
    choice: int = 0


@dataclass(frozen=True, slots=True)
class ToolCall:
    """
    A call a model asks for.

    Args:
        arguments: Decoded JSON; None when the string is not JSON (its text is judged all the same).
        place: Where the call stands in its document.
    """

    name: str
    arguments: Any
    place: Place
    id: str = ""
    choice: int = 0


@dataclass(frozen=True, slots=True)
class Document:
    """An attachment. `data` is decoded; empty with `unreadable` set when it is only referred to or broken."""

    mime_type: str
    data: bytes
    place: Place
    unreadable: bool = False


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as the gateway knows it. Headers are lower-case names; credentials are not among them."""

    key_id: str | None = None
    user_id: str | None = None
    team_id: str | None = None
    agent_id: str | None = None
    session_id: str | None = None
    ip: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Exchange:
    """
    What a policy sees.

    In the phases before the upstream call the texts, calls and documents are the request's; after it, the answer's.
    `model`, `caller`, `tools`, `max_tokens` and `message_count` are always the request's.
    """

    phase: Phase
    texts: tuple[Text, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    documents: tuple[Document, ...] = ()
    tools: tuple[str, ...] = ()
    model: str = ""
    api_format: str = "openai_chat"
    streamed: bool = False
    max_tokens: int | None = None
    message_count: int = 0
    caller: Caller = Caller()
    answered: bool = False
    """Whether the texts are the model's answer (True) or the client's request."""
    asked: tuple[Text, ...] = ()
    """Of an answer that is judged whole: the texts of the request."""
    configuration: str = ""
    """What judges it: counts are kept for each configuration apart."""
    output_usd_per_million_tokens: float | None = None
    """Of an answer: the price of the target that gave it; None when the document has none."""

    def seen_in(self, phase: Phase, texts: tuple[Text, ...]) -> Exchange:
        """The same in another phase and with other texts."""
        # By hand: every request makes several, and `dataclasses.replace` takes three times as long.
        _, _, *others = _fields_of(self)
        return Exchange(phase, texts, *others)


_fields_of = attrgetter(*(one.name for one in fields(Exchange)))


@dataclass(frozen=True, slots=True)
class Target:
    """A provider's endpoint as `policy` chooses among them: what routing policies may look at."""

    id: str
    provider: str
    model: str = ""
    zero_data_retention: bool = False
    training_opt_out: bool = False
    retention_days: int | None = None
    region: str | None = None
    local: bool = False
