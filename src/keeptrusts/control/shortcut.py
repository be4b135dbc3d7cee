"""
The requests that gateways send all the time, answered without walking through the framework.

`POST /v1/gateway/events` and `GET /v1/gateway/bundle` are still routes like any other: they are described as such,
their callers are told from each other by the same dependency, and refusals have the same form. The framework's own work
for a request is as much as storing twenty events, and for a poll that waits it is most of the memory.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from fastapi import Request, Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from keeptrusts.control import scopes
from keeptrusts.control.auth import Actor, Needs
from keeptrusts.control.middleware import Envelope
from keeptrusts.control.problem import on_http_error, on_own_error
from keeptrusts.control.routes.events import answer_events
from keeptrusts.control.routes.runtime import answer_poll, read_gateway_id
from keeptrusts.control.services import services_of
from keeptrusts.core.errors import KeeptrustsError

_may: Final = Needs(scopes.RUNTIME)
_LONGEST: Final[Mapping[bytes, int]] = {b"if-none-match": 1000, b"prefer": 1000, b"x-keeptrusts-gateway-id": 64}
"""What the framework takes of these headers; what is longer is left to it to refuse."""

_Answer: TypeAlias = Callable[[Request, Actor], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class _Way:
    """`path` is what the request's metrics are kept under."""

    path: str
    answer: _Answer


async def _take_events(request: Request, actor: Actor) -> Response:
    return await answer_events(services_of(request), actor, request)


async def _poll(request: Request, actor: Actor) -> Response:
    said = request.headers
    gateway_id = read_gateway_id(actor, None, said.get("x-keeptrusts-gateway-id"))
    return await answer_poll(services_of(request), actor.org, gateway_id, said.get("if-none-match"), said.get("prefer"))


_WAYS: Final[Mapping[tuple[str, str], _Way]] = {
    ("POST", "/v1/gateway/events"): _Way("/v1/gateway/events", _take_events),
    ("GET", "/v1/gateway/bundle"): _Way("/v1/gateway/bundle", _poll),
}


class Shortcut:
    """Goes before the framework, which has an envelope of its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._envelope = Envelope(_walk)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        known = scope["type"] == "http" and (scope["method"], scope["path"]) in _WAYS
        await (self._envelope if known and not _is_unusual(scope) else self._app)(scope, receive, send)


async def _walk(scope: Scope, receive: Receive, send: Send) -> None:
    way = scope["route"] = _WAYS[scope["method"], scope["path"]]
    answer = await _answer(Request(scope, receive), way)
    await answer(scope, receive, send)


def _is_unusual(scope: Scope) -> bool:
    if scope["method"] != "GET":
        return False
    return bool(scope["query_string"]) or any(
        len(value) > _LONGEST.get(name, len(value)) for name, value in scope["headers"]
    )


async def _answer(request: Request, way: _Way) -> Response:
    try:
        return await way.answer(request, await _may(request))
    except HTTPException as refused:
        return await on_http_error(request, refused)
    except KeeptrustsError as failed:
        return await on_own_error(request, failed)
