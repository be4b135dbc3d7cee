"""
Getting an answer out of a provider: tries of one target, then further targets, as the document says.

All of it happens before a byte goes to the client. An answer that is not streamed is read to its end here, so that a
provider that dies in the middle of one can still be replaced; a stream can as long as all of it is held back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from math import ceil
from typing import Final, TypeAlias

from keeptrusts.core.decision import Attempt
from keeptrusts.core.errors import UpstreamError, UpstreamGarbledError, UpstreamTimeoutError
from keeptrusts.flow.decisions import Notes
from keeptrusts.flow.effects import CloseUpstream, Flow, OpenUpstream, Pause
from keeptrusts.flow.replies import Refusal
from keeptrusts.flow.upstream import (
    MODEL_FAILED,
    MODEL_LATE,
    Opened,
    answer_limit,
    failure,
    forwarded_to,
    path_of,
    read_all,
)
from keeptrusts.policy.compiled import Retry, TargetSettings, Trigger
from keeptrusts.wire.failures import refused_because

BodyFor: TypeAlias = Callable[[TargetSettings], bytes]
MAX_ERROR_BYTES: Final = 256 * 1024
UNSENT: Final = frozenset({"circuit_open", "credential_missing"})
"""Codes of failures before anything was sent. Another try of the same target would fail alike."""

_TRANSIENT: Final = frozenset({"rate_limit", "server_error", "timeout", "connection"})


@dataclass(frozen=True, slots=True)
class _Tried:
    """
    What came of one try.

    Args:
        trigger: Why another target may be asked; None when this is what the client gets.
        again: Whether the same target may do better the next time.
        retry_after_s: What the provider asked us to wait.
    """

    outcome: Opened | Refusal
    trigger: Trigger | None = None
    again: bool = False
    retry_after_s: int = 0


class Attempts:
    """
    The tries of one request: again as `retry` says, at further targets as `fallback` says.

    Args:
        targets: In the order in which to ask them; one at least.
        body_for: The bytes that a target is sent.
        streamed: The client asked for a stream.
    """

    def __init__(self, notes: Notes, targets: Sequence[TargetSettings], body_for: BodyFor, *, streamed: bool) -> None:
        fallback = notes.snapshot.policy.fallback
        further = fallback.max_attempts if fallback.enabled else 0
        self._notes = notes
        self._left = deque(targets[: 1 + further])
        self._body_for = body_for
        self._streamed = streamed
        self._number = 0

    def open(self) -> Flow[Opened | Refusal]:
        """Ask until a provider answers, or there is no use in it any more."""
        while True:
            self._number += 1
            target = self._notes.target = self._left[0]
            tried = yield from _try(self._notes, target, self._body_for(target), streamed=self._streamed)
            if not (yield from self._goes_on(tried)):
                return tried.outcome

    def lost(self, failed: UpstreamError) -> Flow[bool]:
        """The answer broke off before anything of it was sent; whether `open` may be called again."""
        tried = _failed(failed)
        self._notes.attempts[-1] = replace(self._notes.attempts[-1], outcome=_outcome_of(tried))
        return (yield from self._goes_on(tried))

    def _goes_on(self, tried: _Tried) -> Flow[bool]:
        """Get ready for another try: of the same target, when a pause is over, or of the next one."""
        policy = self._notes.snapshot.policy
        pause = _pause(policy.retry, self._number, tried)
        if pause is None and (len(self._left) < 2 or tried.trigger not in policy.fallback.triggers):
            return False
        yield from CloseUpstream()
        if pause is None:
            self._left.popleft()
            self._number = 0
            return True
        began = self._notes.clock()
        yield from pause
        self._notes.waited_ns += self._notes.clock() - began
        return True


def _pause(retry: Retry | None, number: int, tried: _Tried) -> Pause | None:
    """How long to wait before the next try of the same target; None when there is none."""
    if retry is None or not tried.again or number >= retry.max_attempts:
        return None
    asked = tried.retry_after_s * 1000
    if asked > retry.max_delay_ms:
        return None
    longest = min(retry.max_delay_ms, retry.initial_delay_ms << (number - 1))
    shortest = longest // 2 if retry.jitter else longest
    return Pause(max(asked, shortest), max(asked, longest))


def _try(notes: Notes, target: TargetSettings, body: bytes, *, streamed: bool) -> Flow[_Tried]:
    began = notes.clock()
    status: int | None = None
    try:
        head = yield from OpenUpstream(target.target, path_of(notes, target), body, forwarded_to(target, notes))
        status = head.status
        notes.waited_ns += notes.clock() - began
        opened = yield from _read(notes, Opened(head, target), streamed=streamed)
        tried = _answered(opened)
    except UpstreamError as failed:
        if status is None:
            notes.waited_ns += notes.clock() - began
        tried = _failed(failed)
    latency_ms = round((notes.clock() - began) / 1e6, 3)
    name = _outcome_of(tried)
    notes.attempts.append(Attempt(target.target.id, target.target.provider, name, status, latency_ms))
    return tried


def _read(notes: Notes, opened: Opened, *, streamed: bool) -> Flow[Opened]:
    """With its body, unless it is a stream that was asked for."""
    if opened.head.status >= 400:
        try:
            body = yield from read_all(notes, MAX_ERROR_BYTES)
        except UpstreamError:
            body = b""  # its status says enough
        return Opened(opened.head, opened.target, body)
    if streamed and opened.is_stream:
        return opened
    body = yield from read_all(notes, answer_limit(notes.snapshot.policy))
    return Opened(opened.head, opened.target, body)


def _answered(opened: Opened) -> _Tried:
    status = opened.head.status
    if status < 400:
        return _Tried(opened)
    trigger: Trigger | None
    if status == 429:
        trigger = "rate_limit"
    elif status == MODEL_LATE:
        trigger = "timeout"
    elif status >= 500 or status == MODEL_FAILED:
        trigger = "server_error"
    else:
        trigger = refused_because(status, opened.body)
    return _Tried(opened, trigger, trigger in _TRANSIENT and status != 501, _retry_after(opened))


def _retry_after(opened: Opened) -> int:
    """Seconds that the provider asks us to wait: a number, or a date, which is read against the answer's own."""
    wait = opened.header("retry-after")
    if wait.isascii() and wait.isdigit():
        return int(wait[:9])
    try:
        until, now = parsedate_to_datetime(wait), parsedate_to_datetime(opened.header("date"))
        return max(0, ceil((until - now).total_seconds()))
    except (TypeError, ValueError):
        return 0


def _failed(failed: UpstreamError) -> _Tried:
    trigger: Trigger = "timeout" if isinstance(failed, UpstreamTimeoutError) else "connection"
    again = failed.code not in UNSENT and not isinstance(failed, UpstreamGarbledError)
    return _Tried(failure(failed), trigger, again)


def _outcome_of(tried: _Tried) -> str:
    if isinstance(tried.outcome, Opened):
        return tried.trigger or ("answered" if tried.outcome.head.status < 400 else "refused")
    if tried.outcome.code in UNSENT:
        return "unavailable"
    return tried.trigger if tried.again and tried.trigger else "garbled"
