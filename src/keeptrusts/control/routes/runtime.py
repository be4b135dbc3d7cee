"""`/v1/gateway/bundle`, `/v1/gateway/status`, `/v1/trail/keys`: what a gateway asks and tells."""

from __future__ import annotations

import asyncio
import base64
import re
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Header, Query, Response

from keeptrusts.api.page import Page
from keeptrusts.api.runtime import Bundle, StatusAnswer, StatusReport, TrailKey
from keeptrusts.api.trail import TrailHead
from keeptrusts.control.auth import Runtime, TrailReader
from keeptrusts.control.fleet import desired_of, may_be_last, tell_deployed, tell_health
from keeptrusts.control.hub import gateway_topic
from keeptrusts.control.problem import ProblemError, allow_words
from keeptrusts.control.services import AppServices, Services
from keeptrusts.control.unit_of_work import transactional
from keeptrusts.core.ids import GATEWAY, is_id
from keeptrusts.store.columns import rfc3339, rfc3339_or_none
from keeptrusts.store.gateways import Gateways
from keeptrusts.store.signing_keys import public_keys
from keeptrusts.store.trail import Trail
from keeptrusts.store.transaction import Tx

router = APIRouter(prefix="/v1", tags=["runtime"])

LONGEST_WAIT_S: Final = 30
_WAIT = re.compile(r"(?:^|[,;\s])wait[ \t]*=[ \t]*(\"?)(\d{1,4})\1(?:$|[,;\s])", re.ASCII | re.IGNORECASE)

allow_words(["gateway_id"])


def read_gateway_id(
    actor: Runtime,
    gateway_id: Annotated[str | None, Query(max_length=64)] = None,
    x_keeptrusts_gateway_id: Annotated[str | None, Header(max_length=64)] = None,
) -> str:
    """
    Whose bundle it is about: a gateway token says it itself, an API key says it beside.

    Raises:
        ProblemError: It was not said, or a token speaks for another gateway.
    """
    named = gateway_id or x_keeptrusts_gateway_id
    if actor.gateway_id is not None:
        if named not in {None, actor.gateway_id}:
            raise ProblemError(403, "forbidden", "a gateway token is good for its own gateway only")
        return actor.gateway_id
    if named is None:
        detail = "say which gateway: `X-Keeptrusts-Gateway-Id` or `?gateway_id=` (a gateway token says it itself)"
        raise ProblemError(422, "missing_gateway_id", detail)
    if not is_id(named, GATEWAY):
        raise ProblemError(404, "not_found", "there is no such gateway")
    return named


GatewayId = Annotated[str, Depends(read_gateway_id)]


@router.get("/gateway/bundle", responses={200: {"model": Bundle}, 304: {"description": "still the same"}})
async def read_bundle(
    actor: Runtime,
    gateway_id: GatewayId,
    services: AppServices,
    if_none_match: Annotated[str | None, Header(max_length=1000)] = None,
    prefer: Annotated[str | None, Header(max_length=1000)] = None,
) -> Response:
    """
    The signed bundle this gateway is to run.

    With `If-None-Match` and `Prefer: wait=N` (30 s at most) it waits for another one and answers 304 when none came.
    """
    return await answer_poll(services, actor.org, gateway_id, if_none_match, prefer)


async def answer_poll(
    services: Services, org: str, gateway_id: str, if_none_match: str | None, prefer: str | None
) -> Response:
    """The answer to a poll, once there is one; refusals are raised."""
    seen = {tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")}
    deadline = asyncio.get_running_loop().time() + _wait(prefer)
    while True:
        changed = services.hub.expect(gateway_topic(gateway_id))
        try:
            tag = services.bundles.remembered(org, gateway_id)
            if tag is None or tag not in seen:
                signed = await services.bundles.look_up(org, gateway_id)
                tag = signed.etag if signed is not None else None
                if signed is not None and tag not in seen:
                    return Response(signed.body, headers=_headers(signed.etag), media_type="application/json")
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                return _unchanged(tag)
            await _happens(changed, left)
        finally:
            services.hub.leave(gateway_topic(gateway_id), changed)
        if services.hub.stopped:
            deadline = 0.0


@router.post("/gateway/status")
@transactional
def report_status(
    report: StatusReport,
    actor: Runtime,
    tx: Tx,
    x_keeptrusts_gateway_id: Annotated[str | None, Header(max_length=64)] = None,
) -> StatusAnswer:
    """What an instance runs, every 30 s and after each activation; the answer says what it should run."""
    gateway_id = read_gateway_id(actor, report.get("gateway_id"), x_keeptrusts_gateway_id)
    mine = Gateways(tx.connection, actor.org)
    before = mine.read(gateway_id, at=tx.now).shown
    last = may_be_last(before, report["active_digest"], tx.now)
    if last:  # of two that are the last at the same time, the second has to see the first
        mine.read(gateway_id, at=tx.now, to_change=True)
    mine.report(gateway_id, report, at=tx.now)
    if last:
        tell_deployed(tx, actor.org, gateway_id)
    tell_health(tx, actor.org, gateway_id)
    head = Trail(tx.events, actor.org).head()
    trail_head: TrailHead = {"number": head.number, "digest": head.digest}
    desired = desired_of(mine, before, report["instance_id"], tx.now)
    return {"gateway_id": gateway_id, "desired_digest": desired, "trail_head": trail_head}


@router.get("/trail/keys")
@transactional
def list_trail_keys(_actor: TrailReader, tx: Tx) -> Page[TrailKey]:
    """The keys that bundles are, or were, signed with."""
    found: list[TrailKey] = [
        {
            "key_id": key.key_id,
            "public_key": base64.b64encode(key.public_key).decode(),
            "created_at": rfc3339(key.created_at),
            "retired_at": rfc3339_or_none(key.retired_at),
        }
        for key in public_keys(tx.connection)
    ]
    return {"data": found, "next_cursor": None, "has_more": False}


def _unchanged(tag: str | None) -> Response:
    if tag is None:
        detail = "the gateway has no configuration; set its `configuration_id`"
        raise ProblemError(404, "no_configuration", detail)
    return Response(status_code=304, headers=_headers(tag))


async def _happens(changed: asyncio.Future[None], seconds: float) -> None:
    """Wait for it, so long at most. `asyncio.wait` keeps more for each that waits, and there may be ten thousand."""
    giving_up = asyncio.get_running_loop().call_later(seconds, _fulfil, changed)
    try:
        await changed
    finally:
        giving_up.cancel()


def _fulfil(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _headers(tag: str) -> dict[str, str]:
    return {"ETag": tag, "Cache-Control": "no-cache"}


def _wait(prefer: str | None) -> float:
    found = _WAIT.search(prefer or "")
    return min(int(found[2]), LONGEST_WAIT_S) if found else 0
