"""
What surrounds every request, outside the framework: its id, the bound on its body, and the last catch.

The body is read here in full (no route takes more than `MAX_BODY_BYTES`), so that nothing inside can forget the bound;
a large one only of callers whose key is known.
"""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from contextlib import suppress
from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from keeptrusts.api.limits import MAX_BODY_BYTES
from keeptrusts.control.auth import require_known_key
from keeptrusts.control.metrics import count_request
from keeptrusts.control.problem import ProblemError, on_own_error, problem
from keeptrusts.core.errors import KeeptrustsError
from keeptrusts.core.ids import REQUEST
from keeptrusts.store.transaction import new_id

log = logging.getLogger("keeptrusts.control")

BODY_TIMEOUT_S = 60.0
LINGER_S = 2.0
LINGER_BYTES = 32 * 1024 * 1024
SMALL_BODY = 16 * 1024
"""Larger bodies are read of callers with a key alone: a few strangers could fill the memory of the server."""
_OF_BODIES = frozenset({b"content-length", b"transfer-encoding"})
"""A request with neither has no body (RFC 9112, 6.3)."""


class Envelope:
    """The outermost layer. Puts `request_id`, `body` and `extra_headers` into the request's state."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = new_id(REQUEST)
        state: dict[str, Any] = {**scope.get("state", {}), "request_id": request_id, "extra_headers": {}}
        inner: Scope = {**scope, "state": state}
        answer = _Answer(send, state)
        try:
            if _is_large(scope):
                await require_known_key(Request(inner))
            body = await _read_body(scope, receive)
        except _RefusedError as refused:
            reply = problem(request_id, refused.status, refused.code, refused.detail, headers={"Connection": "close"})
            await reply(inner, receive, _lingering(answer, receive))
            return
        except ProblemError as unknown:
            headers = {**(unknown.headers or {}), "Connection": "close"}
            reply = problem(request_id, unknown.status_code, unknown.code, str(unknown.detail), headers=headers)
            await reply(inner, receive, _lingering(answer, receive))
            return
        except KeeptrustsError as failed:
            await (await on_own_error(Request(inner), failed))(inner, receive, answer)
            return
        state["body"] = body
        began = time.perf_counter()
        await self._call(inner, _replay(body, receive), answer)
        route = getattr(inner.get("route"), "path", None)
        count_request(scope["method"], route, answer.status, answer.started_at - began)

    async def _call(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        try:
            await self._app(scope, receive, answer)
        except Exception as bug:  # noqa: BLE001  nothing inside may take the process down or show its insides
            request_id = scope["state"]["request_id"]
            log.error(  # noqa: TRY400  the traceback quotes values
                "internal error", extra={"fields": {"request_id": request_id, **describe(bug)}}
            )
            if answer.started:
                raise ConnectionAbortedError from None
            text = "something went wrong here; the log of the control plane has it under this request id"
            await problem(request_id, 500, "internal_error", text)(scope, receive, answer)


class _Answer:
    """`send` that adds the headers every answer has."""

    def __init__(self, send: Send, state: dict[str, Any]) -> None:
        self._send = send
        self._state = state
        self.started = False
        self.started_at = 0.0
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            self.started_at = time.perf_counter()
            self.status = message["status"]
            headers = [
                *message.get("headers", ()),
                (b"x-request-id", self._state["request_id"].encode()),
                (b"x-content-type-options", b"nosniff"),
            ]
            for name, value in self._state["extra_headers"].items():
                headers.append((name.lower().encode(), value.encode()))
            if all(name != b"cache-control" for name, _ in headers):
                headers.append((b"cache-control", b"no-store"))
            message = {**message, "headers": headers}
        await self._send(message)


def _lingering(send: Send, receive: Receive) -> Send:
    """
    Close a while after the answer: of a connection that is closed before all was read, the system tells the other end
    by a reset, and the answer is lost to a client that still sends.
    """

    async def linger(message: Message) -> None:
        ends = message["type"] == "http.response.body" and not message.get("more_body", False)
        if not ends:
            await send(message)
            return
        await send({**message, "more_body": True})
        await _read_on(receive)
        await send({"type": "http.response.body", "body": b""})

    return linger


async def _read_on(receive: Receive) -> None:
    """Throw away what still comes."""
    left = LINGER_BYTES
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER_S):
            while left > 0:
                message = await receive()
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return
                left -= len(message.get("body", b""))


def _is_large(scope: Scope) -> bool:
    """
    Whether the body is one that is not read of a stranger.

    One of unknown length counts as such.
    """
    headers = dict(scope["headers"])
    stated = headers.get(b"content-length", b"0")
    return b"transfer-encoding" in headers or not stated.isdigit() or int(stated) > SMALL_BODY


class _RefusedError(Exception):
    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail


async def _read_body(scope: Scope, receive: Receive) -> bytes:
    if not any(name in _OF_BODIES for name, _ in scope["headers"]):
        return b""
    too_large = _RefusedError(413, "body_too_large", f"a body may have {MAX_BODY_BYTES} bytes; send less at a time")
    stated = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    if stated.isdigit() and int(stated) > MAX_BODY_BYTES:
        raise too_large
    pieces: list[bytes] = []
    size, more = 0, True
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise _RefusedError(400, "malformed_request", "the body ended early")
                pieces.append(message.get("body", b""))
                size += len(pieces[-1])
                more = message.get("more_body", False)
                if size > MAX_BODY_BYTES:
                    raise too_large
    except TimeoutError:
        raise _RefusedError(408, "body_timeout", f"the body took more than {BODY_TIMEOUT_S:.0f} s to arrive") from None
    return b"".join(pieces)


def _replay(body: bytes, receive: Receive) -> Receive:
    pending = [body]

    async def next_message() -> Message:
        if pending:
            return {"type": "http.request", "body": pending.pop(), "more_body": False}
        return await receive()

    return next_message


def describe(bug: BaseException) -> dict[str, Any]:
    """An exception for the log: type and places, never its message, which may quote what the caller sent."""
    frames = traceback.extract_tb(bug.__traceback__)[-8:]
    return {
        "error": type(bug).__name__,
        "places": [f"{frame.filename.rpartition('keeptrusts/')[2]}:{frame.lineno} {frame.name}" for frame in frames],
    }
