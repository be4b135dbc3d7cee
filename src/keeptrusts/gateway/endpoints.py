"""What the gateway answers: the governed routes, which a flow serves, and its own pages."""

from __future__ import annotations

import hmac
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any, Final, TypeAlias

from uuid_utils import uuid7

from keeptrusts.core.decision import Decision
from keeptrusts.core.errors import InputError, KeeptrustsError, NotAuthorisedError
from keeptrusts.core.ids import ESCALATION, EVENT, REQUEST, make_id
from keeptrusts.core.version import VERSION
from keeptrusts.flow.arrival import Arrival, Snapshot
from keeptrusts.flow.effects import Flow, Headers
from keeptrusts.gateway.active import Active, Holder
from keeptrusts.gateway.bodies import UnsupportedEncodingError, unpack
from keeptrusts.gateway.callers import ClientKeys, address_of, caller_of, trace_of, without_key
from keeptrusts.gateway.driver import Performer, World, drive
from keeptrusts.gateway.http1 import Responder
from keeptrusts.gateway.metrics import MEDIA_TYPE, Metrics
from keeptrusts.gateway.requests import Request
from keeptrusts.gateway.responses import error_response, rfc3339
from keeptrusts.wire.dialects import DIALECTS

Serve: TypeAlias = Callable[[Arrival, Snapshot, Callable[[], int]], Flow[None]]
Page: TypeAlias = Callable[[Request, str], Awaitable[tuple[int, Headers, bytes]]]

GOVERNED: Final[Mapping[str, str]] = {**dict.fromkeys(DIALECTS, "POST"), "/v1/models": "GET"}
DEFAULT_BODY_BYTES: Final = 10 * 1024 * 1024
_JSON: Final[Headers] = (("content-type", "application/json"),)
_TEXT: Final[Headers] = (("content-type", "text/plain; charset=utf-8"),)
_log = logging.getLogger(__name__)


class _Refusal(KeeptrustsError):  # noqa: N818 - it is raised and answered within this module
    """An answer that no flow gives, and that leaves no record: the request was never taken in."""

    def __init__(self, status: int, code: str, message: str, headers: Headers = ()) -> None:
        super().__init__(message, code=code)
        self.status = status
        self.headers = headers


@dataclass(frozen=True, slots=True)
class Access:
    """
    Who may do what.

    Args:
        keys: None lets everybody call who can reach the port.
        admin_token: Opens `/keeptrusts/...` from elsewhere than this machine; empty opens it to nobody else.
    """

    keys: ClientKeys | None = None
    admin_token: str = field(default="", repr=False)
    max_concurrency: int = 1000


class Endpoints:
    """
    Args:
        serve: Makes the flow of a governed request.
        reload: Reads the configuration again; returns whether it changed, raises `KeeptrustsError`.
    """

    def __init__(
        self,
        world: World,
        holder: Holder,
        metrics: Metrics,
        access: Access,
        *,
        serve: Serve,
        reload: Callable[[], Awaitable[bool]],
    ) -> None:
        self._world = world
        self._holder = holder
        self._metrics = metrics
        self._access = access
        self._serve = serve
        self._reload = reload
        self._in_flight = 0
        self._started = time.monotonic()
        self._pages: dict[tuple[str, str], Page] = {
            ("/health", "GET"): self._health,
            ("/healthz", "GET"): self._alive,
            ("/readyz", "GET"): self._ready,
            ("/metrics", "GET"): self._show_metrics,
            ("/keeptrusts/config", "GET"): self._config,
            ("/keeptrusts/config/reload", "POST"): self._reload_config,
            ("/keeptrusts/providers/metrics", "GET"): self._providers,
        }

    def max_body_bytes(self) -> int:
        """Of the active configuration."""
        active = self._holder.active
        return active.snapshot.policy.size_limits.max_body_bytes if active else DEFAULT_BODY_BYTES

    async def handle(self, request: Request, responder: Responder, peer: str) -> None:
        """Answer one request."""
        path = _path(request.target)
        try:
            if path in GOVERNED:
                await self._govern(path, request, responder, peer)
                return
            status, headers, body = await self._page(path, request)(request, peer)
        except _Refusal as refused:
            status = refused.status
            headers, body = error_response(refused.code, str(refused), status, _new_id(REQUEST), path=path)
            headers = (*headers, *refused.headers)
        await responder.respond(status, headers, body)

    def _page(self, path: str, request: Request) -> Page:
        method = "GET" if request.method == "HEAD" else request.method
        page = self._pages.get((path, method))
        if page is None:
            allowed = ", ".join(known for where, known in self._pages if where == path)
            if allowed:
                raise _Refusal(405, "method_not_allowed", f"`{path}` takes {allowed}", (("allow", allowed),))
            raise _Refusal(404, "unknown_route", "there is no such route; nothing is passed on that is not governed")
        return page

    async def _govern(self, path: str, request: Request, responder: Responder, peer: str) -> None:
        active = self._admit(path, request)
        arrival = self._arrival(path, request, active, peer)
        performer = Performer(self._world, active.snapshot.policy, active.routes, responder)
        flow = self._serve(arrival, active.snapshot, time.perf_counter_ns)
        self._in_flight += 1
        try:
            await drive(flow, performer.perform, lambda bug: _crashed(arrival, active, bug))
        finally:
            self._in_flight -= 1
            performer.close()

    def _admit(self, path: str, request: Request) -> Active:
        active = self._holder.active
        if active is None:
            raise _Refusal(503, "starting", "no configuration is active yet", (("retry-after", "1"),))
        if request.method != GOVERNED[path]:
            allowed = GOVERNED[path]
            raise _Refusal(405, "method_not_allowed", f"`{path}` takes {allowed}", (("allow", allowed),))
        if self._in_flight >= self._access.max_concurrency:
            raise _Refusal(503, "overloaded", "too many requests at a time; try again", (("retry-after", "1"),))
        if not self._world.spool.has_room:
            raise _Refusal(503, "spool_full", "decisions cannot be recorded, so none is made", (("retry-after", "5"),))
        return active

    def _arrival(self, path: str, request: Request, active: Active, peer: str) -> Arrival:
        keys, headers, key_id = self._access.keys, request.headers, None
        if keys is not None:
            try:
                key_id = keys.name_of(headers, datetime.now(UTC))
            except NotAuthorisedError as unknown:
                raise _Refusal(401, unknown.code, str(unknown), (("www-authenticate", "Bearer"),)) from None
            headers = without_key(headers)
        limits = active.snapshot.policy.rate_limits
        depth = max((limit.trust_proxy_depth for limit in limits if limit.name == "ip"), default=0)
        arrival = Arrival(
            request_id=_new_id(REQUEST),
            event_id=_new_id(EVENT),
            escalation_id=_new_id(ESCALATION),
            method=request.method,
            path=path,
            headers=headers,
            body=request.body,
            caller=caller_of(headers, key_id=key_id, ip=address_of(peer, headers, depth)),
            received_us=time.time_ns() // 1000,
            trace_id=trace_of(headers),
            oversized=request.oversized,
        )
        encoding = request.header("content-encoding")
        return arrival if encoding is None else self._unpacked(arrival, encoding)

    def _unpacked(self, arrival: Arrival, encoding: str) -> Arrival:
        headers = tuple((name, value) for name, value in arrival.headers if name != "content-encoding")
        if arrival.oversized:
            return replace(arrival, headers=headers)
        try:
            body = unpack(arrival.body, encoding, self.max_body_bytes())
        except UnsupportedEncodingError as unknown:
            raise _Refusal(415, unknown.code, str(unknown), (("accept-encoding", "gzip, deflate"),)) from None
        except InputError as broken:
            raise _Refusal(400, broken.code, str(broken)) from None
        return replace(arrival, headers=headers, body=body or b"", oversized=body is None)

    async def _health(self, request: Request, peer: str) -> tuple[int, Headers, bytes]:
        del request, peer
        active = self._holder.active
        shown = {
            "status": "ok" if active else "starting",
            "uptime_seconds": round(time.monotonic() - self._started, 3),
            "version": VERSION,
            "providers": self._standing_of(active) if active else {},
            "policies_loaded": len(active.snapshot.policy.kinds) if active else 0,
            "requests_processed": self._metrics.processed,
            "config_digest": active.digest if active else None,
        }
        return _json(200, shown)

    def _standing_of(self, active: Active) -> dict[str, Any]:
        standings, breaker = self._world.standings, active.snapshot.policy.circuit_breaker
        return {
            name: {
                "provider": route.settings.target.provider,
                "available": not route.missing and standings.admits(name, breaker),
                "circuit": standings.of(name).circuit.state(breaker, standings.clock()),
            }
            for name, route in active.routes.items()
        }

    async def _providers(self, request: Request, peer: str) -> tuple[int, Headers, bytes]:
        self._only_admins(request, peer)
        active = self._holder.active
        breaker = active.snapshot.policy.circuit_breaker if active else None
        return _json(200, {"providers": self._world.standings.shown(breaker)})

    async def _alive(self, request: Request, peer: str) -> tuple[int, Headers, bytes]:
        del request, peer
        return 200, _TEXT, b"ok\n"

    async def _ready(self, request: Request, peer: str) -> tuple[int, Headers, bytes]:
        del request, peer
        if self._holder.active is None:
            return _json(503, {"status": "starting", "last_error": self._holder.last_error})
        return _json(200, {"status": "ready", "config_digest": self._holder.active.digest})

    async def _show_metrics(self, request: Request, peer: str) -> tuple[int, Headers, bytes]:
        del request, peer
        return 200, (("content-type", MEDIA_TYPE),), self._metrics.text()

    async def _config(self, request: Request, peer: str) -> tuple[int, Headers, bytes]:
        self._only_admins(request, peer)
        active = self._holder.active
        return _json(200, {"active": active.shown() if active else None, "last_error": self._holder.last_error})

    async def _reload_config(self, request: Request, peer: str) -> tuple[int, Headers, bytes]:
        self._only_admins(request, peer)
        try:
            changed = await self._reload()
        except KeeptrustsError as failed:
            raise _Refusal(422 if isinstance(failed, InputError) else 502, failed.code, str(failed)) from None
        active = self._holder.active
        return _json(200, {"changed": changed, "config_digest": active.digest if active else None})

    def _only_admins(self, request: Request, peer: str) -> None:
        given = (request.header("authorization") or "").removeprefix("Bearer ").strip()
        token = self._access.admin_token
        if token and hmac.compare_digest(given.encode(), token.encode()):
            return
        # What a proxy on this machine passes on comes from elsewhere.
        relayed = request.header("x-forwarded-for") is not None or request.header("forwarded") is not None
        if relayed or not _is_loopback(peer):
            detail = "this is for this machine, or with the gateway's admin token"
            raise _Refusal(403, "forbidden", detail)


def _path(target: str) -> str:
    path = target.partition("?")[0]
    if path.startswith(("http://", "https://")):  # RFC 9112, 3.2.2: the absolute form must be taken
        path = "/" + path.partition("://")[2].partition("/")[2]
    return path


def _is_loopback(peer: str) -> bool:
    try:
        return ip_address(peer.removeprefix("::ffff:")).is_loopback
    except ValueError:
        return False


def _new_id(prefix: str) -> str:
    return make_id(prefix, uuid7().bytes)


def _json(status: int, shown: Mapping[str, Any]) -> tuple[int, Headers, bytes]:
    return status, _JSON, json.dumps(shown).encode()


def _crashed(arrival: Arrival, active: Active, bug: Exception) -> Decision:
    """The record of a request that met a bug of ours: it was blocked (law 1)."""
    snapshot = active.snapshot
    _log.error("a flow crashed", extra={"request_id": arrival.request_id, "exception": type(bug).__name__})
    now_us = time.time_ns() // 1000
    return Decision(
        id=arrival.event_id,
        timestamp=rfc3339(now_us),
        request_id=arrival.request_id,
        verdict="blocked",
        reason_code="gateway_crashed",
        status=500,
        gateway_id=snapshot.gateway_id,
        instance_id=snapshot.instance_id,
        configuration_id=snapshot.configuration_id,
        configuration_version=snapshot.configuration_version,
        config_digest=active.digest,
        trace_id=arrival.trace_id,
        latency_ms=(now_us - arrival.received_us) / 1000,
        key_id=arrival.caller.key_id,
    )
