"""Calls to the control plane, over the gateway's own connection pool and credential."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from keeptrusts.core.errors import ApiError, ApiUnreachableError, UpstreamError
from keeptrusts.core.version import VERSION
from keeptrusts.flow.effects import Headers
from keeptrusts.gateway.proxies import proxy_for
from keeptrusts.gateway.upstream import Origin, Pool, Timeouts, request_bytes

MAX_ANSWER_BYTES: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """Status 200 to 304."""

    status: int
    headers: Headers
    body: bytes

    def header(self, name: str) -> str | None:
        """The first field of this (lower-case) name."""
        return next((value for field, value in self.headers if field == name), None)

    def json(self) -> dict[str, Any]:
        """
        The body as a JSON object.

        Raises:
            ApiError: It is none.
        """
        try:
            found = json.loads(self.body)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise ApiError("the control plane's answer is not a JSON object", code="garbled_answer", status=self.status)
        return found


class ControlPlane:
    """
    Args:
        url: Root of the control plane, with or without `/v1`.
        gateway_id: Sent along; an API key does not say for which gateway it speaks.
    """

    def __init__(self, pool: Pool, url: str, token: str, gateway_id: str | None) -> None:
        parts = urlsplit(url)
        tls = parts.scheme == "https"
        self.url = url
        self.gateway_id = gateway_id
        self._pool = pool
        self._origin = Origin(
            parts.hostname or "",
            parts.port or (443 if tls else 80),
            tls,
            proxy_for(parts.scheme, parts.netloc) if tls else None,
        )
        self._prefix = parts.path.rstrip("/").removesuffix("/v1")
        self._headers: Headers = (
            ("host", parts.netloc.rpartition("@")[2]),
            ("authorization", f"Bearer {token}"),
            ("accept", "application/json"),
            ("user-agent", f"keeptrusts-gateway/{VERSION}"),
            *((("x-keeptrusts-gateway-id", gateway_id),) if gateway_id else ()),
        )

    async def get(self, path: str, headers: Headers = (), seconds: float = 20.0) -> Answer:
        """
        Read.

        Raises:
            ApiUnreachableError: There was no answer.
            ApiError: It refused; `status` and `code` say how.
        """
        return await self._call(request_bytes("GET", self._prefix + path, (*self._headers, *headers), b""), seconds)

    async def post(self, path: str, body: bytes, seconds: float = 30.0) -> Answer:
        """Send JSON. Raises as `get` does."""
        headers = (*self._headers, ("content-type", "application/json"))
        return await self._call(request_bytes("POST", self._prefix + path, headers, body), seconds)

    async def _call(self, request: bytes, seconds: float) -> Answer:
        timeouts = Timeouts(connect=min(10.0, seconds), first_byte=seconds, total=seconds + 10.0)
        try:
            connection, head, deadline = await self._pool.exchange(self._origin, request, timeouts)
            try:
                body = b""
                while piece := await connection.read(deadline):
                    body += piece
                    if len(body) > MAX_ANSWER_BYTES:
                        raise ApiError("the control plane's answer is too large", code="garbled_answer")
            finally:
                self._pool.give_back(self._origin, connection)
        except UpstreamError as failed:
            raise ApiUnreachableError(f"`{self.url}` cannot be reached: {failed}") from None
        if head.status >= 400:
            raise _refusal(head.status, body)
        return Answer(head.status, head.headers, body)


class Backoff:
    """Waits between tries: from half a second, doubling to half a minute, each with jitter."""

    def __init__(self, first: float = 0.5, most: float = 30.0) -> None:
        self._first = first
        self._most = most
        self._next = first

    def reset(self) -> None:
        """It worked."""
        self._next = self._first

    async def wait(self) -> None:
        """Wait a little longer than last time."""
        seconds, self._next = self._next, min(self._next * 2, self._most)
        await asyncio.sleep(seconds * random.uniform(0.5, 1.0))  # noqa: S311 - spreads load, hides nothing


def _refusal(status: int, body: bytes) -> ApiError:
    try:
        problem = json.loads(body)
    except ValueError:
        problem = None
    if not isinstance(problem, Mapping):
        return ApiError(f"the control plane answered {status}", code="api_error", status=status)
    return ApiError(
        str(problem.get("detail") or problem.get("title") or f"the control plane answered {status}"),
        code=str(problem.get("code") or "api_error"),
        status=status,
        request_id=str(problem["request_id"]) if "request_id" in problem else None,
    )
