"""How each kind is enforced, by API format and stream mode. Read off the rules that the flow follows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, TypeAlias

from keeptrusts.flow.answers import AnswerRules
from keeptrusts.policy.compiled import CompiledPolicy, OnUnbounded, Streaming
from keeptrusts.policy.kind import Policy
from keeptrusts.wire.dialects import CHAT, DIALECTS

How: TypeAlias = Literal["shadow", "request", "whole", "live", "calls", "buffered", "refused"]
Mode: TypeAlias = Literal["whole", "stream", "strict stream"]

MODES: Final[tuple[Mode, ...]] = ("whole", "stream", "strict stream")
"""Not streamed; streamed; streamed where `streaming.on_unbounded` is `reject`."""
CHAIN: Final = "(chain)"
FORMATS: Final = tuple(one.name for one in DIALECTS.values() if one is CHAT or one.bridge is not None)
"""API formats in which models speak: chat, and what can be brought to it. The others answer with numbers."""
_WORDS: Final[dict[How, str]] = {
    "shadow": "in shadow: recorded, and nothing more",
    "request": "before the request is sent",
    "whole": "on the whole answer",
    "live": "on the fly, {0} held back",
    "calls": "on the fly, tool calls when they are complete",
    "buffered": "buffered to the end",
    "refused": "refused",
}


@dataclass(frozen=True, slots=True)
class Enforcement:
    """
    How a kind is enforced on answers of one format in one mode.

    Args:
        holdback_chars: How far the client stays behind the model; 0 unless it is `live`.
    """

    kind: str
    api_format: str
    mode: Mode
    how: How
    holdback_chars: int = 0

    @property
    def words(self) -> str:
        count = self.holdback_chars
        return _WORDS[self.how].format(f"{count} character{'' if count == 1 else 's'}")

    def as_json(self) -> dict[str, Any]:
        """What `kt policy explain --format json` prints of it."""
        return {
            "kind": self.kind,
            "api_format": self.api_format,
            "mode": self.mode.replace(" ", "_"),
            "enforcement": self.how,
            "holdback_chars": self.holdback_chars,
            "description": self.words,
        }


def explain(policy: CompiledPolicy) -> Iterator[Enforcement]:
    """Each kind of the chain by itself, then, where there are several, all of them together."""
    chain = policy.chain.policies
    for one in chain:
        yield from _rows(policy, (one,), one.kind)
    if len(chain) > 1:
        yield from _rows(policy, chain, CHAIN)


def _rows(policy: CompiledPolicy, chain: Sequence[Policy], name: str) -> Iterator[Enforcement]:
    for api_format in FORMATS:
        for mode in MODES:
            unbounded: OnUnbounded = "reject" if mode == "strict stream" else "buffer"
            streaming = Streaming(policy.streaming.max_holdback_chars, unbounded)
            rules = AnswerRules.of(replace(policy, chain=policy.chain.with_policies(chain), streaming=streaming))
            how: tuple[How, int] = ("shadow", 0) if name in policy.chain.shadows else _how(rules, mode)
            yield Enforcement(name, api_format, mode, *how)


def _how(rules: AnswerRules, mode: Mode) -> tuple[How, int]:
    if rules.bare:
        return "request", 0
    if mode == "whole":
        return "whole", 0
    if rules.whole:
        return ("buffered" if mode == "stream" else "refused"), 0
    held = sum(width for _, width in rules.live)
    return ("live", held) if held else ("calls", 0)
