"""What the gateway answers: the governed routes, which a flow serves, and its own pages."""

from __future__ import annotations

import hmac
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from ipaddress import ip_address
from typing import Any, Final, TypeAlias

from uuid_utils import uuid7

from keeptrusts.core.decision import Decision
from keeptrusts.core.errors import InputError, KeeptrustsError
from keeptrusts.core.ids import ESCALATION, EVENT, REQUEST, make_id
from keeptrusts.core.version import VERSION
from keeptrusts.flow.arrival import Arrival, Snapshot
from keeptrusts.flow.effects import Flow, Headers
from keeptrusts.gateway.active import Active, Holder
from keeptrusts.gateway.admission import GOVERNED, SOON, Access, Admission, Admitted, RefusedError, path_of
from keeptrusts.gateway.bodies import UnsupportedEncodingError, unpack
from keeptrusts.gateway.callers import caller_of, trace_of
from keeptrusts.gateway.cors import is_preflight, preflight, readable
from keeptrusts.gateway.driver import Performer, World, drive
from keeptrusts.gateway.http1 import Responder
from keeptrusts.gateway.metrics import MEDIA_TYPE, Metrics
from keeptrusts.gateway.requests import Request
from keeptrusts.gateway.responses import error_response, rfc3339
from keeptrusts.policy.compiled import Cors

Serve: TypeAlias = Callable[[Arrival, Snapshot, Callable[[], int]], Flow[None]]
Answer: TypeAlias = tuple[int, Headers, bytes]
Page: TypeAlias = Callable[[Request, str], Awaitable[Answer]]

DEFAULT_BODY_BYTES: Final = 10 * 1024 * 1024
_JSON: Final[Headers] = (("content-type", "application/json"),)
_TEXT: Final[Headers] = (("content-type", "text/plain; charset=utf-8"),)
_log = logging.getLogger(__name__)


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
        self._admission = Admission(holder, access, lambda: world.spool.has_room)
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
        path = path_of(request.target)
        cors = self._cors() if path in GOVERNED else None
        fields = dict(reversed(request.headers)) if cors is not None else {}
        responder.extra = readable(cors, fields)
        try:
            if cors is not None and is_preflight(request.method, fields):
                await self._answer_preflight(cors, fields, responder)
                return
            if path in GOVERNED:
                await self._govern(path, request, responder, peer)
                return
            status, headers, body = await self._page(path, request)(request, peer)
        except RefusedError as refused:
            status, headers, body = _refusal(path, refused)
        await responder.respond(status, headers, body)

    def vet(self, head: Request, peer: str) -> Answer | None:
        """Look at a request whose body is still to come: the answer that refuses it, or None."""
        path = path_of(head.target)
        try:
            if path not in GOVERNED:
                self._page(path, head)
            elif head.method != "OPTIONS":
                self._admission.admit(path, head.method, head.headers, peer)
        except RefusedError as refused:
            status, headers, body = _refusal(path, refused)
            return status, (*headers, *readable(self._cors(), dict(reversed(head.headers)))), body
        return None

    def _cors(self) -> Cors | None:
        active = self._holder.active
        return active.snapshot.policy.cors if active else None

    async def _answer_preflight(self, cors: Cors, fields: Mapping[str, str], responder: Responder) -> None:
        allowed = preflight(cors, fields)
        if allowed is None:
            raise RefusedError(403, "origin_not_allowed", "`cors` does not let this page send this request")
        responder.extra = ()
        await responder.respond(204, allowed, b"")

    def _page(self, path: str, request: Request) -> Page:
        method = "GET" if request.method == "HEAD" else request.method
        page = self._pages.get((path, method))
        if page is None:
            allowed = ", ".join(known for where, known in self._pages if where == path)
            if allowed:
                raise RefusedError(405, "method_not_allowed", f"`{path}` takes {allowed}", (("allow", allowed),))
            raise RefusedError(
                404, "unknown_route", "there is no such route; nothing is passed on that is not governed"
            )
        return page

    async def _govern(self, path: str, request: Request, responder: Responder, peer: str) -> None:
        admitted = self._admission.admit(path, request.method, request.headers, peer)
        active = admitted.active
        arrival = self._arrival(path, request, admitted)
        if len(arrival.body) > len(request.body) and not responder.hold(len(arrival.body)):
            raise RefusedError(503, "overloaded", "too much is being received at a time; try again", SOON)
        performer = Performer(self._world, active.snapshot.policy, active.routes, responder, active.variables)
        flow = self._serve(arrival, active.snapshot, time.perf_counter_ns)
        self._admission.in_flight += 1
        try:
            await drive(flow, performer.perform, lambda bug: _crashed(arrival, active, bug))
        finally:
            self._admission.in_flight -= 1
            performer.close()

    def _arrival(self, path: str, request: Request, admitted: Admitted) -> Arrival:
        trace_id, parent = trace_of(admitted.headers)
        arrival = Arrival(
            request_id=_new_id(REQUEST),
            event_id=_new_id(EVENT),
            escalation_id=_new_id(ESCALATION),
            method=request.method,
            path=path,
            headers=admitted.headers,
            body=request.body,
            caller=caller_of(admitted.headers, key_id=admitted.key_id, ip=admitted.ip),
            received_us=time.time_ns() // 1000,
            trace_id=trace_id,
            parent_span_id=parent,
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
            raise RefusedError(415, unknown.code, str(unknown), (("accept-encoding", "gzip, deflate"),)) from None
        except InputError as broken:
            raise RefusedError(400, broken.code, str(broken)) from None
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
        return 200, (("content-type", MEDIA_TYPE),), await self._metrics.shown()

    async def _config(self, request: Request, peer: str) -> tuple[int, Headers, bytes]:
        self._only_admins(request, peer)
        active = self._holder.active
        return _json(200, {"active": active.shown() if active else None, "last_error": self._holder.last_error})

    async def _reload_config(self, request: Request, peer: str) -> tuple[int, Headers, bytes]:
        self._only_admins(request, peer)
        try:
            changed = await self._reload()
        except KeeptrustsError as failed:
            raise RefusedError(422 if isinstance(failed, InputError) else 502, failed.code, str(failed)) from None
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
            raise RefusedError(403, "forbidden", detail)


def _refusal(path: str, refused: RefusedError) -> Answer:
    headers, body = error_response(refused.code, str(refused), refused.status, _new_id(REQUEST), path=path)
    return refused.status, (*headers, *refused.headers), body


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
        parent_span_id=arrival.parent_span_id,
        latency_ms=max(0, now_us - arrival.received_us) / 1000,
        key_id=arrival.caller.key_id,
    )
