"""Tries of one target and further targets: what is tried again, when, and what the record says of it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from keeptrusts.core.errors import (
    CircuitOpenError,
    KeeptrustsError,
    UpstreamGarbledError,
    UpstreamLostError,
    UpstreamTimeoutError,
    UpstreamUnreachableError,
)
from keeptrusts.core.exchange import Target
from keeptrusts.flow.effects import CloseUpstream, OpenUpstream, Pause
from keeptrusts.policy.compiled import CompiledPolicy, Fallback, Retry, TargetSettings, Trigger
from keeptrusts.policy.engine import Chain
from keeptrusts.policy.kinds.secret_scanner import SecretScanner
from support.flows import HELLO, STREAM, TARGET, Provider, Seen, answer, chunk, play, policy_of, said, stream

FINE = Provider([answer("hi")])
BUSY = Provider([b"{}"], status=503)
STEADY = Retry(max_attempts=3, initial_delay_ms=100, max_delay_ms=150, jitter=False)
TOO_LONG = json.dumps({"error": {"code": "context_length_exceeded", "message": "no"}}).encode()
OFFENSIVE = json.dumps({"error": {"code": "content_filter", "message": "no"}}).encode()


def target(name: str) -> TargetSettings:
    return replace(TARGET, target=Target(name, "openai-compatible"))


def trying(*triggers: Trigger, retry: Retry | None = None, further: int = 3) -> CompiledPolicy:
    fallback = Fallback(bool(triggers), frozenset(triggers), further)
    return policy_of(targets=tuple(map(target, "abcd")), fallback=fallback, retry=retry)


def asked(seen: Seen) -> list[str]:
    return [one.target.id for one in seen.sent_upstream]


def outcomes(seen: Seen) -> list[tuple[str, str, int | None]]:
    return [(one.target_id, one.outcome, one.status) for one in seen.record.attempts]


def pauses(seen: Seen) -> list[Pause]:
    return [effect for effect in seen.effects if isinstance(effect, Pause)]


def test_without_settings_there_is_one_try() -> None:
    """What the document does not ask for is not done."""
    seen = play(trying(), HELLO, BUSY)

    assert (asked(seen), seen.status, pauses(seen)) == (["a"], 502, [])
    assert outcomes(seen) == [("a", "server_error", 503)]


def test_a_target_is_tried_again() -> None:
    """Waits double up to the longest, and the record counts every try."""
    seen = play(trying(retry=STEADY), HELLO, [BUSY, BUSY, FINE])

    assert (asked(seen), seen.status) == (["a", "a", "a"], 200)
    assert pauses(seen) == [Pause(100, 100), Pause(150, 150)]
    assert outcomes(seen) == [("a", "server_error", 503)] * 2 + [("a", "answered", 200)]
    assert all(one.latency_ms > 0 for one in seen.record.attempts)


def test_the_gateway_draws_the_jitter() -> None:
    """The flow says between what and what; half the wait is certain."""
    seen = play(trying(retry=replace(STEADY, jitter=True)), HELLO, [BUSY, FINE])

    assert pauses(seen) == [Pause(50, 100)]


def test_the_last_try_is_told() -> None:
    """A provider that fails to the end is the client's answer."""
    seen = play(trying(retry=STEADY), HELLO, [BUSY] * 3)

    assert (asked(seen), seen.status, seen.error["code"]) == (["a"] * 3, 502, "upstream_error")


@pytest.mark.parametrize(
    ("retry_after", "paused"), [("0", [Pause(100, 100)]), ("x", [Pause(100, 100)]), ("1", []), ("9" * 40, [])]
)
def test_retry_after_is_honoured_within_bounds(retry_after: str, paused: list[Pause]) -> None:
    """A provider that wants more time than the document allows is not asked again."""
    busy = replace(BUSY, headers=(("retry-after", retry_after),))
    seen = play(trying(retry=STEADY), HELLO, [busy, FINE])

    assert pauses(seen) == paused


@pytest.mark.parametrize(
    ("headers", "least"),
    [
        ((("retry-after", "Wed, 21 Oct 2026 07:28:03 GMT"), ("date", "Wed, 21 Oct 2026 07:28:00 GMT")), 3000),
        ((("retry-after", "Wed, 21 Oct 2026 07:27:00 GMT"), ("date", "Wed, 21 Oct 2026 07:28:00 GMT")), 50),
        ((("retry-after", "Wed, 21 Oct 2026 07:28:03 GMT"),), 50),
        ((("retry-after", "Wed, 21 Oct 2026 07:28:03 -0000"), ("date", "Wed, 21 Oct 2026 07:28:00 GMT")), 50),
    ],
    ids=["later", "past", "no date", "no zone"],
)
def test_retry_after_may_be_a_date(headers: tuple[tuple[str, str], ...], least: int) -> None:
    """By the provider's own clock; one that cannot be read asks for nothing."""
    limited = Provider([b"{}"], status=429, headers=headers)
    (pause,) = pauses(play(trying(retry=Retry(2, 100, 5000)), HELLO, [limited, FINE]))

    assert pause.at_least_ms == least


def test_retry_after_is_the_least_wait() -> None:
    """It counts where it is longer than ours."""
    limited = Provider([b"{}"], status=429, headers=(("retry-after", "2"),))
    seen = play(trying(retry=Retry(2, 100, 5000)), HELLO, [limited, FINE])

    assert (pauses(seen), seen.status) == ([Pause(2000, 2000)], 200)
    assert outcomes(seen)[0] == ("a", "rate_limit", 429)


@pytest.mark.parametrize("streamed", [False, True])
def test_an_answer_that_breaks_off_is_asked_for_again(*, streamed: bool) -> None:
    """As long as nothing of it was sent: a stream that was asked for is sent as it comes."""
    cut = Provider([answer("hi")[:20], UpstreamLostError("gone")])
    broken = Provider([chunk({"content": "hi"}), UpstreamLostError("gone")], media_type="text/event-stream")
    if streamed:
        seen = play(trying("connection", retry=STEADY), STREAM, [broken, Provider([stream(["ho"])])])
        assert (asked(seen), outcomes(seen)) == (["a"], [("a", "answered", 200)])
        assert seen.record.reason_code == "upstream_lost"
    else:
        seen = play(trying(retry=STEADY), HELLO, [cut, FINE])
        assert (asked(seen), seen.body) == (["a", "a"], answer("hi"))
        assert outcomes(seen) == [("a", "connection", 200), ("a", "answered", 200)]


BEGUN = Provider(
    [chunk({"role": "assistant", "content": ""}), UpstreamLostError("gone")], media_type="text/event-stream"
)
TOLD = Provider([stream(["hello there"])], media_type="text/event-stream")


@pytest.mark.parametrize(
    "broken",
    [
        BEGUN,
        replace(BEGUN, pieces=[chunk({"content": "hel"})]),
        replace(BEGUN, pieces=[b"data: {}\n\ndata: nonsense\n\n"]),
        replace(BEGUN, pieces=[b'data: {"error": {"type": "overloaded_error"}}\n\n']),
    ],
    ids=["no text", "text held back", "unreadable", "a failure that it tells of"],
)
def test_a_stream_of_which_nothing_was_sent_is_replaced(broken: Provider) -> None:
    """As long as the policies hold all of it back; the record tells of the one that was passed on."""
    governed = replace(trying("connection"), chain=Chain([SecretScanner()]), kinds=("secret-scanner",))
    seen = play(governed, STREAM, [broken, TOLD])

    assert (asked(seen), seen.status, said(seen.body)) == (["a", "b"], 200, "hello there")
    assert [one.target_id for one in seen.record.attempts if one.outcome == "answered"] == ["b"]
    assert seen.record.attempts[0].outcome in {"connection", "garbled"}
    assert (seen.record.verdict, seen.record.target_id) == ("allowed", "b")
    unbroken = play(governed, STREAM, TOLD).record
    assert [one.phase for one in seen.record.policies] == [one.phase for one in unbroken.policies]


def test_a_stream_that_breaks_off_to_the_end_is_refused() -> None:
    """As a plain answer, since nothing was sent."""
    governed = replace(trying(retry=STEADY), chain=Chain([SecretScanner()]), kinds=("secret-scanner",))
    seen = play(governed, STREAM, [BEGUN] * 3)

    assert (asked(seen), seen.status, seen.error["code"]) == (["a"] * 3, 502, "upstream_lost")
    assert [one.outcome for one in seen.record.attempts] == ["connection"] * 3
    assert seen.record.reason_code == "upstream_lost"


@pytest.mark.parametrize(
    ("failure", "outcome"),
    [
        (UpstreamUnreachableError("no"), "connection"),
        (UpstreamLostError("no"), "connection"),
        (UpstreamTimeoutError("no"), "timeout"),
    ],
)
def test_a_lost_provider_is_tried_again(failure: KeeptrustsError, outcome: str) -> None:
    """No connection, one that drops, and one that is silent."""
    seen = play(trying(retry=STEADY), HELLO, [Provider(refuses=failure), FINE])

    assert (asked(seen), outcomes(seen)[0]) == (["a", "a"], ("a", outcome, None))


@pytest.mark.parametrize(
    ("provider", "outcome"),
    [
        (Provider(refuses=UpstreamUnreachableError("no", code="credential_missing")), "unavailable"),
        (Provider(refuses=CircuitOpenError("no")), "unavailable"),
        (Provider(refuses=UpstreamGarbledError("no")), "garbled"),
        (Provider([b"{}"], status=400), "refused"),
        (Provider([b"{}"], status=501), "server_error"),
        (Provider([TOO_LONG], status=400), "context_window"),
    ],
)
def test_what_would_fail_alike_is_not_tried_again(provider: Provider, outcome: str) -> None:
    """Another try costs and cannot help."""
    seen = play(trying(retry=STEADY), HELLO, [provider])

    assert (asked(seen), seen.record.attempts[0].outcome) == (["a"], outcome)


@pytest.mark.parametrize(
    ("trigger", "provider"),
    [
        ("rate_limit", Provider([b"{}"], status=429)),
        ("server_error", BUSY),
        ("timeout", Provider(refuses=UpstreamTimeoutError("no"))),
        ("connection", Provider(refuses=UpstreamUnreachableError("no"))),
        ("connection", Provider(refuses=CircuitOpenError("no"))),
        ("context_window", Provider([TOO_LONG], status=400)),
        ("content_policy", Provider([OFFENSIVE[:20], OFFENSIVE[20:]], status=400)),
    ],
)
def test_a_trigger_leads_to_the_next_target(trigger: Trigger, provider: Provider) -> None:
    """Each by itself; the others do not."""
    every: set[Trigger] = {"rate_limit", "server_error", "timeout", "connection", "context_window", "content_policy"}

    assert asked(play(trying(trigger), HELLO, [provider, FINE])) == ["a", "b"]
    assert asked(play(trying(*(every - {trigger})), HELLO, [provider, FINE])) == ["a"]


@pytest.mark.parametrize(("wait", "told"), [(0.0, "1"), (7.2, "8")])
def test_an_open_circuit_says_when_to_come_back(wait: float, told: str) -> None:
    """When all that may be asked are left alone."""
    seen = play(trying(), HELLO, Provider(refuses=CircuitOpenError("no", wait)))

    assert (seen.status, seen.error["code"], seen.headers["retry-after"]) == (503, "circuit_open", told)


def test_retries_come_before_the_next_target() -> None:
    """Each target has tries of its own, and only so many targets follow."""
    seen = play(trying("server_error", retry=Retry(2, 0, 0), further=1), HELLO, [BUSY] * 4)

    assert (asked(seen), seen.status, seen.record.target_id) == (["a", "a", "b", "b"], 502, "b")
    opened = [type(effect) for effect in seen.effects if isinstance(effect, OpenUpstream | CloseUpstream)]
    assert opened == [OpenUpstream, CloseUpstream] * 4


def test_what_a_provider_says_in_a_refusal_is_bounded() -> None:
    """Its status is enough when the rest is too long or breaks off."""
    for body in ([b"x" * 300_000], [UpstreamLostError("gone")]):
        pieces: list[Any] = body
        seen = play(trying("context_window"), HELLO, [Provider(pieces, status=400), FINE])
        assert (asked(seen), seen.status) == (["a"], 400)


def test_the_event_lists_the_attempts() -> None:
    """Plain JSON, in their order."""
    event = play(trying("server_error"), HELLO, [BUSY, FINE]).record.as_event()

    assert [sorted(one) for one in event["attempts"]] == [
        ["latency_ms", "outcome", "provider", "status", "target_id"]
    ] * 2
    assert [one["target_id"] for one in event["attempts"]] == ["a", "b"]
