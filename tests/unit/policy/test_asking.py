"""Kinds that ask somebody else: the chain stops for their questions and goes on with the answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from keeptrusts.core.decision import Asked
from keeptrusts.core.exchange import Exchange, Phase, Text
from keeptrusts.core.verdict import Allow, Block, Edit, Redact, Verdict
from keeptrusts.policy.asking import (
    Answer,
    Ask,
    Question,
    UnusableAnswerError,
    amount,
    finish,
    json_of,
    nobody,
    understood,
)
from keeptrusts.policy.engine import Chain, Judgement
from keeptrusts.policy.kind import Policy

WHERE = Question(url="http://judge.example/ask", timeout_ms=50)
YES = Answer(status=200, body=b'{"flagged": true}')
NO = Answer(status=200, body=b'{"flagged": false}')


class Asks(Policy):
    """Asks about every text by itself, and blocks when one answer is yes."""

    kind = "asks"
    phases = frozenset({Phase.INPUT})

    def __init__(self, *, open_: bool = False) -> None:
        self.open = open_

    def judge(self, exchange: Exchange) -> Verdict | Ask:
        questions = tuple(replace(WHERE, body=text.value.encode()) for text in exchange.texts)
        return Ask(questions, self._conclude)

    def _conclude(self, answers: tuple[Answer, ...]) -> Verdict:
        if any(json_of(answer)["flagged"] for answer in answers):
            return Block("asks.flagged", "somebody said yes")
        return Allow()

    def fails_open(self) -> bool:
        return self.open


class Says(Policy):
    """A kind that answers as it is told."""

    kind = "says"
    phases = frozenset({Phase.INPUT})

    def __init__(self, judge: Callable[[Exchange], Verdict | Ask]) -> None:
        self.say = judge

    def judge(self, exchange: Exchange) -> Verdict | Ask:
        return self.say(exchange)


def judge(
    *policies: Policy, text: str = "hello", answer: Callable[[Question], Answer] = nobody, fail_open: bool = False
) -> Judgement:
    exchange = Exchange(Phase.INPUT, (Text(("t",), text),))
    return Chain(policies, fail_open=fail_open).judge_request(exchange, lambda: 0, answer)


@pytest.mark.parametrize(("answer", "verdict"), [(NO, Allow()), (YES, Block("asks.flagged", "somebody said yes"))])
def test_the_answer_decides(answer: Answer, verdict: Verdict) -> None:
    """And the record keeps its digest, never its text."""
    said = judge(Asks(), answer=lambda _: answer)

    assert said.verdict == verdict
    (line,) = said.results
    (kept,) = line.asked
    assert (kept.outcome, kept.status) == ("answered", 200)
    assert kept.digest is not None
    assert "flagged" not in str(line.as_json()["asked"])


def test_a_kind_that_asks_nobody_leaves_no_trace_of_it() -> None:
    """The line of the record is as short as it was."""
    assert "asked" not in judge(Says(lambda _: Allow())).results[0].as_json()


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Answer(failure="timeout"), "timeout"),
        (Answer(status=500, body=b"{}"), "status"),
        (Answer(status=302), "status"),
        (Answer(status=200, body=b"<html>"), "garbled"),
        (Answer(status=200, body=b'{"flagged": NaN}'), "garbled"),
        (Answer(status=200, body=b"[" * 100_000), "garbled"),
    ],
)
def test_an_answer_that_is_none_blocks(answer: Answer, outcome: str) -> None:
    """What could not be decided is not allowed, and the record says why."""
    said = judge(Asks(), answer=lambda _: answer)

    assert said.verdict == Block("asks.error", f"`asks` got no usable answer: {outcome}")
    assert [one.outcome for one in said.results[0].asked] == [outcome]
    assert not said.degraded


@pytest.mark.parametrize(("own", "gateway"), [(True, False), (False, True)])
def test_a_setting_with_a_name_lets_pass(own: bool, gateway: bool) -> None:
    """The kind's own or the gateway's; either way the record says `degraded`."""
    said = judge(Asks(open_=own), fail_open=gateway)

    assert (said.verdict, said.degraded) == (Allow(), True)
    assert said.results[0].reason_code == "asks.error"
    assert said.results[0].asked == (Asked("unreachable", 0, 0, None),)


def test_a_bug_is_not_excused_by_the_setting_of_a_kind() -> None:
    """It is about answers; what fails in the kind itself blocks."""

    def broken(answers: tuple[Answer, ...]) -> Verdict:
        raise LookupError(answers)

    kind = Says(lambda _: Ask((WHERE,), broken))
    kind.fails_open = lambda: True  # type: ignore[method-assign]

    assert judge(kind, answer=lambda _: NO).verdict == Block("says.error", "`says` failed with LookupError")


def test_a_kind_may_ask_twice() -> None:
    """With what the first answer said; both are in the record."""

    def second(first: tuple[Answer, ...], answers: tuple[Answer, ...]) -> Verdict:
        return Block("says.both", f"{first[0].status} and {answers[0].status}")

    kind = Says(lambda _: Ask((WHERE,), lambda first: Ask((WHERE,), partial(second, first))))
    said = judge(kind, answer=lambda _: NO)

    assert said.verdict == Block("says.both", "200 and 200")
    assert len(said.results[0].asked) == 2


def test_a_later_kind_asks_about_what_an_earlier_one_left() -> None:
    """What was redacted is not shown to the service that is asked."""
    redacts = Says(lambda _: Redact("says.name", (Edit(("t",), 0, 3, "name", "[NAME]"),)))
    seen: list[bytes] = []

    def answer(question: Question) -> Answer:
        seen.append(question.body)
        return NO

    judge(redacts, Asks(), text="Ada was here", answer=answer)

    assert seen == [b"[NAME] was here"]


def test_behind_a_block_nobody_is_asked() -> None:
    """The kind is recorded as skipped."""
    asked: list[Question] = []

    def answer(question: Question) -> Answer:
        asked.append(question)
        return NO

    said = judge(Says(lambda _: Block("says.no", "no")), Asks(), answer=answer)

    assert asked == []
    assert [line.verdict for line in said.results] == ["blocked", "skipped"]


def test_found_texts_are_judged_and_not_sent() -> None:
    """Later kinds see them; a redaction in them changes nothing, but is recorded."""
    found = Text(("#fetched", 0), "Ada")
    finds = Says(lambda _: Allow(found=(found,)))

    def redact(exchange: Exchange) -> Verdict:
        return Redact("says.name", tuple(Edit(text.place, 0, 3, "name", "[NAME]") for text in exchange.texts))

    both = judge(finds, Says(redact), text="Bob")
    assert (both.verdict, both.changed) == (Redact("says.name", (Edit(("t",), 0, 3, "name", "[NAME]"),)), {
        ("t",): "[NAME]"
    })  # fmt: skip

    def redact_found(exchange: Exchange) -> Verdict:
        return Redact("says.name", (Edit(exchange.texts[-1].place, 0, 3, "name", "[NAME]"),))

    alone = judge(finds, Says(redact_found))
    assert (alone.verdict, alone.changed) == (Allow(), {})
    assert (alone.results[1].verdict, alone.results[1].findings) == ("allowed", (("name", 1),))


def test_a_window_of_a_stream_cannot_ask() -> None:
    """A kind that says it can be enforced on the fly and then asks is blocked."""
    verdict, degraded = Chain([Asks()]).judge_once(Asks(), Exchange(Phase.OUTPUT, (Text(("t",), "hello"),)))

    assert (verdict, degraded) == (Block("asks.error", "`asks` must ask"), False)


def test_steps_without_a_question_are_finished_at_once() -> None:
    """Nobody is asked."""
    exchange = Exchange(Phase.INPUT, (Text(("t",), "hello"),))

    def fail(question: Question) -> Answer:
        raise AssertionError(question)

    assert finish(Chain([Says(lambda _: Allow())]).request_steps(exchange, lambda: 0), fail).verdict == Allow()


def test_an_unusable_answer_names_its_failure() -> None:
    """Without the text of the answer."""
    with pytest.raises(UnusableAnswerError, match=r"^garbled$"):
        json_of(Answer(status=200, body=b"secret"))


@pytest.mark.parametrize("number", [b"1e999", b"-1e999", b"1" + b"0" * 400])
def test_a_number_beyond_all_numbers_is_none(number: bytes) -> None:
    """The answer is unusable, so the kind's own setting for that counts; it is no bug of the kind."""
    assert understood(Answer(status=200, body=b"7"), amount) == 7
    with pytest.raises(UnusableAnswerError, match="garbled"):
        understood(Answer(status=200, body=number), amount)
