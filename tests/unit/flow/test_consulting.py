"""Requests and answers under kinds that ask somebody else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from keeptrusts.core.errors import ClientGoneError
from keeptrusts.core.exchange import Exchange, Part, Phase
from keeptrusts.core.verdict import Allow, Block, Edit, Redact, Verdict
from keeptrusts.flow.effects import AskOthers, OpenUpstream, SendToClient, StartResponse
from keeptrusts.policy.asking import Answer, Ask, Question, json_of
from keeptrusts.policy.kind import Policy
from support.flows import HELLO, STREAM, Provider, Seen, answer, last_error, play, policy_of, said, stream

YES, NO = (Answer(status=200, body=body) for body in (b"true", b"false"))


class Judge(Policy):
    """Asks about all texts at once: `true` blocks."""

    kind = "judge"

    def __init__(self, phase: Phase = Phase.OUTPUT, *, on_yes: Callable[[Exchange], Verdict] | None = None) -> None:
        self.phases = frozenset({phase})  # type: ignore[misc]
        self.on_yes = on_yes

    def judge(self, exchange: Exchange) -> Verdict | Ask:
        body = "|".join(text.value for text in exchange.texts if text.part is not Part.OTHER).encode()
        return Ask(
            (Question(url="http://judge.example/", timeout_ms=1, body=body),), lambda got: self._say(exchange, got)
        )

    def _say(self, exchange: Exchange, answers: tuple[Answer, ...]) -> Verdict:
        if not json_of(answers[0]):
            return Allow()
        return self.on_yes(exchange) if self.on_yes else Block("judge.yes", "the judge objects")


def streamed(*texts: str) -> Provider:
    return Provider([stream(texts)], media_type="text/event-stream")


def asked(seen: Seen) -> list[bytes]:
    return [question.body for effect in seen.effects if isinstance(effect, AskOthers) for question in effect.questions]


def test_a_request_waits_for_the_answer() -> None:
    """It goes to the provider when the judge has nothing against it, and not before."""
    seen = play(policy_of(Judge(Phase.INPUT)), HELLO, Provider([answer("hi")]), ask=lambda _: NO)

    kinds = [type(effect) for effect in seen.effects]
    assert kinds.index(AskOthers) < kinds.index(OpenUpstream)
    assert (seen.status, seen.body) == (200, answer("hi"))
    assert b"hello" in asked(seen)[0]


def test_a_refused_request_reaches_no_provider() -> None:
    """And the record says who objected."""
    seen = play(policy_of(Judge(Phase.INPUT)), HELLO, Provider([answer("hi")]), ask=lambda _: YES)

    assert (seen.status, seen.error["code"], seen.sent_upstream) == (409, "input_blocked", [])
    assert (seen.record.verdict, seen.record.reason_code) == ("blocked", "judge.yes")


@pytest.mark.parametrize("is_streamed", [False, True])
def test_an_answer_is_asked_about_whole(is_streamed: bool) -> None:
    """Once, with all of its text; a client that streams has nothing of it until then."""
    provider = streamed("some", "thing ", "long") if is_streamed else Provider([answer("something long")])
    seen = play(policy_of(Judge()), STREAM if is_streamed else HELLO, provider, ask=lambda _: NO)

    assert asked(seen) == [b"something long"]
    assert seen.record.verdict == "allowed"
    if is_streamed:
        kinds = [type(effect) for effect in seen.effects]
        assert kinds.index(AskOthers) < kinds.index(StartResponse) < kinds.index(SendToClient)
        assert said(seen.body) == "something long"


@pytest.mark.parametrize("is_streamed", [False, True])
def test_a_refused_answer_is_a_plain_refusal(is_streamed: bool) -> None:
    """Nothing of it was sent, so a stream can still be answered with a status."""
    provider = streamed("no ", "good") if is_streamed else Provider([answer("no good")])
    seen = play(policy_of(Judge()), STREAM if is_streamed else HELLO, provider, ask=lambda _: YES)

    assert (seen.status, seen.error["code"]) == (409, "output_blocked")
    assert seen.record.reason_code == "judge.yes"


def test_what_the_answer_points_at_is_redacted_in_a_stream() -> None:
    """With the edits that the kind made of it."""

    def redact(exchange: Exchange) -> Verdict:
        spoken = next(text for text in exchange.texts if "Ada" in text.value)
        at = spoken.value.index("Ada")
        return Redact("judge.name", (Edit(spoken.place, at, at + 3, "name", "[NAME]"),))

    seen = play(policy_of(Judge(on_yes=redact)), STREAM, streamed("I am A", "da."), ask=lambda _: YES)

    assert said(seen.body) == "I am [NAME]."
    assert seen.record.verdict == "redacted"


def test_tool_calls_of_a_stream_wait_for_their_judge() -> None:
    """A kind of the phase `tool` asks at the end; the text before it has left."""
    seen = play(policy_of(Judge(Phase.TOOL)), STREAM, streamed("fine"), ask=lambda _: YES)

    assert seen.record.reason_code == "judge.yes"
    assert seen.status == 409 or (last_error(seen.body) or {})["code"] == "output_blocked"


@pytest.mark.parametrize("phase", [Phase.INPUT, Phase.OUTPUT])
def test_a_client_that_leaves_while_somebody_is_asked_leaves_a_record(phase: Phase) -> None:
    """One, with status 499."""

    def gone(question: Question) -> Answer:
        raise ClientGoneError(question.url)

    seen = play(policy_of(Judge(phase)), STREAM, streamed("fine"), ask=gone)

    assert (seen.record.status, seen.record.verdict, seen.record.reason_code) == (499, "failed", "client_gone")


def test_no_usable_answer_blocks_and_the_record_tells_why() -> None:
    """The outcome, how long it took, and no text."""
    seen = play(policy_of(Judge(Phase.INPUT)), HELLO, Provider(), ask=lambda _: Answer(failure="timeout", latency_us=7))

    assert (seen.status, seen.record.reason_code) == (409, "judge.error")
    event = seen.record.as_event()
    assert event["policies"][0]["asked"] == [{"outcome": "timeout", "status": 0, "latency_us": 7, "digest": None}]


@pytest.mark.parametrize("is_streamed", [False, True])
def test_who_is_asked_about_an_answer_sees_the_request_as_it_was_sent(is_streamed: bool) -> None:
    """What was redacted for the provider is redacted for the reviewer."""

    class Redacts(Policy):
        kind = "redacts"
        phases = frozenset({Phase.INPUT})

        def judge(self, exchange: Exchange) -> Verdict:
            said = next(text for text in exchange.texts if text.value == "hello")
            return Redact("redacts.word", (Edit(said.place, 0, 5, "word", "[WORD]"),))

    seen: list[str] = []

    class Looks(Judge):
        def judge(self, exchange: Exchange) -> Verdict | Ask:
            seen.extend(text.value for text in exchange.asked)
            return super().judge(exchange)

    provider = streamed("fine") if is_streamed else Provider([answer("fine")])
    play(policy_of(Redacts(), Looks()), STREAM if is_streamed else HELLO, provider, ask=lambda _: NO)

    assert "[WORD]" in seen
    assert "hello" not in seen
