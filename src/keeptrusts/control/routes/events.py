"""`/v1/events` and `POST /v1/gateway/events`: what gateways recorded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Header, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from keeptrusts.api.events import Event
from keeptrusts.api.page import Page
from keeptrusts.api.runtime import EventBatch, EventReceipt
from keeptrusts.control import tail
from keeptrusts.control.auth import Actor, EventReader, Runtime
from keeptrusts.control.event_filters import EventFilters
from keeptrusts.control.ingest import read_batch, read_events
from keeptrusts.control.metrics import EVENTS
from keeptrusts.control.paging import Paging
from keeptrusts.control.services import AppServices, Services
from keeptrusts.control.unit_of_work import transactional
from keeptrusts.core.errors import NotFoundError
from keeptrusts.core.ids import EVENT, is_id
from keeptrusts.store.columns import rfc3339
from keeptrusts.store.events import Events
from keeptrusts.store.trail import Trail
from keeptrusts.store.transaction import Tx

router = APIRouter(prefix="/v1", tags=["events"])

STATS_WINDOW: Final = timedelta(hours=24)
_RECEIPT: Final[dict[int | str, dict[str, Any]]] = {200: {"model": EventReceipt}}
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {
            "type": "object", "required": ["events"], "additionalProperties": False, "description": EventBatch.__doc__,
            "properties": {"events": {"type": "array", "maxItems": 1000, "items": {"type": "object"}}},
        }}},
    }
}  # fmt: skip


async def answer_events(services: Services, actor: Actor, request: Request) -> Response:
    """The answer to a batch, once it is durable; refusals are raised."""
    encoding = request.headers.get("content-encoding")
    body = await request.body()
    with services.gathering.room(len(body)):
        work = partial(_take, services, actor, body, encoding)
        receipt = await asyncio.get_running_loop().run_in_executor(services.gathering.threads, work)
    return Response(msgspec.json.encode(receipt), media_type="application/json")


@router.post("/gateway/events", responses=_RECEIPT, openapi_extra=_BODY)
async def take_events(
    request: Request,
    actor: Runtime,
    services: AppServices,
    content_encoding: Annotated[str | None, Header(max_length=40)] = None,  # noqa: ARG001  for its description
) -> Response:
    """Take events in. What the answer calls accepted or a duplicate is durable; gzip is understood."""
    return await answer_events(services, actor, request)


@router.get("/events", responses={200: {"model": Page[Event]}})
@transactional
def list_events(actor: EventReader, tx: Tx, paging: Paging, filters: EventFilters, services: AppServices) -> Response:
    """Events, newest first by the gateways' clocks."""
    rows = Events(tx.events, actor.org, services.sealer).page(filters, before=paging.before, limit=paging.take)
    page = paging.page(rows, key=lambda row: row[0])
    # the stored text is the answer: nothing is read and written again
    shown = ",".join(row[1] for row in page["data"])
    rest = msgspec.json.encode({"next_cursor": page["next_cursor"], "has_more": page["has_more"]}).decode()
    return Response(f'{{"data":[{shown}],{rest[1:]}', media_type="application/json")


@router.get("/events/stats")
@transactional
def count_events(actor: EventReader, tx: Tx, filters: EventFilters) -> dict[str, Any]:
    """Decisions by verdict in a window: the last 24 h, or `since` to `until`."""
    until = filters.until or tx.now
    since = filters.since or until - STATS_WINDOW
    found = Trail(tx.events, actor.org).count(filters, since, until)
    verdicts = {name: found.get(name, 0) for name in ("allowed", "redacted", "escalated", "blocked", "failed")}
    return {"since": rfc3339(since), "until": rfc3339(until), "total": sum(found.values()), "verdicts": verdicts}


@router.get("/events/stream", response_class=StreamingResponse, responses={200: {"content": {"text/event-stream": {}}}})
async def follow_events(
    actor: EventReader,
    services: AppServices,
    filters: EventFilters,
    last_event_id: Annotated[str | None, Header(max_length=60)] = None,
) -> StreamingResponse:
    """
    Events as they are stored, as server-sent events, from now on or from just after `Last-Event-ID`.

    Nothing is missed or repeated, however many gateways report at once. A comment every 15 s keeps the line open.
    """
    cursor = await run_in_threadpool(tail.start, services, actor, last_event_id)
    frames: AsyncIterator[bytes] = tail.follow(services, actor, filters, cursor)
    return StreamingResponse(frames, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


@router.get("/events/{event_id}", responses={200: {"model": Event}})
@transactional
def read_event(event_id: str, actor: EventReader, tx: Tx, services: AppServices) -> Response:
    """One event, with its place in its chain."""
    if not is_id(event_id, EVENT):
        raise NotFoundError("there is no such event")
    return Response(Events(tx.events, actor.org, services.sealer).read(event_id), media_type="application/json")


def _take(services: Services, actor: Actor, body: bytes, encoding: str | None) -> EventReceipt:
    batch = read_events(read_batch(body, encoding), actor, services.sealer)
    receipt = services.gathering.take_in(actor, batch)
    for outcome, count in (
        ("accepted", len(receipt["accepted"])),
        ("duplicate", len(receipt["duplicates"])),
        ("rejected", len(receipt["rejected"])),
    ):
        EVENTS.labels(outcome).inc(count)
    return receipt
