"""Tool calls looked through for attacks and for what should not be given to a tool."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, ClassVar, Final, Literal

from keeptrusts.core.exchange import Exchange, Phase, Text
from keeptrusts.core.verdict import Allow, Block, Match, Verdict
from keeptrusts.policy.asking import Answer, Ask, flag, understood, word
from keeptrusts.policy.checks import base_url
from keeptrusts.policy.endpoints import credential_of, post, secrets_of
from keeptrusts.policy.kind import Policy
from keeptrusts.policy.names import tool_names
from keeptrusts.policy.reading import suggest
from keeptrusts.policy.schema import Attr, Fault
from keeptrusts.policy.secret_refs import SecretRef

ATTACKS: Final = ("command_injection", "sql_injection", "path_traversal", "internal_address")
RECOGNISED: Final = ("credentials", "injection", "pii", "financial", "health")
DEFAULT: Final = ("credentials", "injection", *ATTACKS)
"""Personal data is what many tools are for."""
TIMEOUT_MS: Final = 2000
FLAGGED: Final = "flagged"


@dataclass(frozen=True)
class ToolSecurity(Policy):
    """
    Refuse tool calls, and definitions of tools, that hold an attack or what should not be given to a tool.

    `local` recognises `command_injection`, `sql_injection`, `path_traversal` and `internal_address` (this machine, the
    metadata service of a cloud, `file://`), `credentials`, `injection` (an attempt to steer the model), `pii`,
    `financial` and `health`. An empty list of types means all of them but the last three.

    `external` asks a firewall of your own. It is sent `{"phase": "request" or "answer", "tools": [NAME], "calls":
    [{"name", "arguments"}], "texts": [TEXT]}` and answers `{"flagged": true or false, "entities": [{"type": NAME}]}`;
    `entities` may be left out. It has two seconds. A call is refused when `flagged` is true, and when there is an
    entity of a listed type, of any type when none is listed. Without a usable answer it is refused, unless
    `fail_closed` is false; then the record says `degraded`.
    """

    kind: ClassVar[str] = "tool-security"
    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.TOOL})
    example: ClassVar[str] = """
        analysis_mode: local
        blocked_entity_types: [command_injection, sql_injection, credentials]
    """

    analysis_mode: Annotated[
        Literal["local", "external"], Attr("Look here, or ask a firewall.", stronger="unclear")
    ] = "local"
    firewall_endpoint: Annotated[
        str | None, Attr("For `external`: the URL to ask.", check=base_url, stronger="unclear")
    ] = None
    secret_key_ref: Annotated[SecretRef | None, Attr("For `external`: the key.", stronger="neutral")] = None
    fail_closed: Annotated[bool, Attr("Refuse what the firewall did not decide.", stronger="on")] = True
    blocked_entity_types: Annotated[
        tuple[Annotated[str, Attr(minimum=1, maximum=100)], ...],
        Attr("What is refused, see above.", stronger="unclear"),
    ] = ()

    def faults(self) -> Iterable[Fault]:
        if self.analysis_mode == "external" and self.firewall_endpoint is None:
            message = "`firewall_endpoint` is missing: `analysis_mode: external` asks it"
            yield Fault("E004", ("firewall_endpoint",), message, "add the URL to ask")
        for index, name in enumerate(self.blocked_entity_types if self.analysis_mode == "local" else ()):
            if name not in (*RECOGNISED, *ATTACKS):
                message = f"`{name[:60]}` is not a type that this version recognises"
                hint = suggest(name, (*ATTACKS, *RECOGNISED), "types")
                yield Fault("E009", ("blocked_entity_types", index), message, hint)

    def secrets(self) -> tuple[str, ...]:
        return secrets_of(self.secret_key_ref)

    def fails_open(self) -> bool:
        return not self.fail_closed

    def judge(self, exchange: Exchange) -> Verdict | Ask:
        if not exchange.texts and not exchange.tool_calls and not tool_names(exchange):
            return Allow()
        if self.analysis_mode == "external":
            return self._ask(exchange)
        for name in self.blocked_entity_types or DEFAULT:
            found = tuple(match for text in exchange.texts for match in _find(name, text))
            if found:
                return Block(f"tool_security.{name}", "a tool may not be given this", found)
        return Allow()

    def _ask(self, exchange: Exchange) -> Ask:
        said = {
            "phase": "answer" if exchange.answered else "request",
            "tools": tool_names(exchange),
            "calls": [{"name": call.name, "arguments": call.arguments} for call in exchange.tool_calls],
            "texts": [text.value for text in exchange.texts],
        }
        credential = credential_of(self.secret_key_ref)
        question = post(self.firewall_endpoint or "", said, timeout_ms=TIMEOUT_MS, credential=credential)
        return Ask((question,), self._conclude)

    def _conclude(self, answers: tuple[Answer, ...]) -> Verdict:
        listed = {word(name) for name in self.blocked_entity_types}
        found = understood(answers[0], partial(_entities, listed))
        if not found:
            return Allow()
        return Block(f"tool_security.{found[0]}", "a firewall objects to what a tool would be given")


def _find(name: str, text: Text) -> Iterable[Match]:
    from keeptrusts.detect.attacks import find_attacks
    from keeptrusts.detect.topics import recognise

    hits = find_attacks(text.value) if name in ATTACKS else recognise(name, text.value)
    for hit in hits:
        if name not in ATTACKS or hit.category == name:
            yield Match(text.place, hit.start, hit.end, hit.category)


def _entities(listed: set[str], document: Any) -> list[str]:
    """Types that the firewall names and that are refused; `flagged` at the end when it says no more."""
    found = [word(one["type"]) for one in document.get("entities", ())]
    refused = [name for name in found if not listed or name in listed]
    return refused + ([FLAGGED] if flag(document["flagged"]) else [])
