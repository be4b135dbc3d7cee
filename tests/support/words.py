"""A policy kind that knows one word, for the tests of flows."""

from __future__ import annotations

from keeptrusts.core.exchange import Exchange, Phase
from keeptrusts.core.verdict import Allow, Block, Edit, Match, Redact, Verdict
from keeptrusts.policy.kind import Policy


class Word(Policy):
    """Refuses the word `stop`, or puts another in its place; `width` is what it claims to need."""

    kind = "word"
    phases = frozenset({Phase.OUTPUT})

    def __init__(self, replacement: str | None = None, *, width: int | None = 4) -> None:
        self.replacement = replacement
        self.width = width

    def judge(self, exchange: Exchange) -> Verdict:
        found = [(text, at) for text in exchange.texts if (at := text.value.find("stop")) >= 0]
        if not found:
            return Allow()
        if self.replacement is None:
            return Block("word.stop", "no stopping", tuple(Match(one.place, at, at + 4, "stop") for one, at in found))
        return Redact("word.stop", tuple(Edit(one.place, at, at + 4, "stop", self.replacement) for one, at in found))

    def holdback(self) -> int | None:
        return self.width
