"""
Calls: tries, pauses and failures around one HTTP request.

A write is sent again only when that is harmless: it carries an `Idempotency-Key`, or it certainly did not arrive, or
the server says that it did not do it (429, 503). After anything else the caller is told that it may have happened.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from keeptrusts.client.backoff import delay, read_retry_after
from keeptrusts.client.exchange import LostError, Opened, Request, Transport
from keeptrusts.core.errors import ApiError, ApiUnreachableError

RETRIED: Final = frozenset({429, 502, 503, 504})
NOT_DONE: Final = frozenset({429, 503})
SLICE_S: Final = 0.1
Query = Mapping[str, str | int | None]


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer of the 2xx kind. `value` is its JSON; None when it has no body."""

    status: int
    headers: Mapping[str, str]
    value: Any
    tries: int


class Calls:
    """
    Sends requests over a transport until one is answered for good.

    Args:
        max_retries: Tries after the first.
        stop: Asked before and during each pause; True ends the trying with the failure at hand.
        pause: Sleeps that many seconds.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        max_retries: int = 4,
        stop: Callable[[], bool] | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._transport = transport
        self._max_retries = max_retries
        self._stop = stop or (lambda: False)
        self._pause = pause

    @property
    def stopped(self) -> bool:
        return self._stop()

    def get(self, path: str, query: Query | None = None) -> Answer:
        return self.send(Request("GET", path, pairs(query), repeatable=True))

    def post(
        self, path: str, body: object = None, *, if_match: str | None = None, idempotency_key: str | None = None
    ) -> Answer:
        """The key, given or drawn, stays the same over all tries, so that a repeated create makes one object."""
        headers = _headers(body, key=idempotency_key or _new_key(), if_match=if_match)
        return self.send(Request("POST", path, (), headers, _body(body), repeatable=True))

    def patch(self, path: str, body: object, *, if_match: str | None = None) -> Answer:
        return self.send(Request("PATCH", path, (), _headers(body, if_match=if_match), _body(body)))

    def delete(self, path: str, *, if_match: str | None = None) -> None:
        """A 404 to a repeated try means that an earlier one did it."""
        tried = _Tries(0)
        try:
            self.send(Request("DELETE", path, (), _headers(None, if_match=if_match), repeatable=True), tried)
        except ApiError as refused:
            if refused.status != 404 or tried.lost == 0:
                raise

    def send(self, request: Request, tried: _Tries | None = None) -> Answer:
        """
        The answer, whole and read.

        Raises:
            ApiError: The control plane refused, or answered with what is no JSON.
            ApiUnreachableError: It gave no answer.
        """
        tries = tried or _Tries(0)
        while True:
            with self._opened(request, tries) as answer:
                try:
                    raw = b"".join(answer.chunks())
                except LostError as lost:
                    self._again_or_raise(tries, _unreachable(request, lost), harmless=request.repeatable)
                    continue
                return Answer(answer.status, answer.headers, _value(answer, raw), tries.count)

    @contextmanager
    def opened(self, request: Request) -> Iterator[Opened]:
        """A 2xx answer whose body is still to be read, by the caller."""
        with self._opened(request, _Tries(0)) as answer:
            yield answer

    def wait(self, attempt: int, failure: ApiError) -> None:
        """Pause after the failure of try `attempt`, or raise it when there is no point in another try."""
        import random  # when something went wrong, and not at every start

        seconds = delay(attempt, failure.retry_after, random.random())  # noqa: S311 - dice, not a secret
        if attempt >= self._max_retries or seconds is None:
            raise failure
        while seconds > 0 and not self._stop():
            self._pause(min(SLICE_S, seconds))
            seconds -= SLICE_S
        if self._stop():
            raise failure

    @contextmanager
    def _opened(self, request: Request, tries: _Tries) -> Iterator[Opened]:
        answer = self._open(request, tries)
        try:
            yield answer
        finally:
            answer.close()

    def _open(self, request: Request, tries: _Tries) -> Opened:
        while True:
            try:
                answer = self._transport.open(request)
            except LostError as lost:
                harmless = not lost.final and (request.repeatable or lost.unsent)
                tries.lost += not lost.unsent
                self._again_or_raise(tries, _unreachable(request, lost), harmless=harmless)
                continue
            if 200 <= answer.status < 300:
                return answer
            failure = _refusal(answer)
            tries.lost += answer.status in RETRIED - NOT_DONE
            harmless = answer.status in (RETRIED if request.repeatable else NOT_DONE)
            self._again_or_raise(tries, failure, harmless=harmless)

    def _again_or_raise(self, tries: _Tries, failure: ApiError, *, harmless: bool) -> None:
        if not harmless:
            raise failure
        self.wait(tries.count, failure)
        tries.count += 1


@dataclass(slots=True)
class _Tries:
    """`count`: tries so far, less one. `lost`: those that may have been carried out although we were not told."""

    count: int
    lost: int = 0


def pairs(query: Query | None) -> tuple[tuple[str, str], ...]:
    """A query as it is sent: names whose value is None are left out."""
    return tuple((name, str(value)) for name, value in (query or {}).items() if value is not None)


def _body(value: object) -> bytes | None:
    return None if value is None else json.dumps(value, ensure_ascii=False).encode()


def _headers(body: object, *, key: str | None = None, if_match: str | None = None) -> Mapping[str, str]:
    named = (
        ("content-type", "application/json" if body is not None else None),
        ("idempotency-key", key),
        ("if-match", if_match),
    )
    return {name: value for name, value in named if value is not None}


def _value(answer: Opened, raw: bytes) -> Any:
    if not raw:
        return None
    try:
        return json.loads(raw)
    except ValueError:
        raise ApiError(
            "the answer is not JSON; check that the API URL leads to a Keeptrusts control plane",
            code="unreadable_answer",
            status=answer.status,
            request_id=answer.headers.get("x-request-id"),
        ) from None


def _unreachable(request: Request, lost: LostError) -> ApiUnreachableError:
    doubt = (
        "" if lost.unsent or request.method == "GET" else "; the change may have been made: read it before another try"
    )
    return ApiUnreachableError(f"the control plane gave no answer: {lost}{doubt}")


def _refusal(answer: Opened) -> ApiError:
    """The error that the answer's problem document describes, or one that says there is none."""
    try:
        raw = b"".join(answer.chunks())
    except LostError:
        raw = b""
    finally:
        answer.close()
    problem = _problem(raw)
    asked = read_retry_after(answer.headers.get("retry-after"), datetime.now(UTC))
    return ApiError(
        str(problem.get("detail") or f"the control plane answered with status {answer.status} and no explanation"),
        code=str(problem.get("code") or "unexpected_answer"),
        status=answer.status,
        request_id=_text(problem.get("request_id")) or answer.headers.get("x-request-id"),
        errors=tuple(_items(problem.get("errors"))),
        retry_after=asked,
    )


def _problem(raw: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(raw)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _items(value: object) -> Iterable[dict[str, object]]:
    return (item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()


def _new_key() -> str:
    import secrets

    return secrets.token_hex(16)
