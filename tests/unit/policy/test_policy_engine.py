"""The chain at work: order, severity, skips, crashes, redactions on top of each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count

from keeptrusts.core.decision import PolicyResult
from keeptrusts.core.exchange import Exchange, Part, Phase, Target, Text
from keeptrusts.core.verdict import Allow, Block, Edit, Escalate, Match, Redact, Verdict
from keeptrusts.policy.engine import Chain, Judgement
from keeptrusts.policy.kind import Policy

INPUT = frozenset({Phase.INPUT})


class Says(Policy):
    """A kind that answers as it is told."""

    def __init__(self, kind: str, judge: Callable[[Exchange], Verdict], phases: frozenset[Phase] = INPUT) -> None:
        self.kind = kind  # type: ignore[misc]
        self.phases = phases  # type: ignore[misc]
        self.say = judge

    def judge(self, exchange: Exchange) -> Verdict:
        return self.say(exchange)


class Admits(Policy):
    """A routing kind that admits some targets."""

    kind = "some"
    phases = frozenset({Phase.ROUTE})

    def __init__(self, *ids: str) -> None:
        self.ids = ids

    def admits(self, target: Target) -> str | None:
        return None if target.id in self.ids else "some.other"


def always(kind: str, verdict: Verdict) -> Says:
    return Says(kind, lambda _: verdict)


def redacting(kind: str, word: str, marker: str, *, restorable: bool = False) -> Says:
    """Puts a marker in the place of a word."""

    def judge(exchange: Exchange) -> Verdict:
        edits = tuple(
            Edit(text.place, at, at + len(word), "word", marker, restorable)
            for text in exchange.texts
            if (at := text.value.find(word)) >= 0
        )
        return Redact(f"{kind}.word", edits) if edits else Allow()

    return Says(kind, judge)


def judge(policies: Sequence[Policy], *texts: str, fail_open: bool = False) -> Judgement:
    ticks = count(0, 5000)
    exchange = Exchange(Phase.INPUT, tuple(Text(("t", index), value) for index, value in enumerate(texts)))
    return Chain(policies, fail_open=fail_open).judge_request(exchange, lambda: next(ticks))


def said(judgement: Judgement) -> list[tuple[str, str]]:
    return [(result.kind, result.verdict) for result in judgement.results]


def test_an_empty_chain_allows() -> None:
    """Nothing to object."""
    assert judge([]) == Judgement()


def test_kinds_are_asked_in_the_order_of_the_chain() -> None:
    """And each leaves a line with its latency."""
    judgement = judge([always("b", Allow()), always("a", Allow())])
    assert judgement.results == (
        PolicyResult("b", Phase.INPUT, "allowed", "all_policies_passed", latency_us=5),
        PolicyResult("a", Phase.INPUT, "allowed", "all_policies_passed", latency_us=5),
    )


def test_a_block_ends_it() -> None:
    """Later kinds are recorded as skipped."""
    judgement = judge([always("a", Block("a.no", "no")), always("b", Allow())])
    assert said(judgement) == [("a", "blocked"), ("b", "skipped")]
    assert (judgement.verdict, judgement.kind, judgement.phase) == (Block("a.no", "no"), "a", Phase.INPUT)


def test_the_most_severe_counts_and_of_equals_the_first() -> None:
    """Redact, escalate, escalate: the first escalation."""
    edit = Edit(("t", 0), 0, 1, "x", "y")
    first, second = Escalate("b.one", "one"), Escalate("c.two", "two")
    judgement = judge([always("a", Redact("a.x", (edit,))), always("b", first), always("c", second)], "x")
    assert (judgement.verdict, judgement.kind) == (first, "b")
    assert said(judgement) == [("a", "redacted"), ("b", "escalated"), ("c", "escalated")]


def test_later_kinds_see_the_redacted_text() -> None:
    """Redactions accumulate."""
    judgement = judge([redacting("a", "one", "two"), redacting("b", "two", "three")], "one", "other")
    assert judgement.changed == {("t", 0): "three"}
    assert judgement.verdict.code == "a.word"


def test_the_lowest_cap_counts() -> None:
    """Two kinds that cap the answer."""
    assert judge([always("a", Allow(max_tokens=9)), always("b", Allow(max_tokens=3))]).max_tokens == 3


def crash(exchange: Exchange) -> Verdict:
    raise ZeroDivisionError(exchange)


def test_a_crash_blocks() -> None:
    """Law 1: it names the kind and what it was, not the text."""
    judgement = judge([Says("my-kind", crash), always("b", Allow())], "secret")
    assert judgement.verdict == Block("my_kind.error", "`my-kind` failed with ZeroDivisionError")
    assert said(judgement) == [("my-kind", "blocked"), ("b", "skipped")]
    assert not judgement.degraded


def test_a_crash_passes_when_that_is_the_setting() -> None:
    """Law 8: and the judgement says so."""
    judgement = judge([Says("my-kind", crash), always("b", Allow())], fail_open=True)
    assert judgement.degraded
    assert judgement.verdict == Allow()
    assert [result.reason_code for result in judgement.results] == ["my_kind.error", "all_policies_passed"]


def test_what_can_be_restored_is_what_was_replaced() -> None:
    """Overlapping edits are one, and its placeholder stands for all that it covers."""
    place = ("t", 0)
    edits = (
        Edit(place, 0, 4, "x", "[X_1]", restorable=True),
        Edit(place, 2, 6, "y", "[Y_1]", restorable=True),
        Edit(place, 7, 8, "z", "[Z_1]", restorable=True),
        Edit(place, 9, 10, "w", "[W]"),
    )
    judgement = judge([always("a", Redact("a.x", edits))], "abcdefghij")
    assert judgement.changed == {place: "[X_1]g[Z_1]i[W]"}
    assert judgement.restorable == {"[X_1]": "abcdef", "[Z_1]": "h"}


def test_matches_over_each_other_are_counted_once() -> None:
    """Detectors report every start; a record counts what a reader would."""
    place = ("t", 0)
    matches = (Match(place, 0, 5, "x"), Match(place, 1, 5, "x"), Match(place, 2, 3, "y"), Match(place, 5, 6, "x"))
    (result,) = judge([always("a", Block("a.x", "no", matches))]).results
    assert result.findings == (("x", 2), ("y", 1))


def test_a_kind_of_tools_sees_tools_in_its_own_phase() -> None:
    """One that also acts in `tool` gets tool texts there; one that does not gets every text at once."""
    seen: list[tuple[str, str, tuple[str, ...]]] = []

    def note(kind: str) -> Callable[[Exchange], Verdict]:
        def look(exchange: Exchange) -> Verdict:
            seen.append((kind, exchange.phase, tuple(text.value for text in exchange.texts)))
            return Allow()

        return look

    policies = [Says("both", note("both"), INPUT | {Phase.TOOL}), Says("one", note("one"))]
    texts = (Text(("a",), "said"), Text(("b",), "called", part=Part.TOOL_CALL))
    Chain(policies).judge_request(Exchange(Phase.INPUT, texts), lambda: 0)
    assert seen == [
        ("both", "input", ("said",)),
        ("one", "input", ("said", "called")),
        ("both", "tool", ("called",)),
    ]


def test_answers_are_judged_by_tool_and_output() -> None:
    """Kinds of the request alone are not asked."""
    policies = [Says("in", crash), Says("out", lambda _: Block("out.no", "no"), frozenset({Phase.OUTPUT}))]
    judgement = Chain(policies).judge_answer(Exchange(Phase.OUTPUT, answered=True), lambda: 0)
    assert (judgement.verdict.code, judgement.phase) == ("out.no", Phase.OUTPUT)


def test_targets_must_be_admitted_by_every_kind() -> None:
    """In their order; the reason is the first that turned one away."""
    targets = [Target(name, "mock") for name in "abc"]
    left, results = Chain([Admits("a", "c"), Admits("c")]).admitted(targets)
    assert [target.id for target in left] == ["c"]
    assert [(one.verdict, one.reason_code) for one in results] == [("allowed", "all_policies_passed")] * 2
    left, results = Chain([Admits("a"), Admits("c")]).admitted(targets)
    assert left == []
    assert [(one.verdict, one.reason_code) for one in results] == [
        ("allowed", "all_policies_passed"),
        ("blocked", "some.other"),
    ]
