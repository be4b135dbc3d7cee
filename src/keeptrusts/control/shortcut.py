"""
The one request that gateways send all the time, answered without walking through the framework.

`POST /v1/gateway/events` is still a route like any other: it is described as one, its callers are told from each other
by the same dependency, and refusals have the same form. The framework's own work for a request is as much as storing
twenty events.
"""

from __future__ import annotations

from typing import Final

from fastapi import Request, Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from keeptrusts.control import scopes
from keeptrusts.control.auth import Needs
from keeptrusts.control.problem import on_http_error, on_own_error
from keeptrusts.control.routes.events import answer_events
from keeptrusts.control.services import services_of
from keeptrusts.core.errors import KeeptrustsError

PATH: Final = "/v1/gateway/events"
_may: Final = Needs(scopes.RUNTIME)


class _Route:
    """What the request's metrics are kept under."""

    path = PATH


class Shortcut:
    """Goes between the envelope and the application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != PATH or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        scope["route"] = _Route
        answer = await _answer(Request(scope, receive))
        await answer(scope, receive, send)


async def _answer(request: Request) -> Response:
    try:
        actor = await _may(request)
        return await answer_events(services_of(request), actor, request)
    except HTTPException as refused:
        return await on_http_error(request, refused)
    except KeeptrustsError as failed:
        return await on_own_error(request, failed)
