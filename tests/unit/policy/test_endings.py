"""What kinds add at the end of answers."""

from __future__ import annotations

import pytest

from keeptrusts.core.exchange import Exchange, Part, Phase, Role, Text
from keeptrusts.core.verdict import Allow, Block, Edit, Redact, Verdict
from keeptrusts.policy.engine import Chain, Judgement
from keeptrusts.policy.kind import Additions, Policy


class Adds(Policy):
    """Says something about the answer, and adds to it."""

    kind = "signs"
    phases = frozenset({Phase.OUTPUT})
    adds = True

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict

    def judge(self, exchange: Exchange) -> Verdict:
        del exchange
        return self.verdict

    def ending(self, text: str) -> Additions:
        if text == "crash":
            raise ValueError(text)
        return () if text.endswith("!") else (("mark", "!"),)


def text(index: int, value: str, part: Part = Part.CONTENT) -> Text:
    return Text(("t", index), value, Role.ASSISTANT, part)


def judge(verdict: Verdict, *texts: Text, fail_open: bool = False) -> Judgement:
    exchange = Exchange(Phase.OUTPUT, texts, answered=True)
    return Chain([Adds(verdict)], fail_open=fail_open).judge_answer(exchange, lambda: 0)


def test_it_is_added_where_it_is_missing() -> None:
    """To each text that says something to the reader, and to nothing else."""
    said = judge(Allow(), text(0, "a"), text(1, "b!"), text(2, ""), text(3, "c", Part.REASONING), text(4, "d"))

    assert said.changed == {("t", 0): "a!", ("t", 4): "d!"}
    assert said.verdict.code == "signs.mark"
    assert said.results[0].findings == (("mark", 2),)


def test_nothing_is_added_where_nothing_is_missing() -> None:
    """The verdict is what the kind said."""
    assert judge(Allow(), text(0, "b!")).verdict == Allow()


def test_it_stands_behind_what_was_replaced() -> None:
    """And the reason names what comes first in the answer."""
    redaction = Redact("signs.x", (Edit(("t", 1), 0, 2, "x", "#"),))

    said = judge(redaction, text(0, "a"), text(1, "bc"))

    assert said.changed == {("t", 0): "a!", ("t", 1): "#!"}
    assert said.verdict.code == "signs.mark"
    assert judge(redaction, text(1, "bc"), text(2, "a")).verdict.code == "signs.x"


def test_what_is_refused_gets_nothing() -> None:
    """A block stays a block."""
    assert judge(Block("signs.x", "no"), text(0, "a")).changed == {}


@pytest.mark.parametrize(("fail_open", "verdict"), [(False, Block), (True, Allow)])
def test_a_crash_counts_as_any(verdict: type[Verdict], *, fail_open: bool) -> None:
    """Law 1 holds for endings too."""
    said = judge(Allow(), text(0, "crash"), fail_open=fail_open)

    assert isinstance(said.verdict, verdict)
    assert said.results[0].reason_code == "signs.error"
    assert said.degraded == fail_open
