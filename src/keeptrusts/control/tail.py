"""Server-sent events: what is stored, as it is stored, in the order of commits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from fastapi.concurrency import run_in_threadpool

from keeptrusts.control.auth import Actor
from keeptrusts.control.hub import events_topic
from keeptrusts.control.problem import ProblemError
from keeptrusts.control.services import Services
from keeptrusts.store.events import Cursor, Events, Filters, Followed

AT_ONCE: Final = 200
POLL_S: Final = 1.0
"""How often a tail looks for what other replicas stored; what this process stores wakes it at once."""
HEARTBEAT_S: Final = 15.0


def start(services: Services, actor: Actor, given: str | None) -> Cursor:
    """
    Just after the event whose cursor is given; else where somebody starts who wants only what is to come.

    Raises:
        ProblemError: 422 `invalid_cursor`: it is none; 409 `cursor_ahead`: what it names is not there any more.
    """
    cursor = Cursor.read(given) if given else None
    if given and cursor is None:
        detail = "`Last-Event-ID` is not one that this stream gave; start without it"
        raise ProblemError(422, "invalid_cursor", detail)
    with services.store.events.read() as tx:
        mine = Events(tx.connection, actor.org)
        if cursor is None:
            return mine.now()
        if mine.is_ahead(cursor):
            detail = "`Last-Event-ID` is of before the control plane was restored from a backup; start without it"
            raise ProblemError(409, "cursor_ahead", detail)
        return cursor


async def follow(services: Services, actor: Actor, filters: Filters, cursor: Cursor) -> AsyncIterator[bytes]:
    """Frames until the caller leaves, its key ends, or the process stops."""
    clock = asyncio.get_running_loop().time
    heartbeat = clock() + HEARTBEAT_S
    yield f": from {cursor}\n\n".encode()
    while not services.hub.stopped:
        stored = services.hub.expect(events_topic(actor.org))
        try:
            found, cursor = await run_in_threadpool(_next, services, actor, filters, cursor)
            if found:
                yield "".join(map(_frame, found)).encode()
            if len(found) < AT_ONCE:
                await asyncio.wait([stored], timeout=POLL_S)
        finally:
            services.hub.leave(events_topic(actor.org), stored)
        if clock() >= heartbeat:
            if not await run_in_threadpool(_still_welcome, services, actor):
                return
            yield b": still here\n\n"
            heartbeat = clock() + HEARTBEAT_S


def _next(services: Services, actor: Actor, filters: Filters, cursor: Cursor) -> tuple[list[Followed], Cursor]:
    with services.store.events.read() as tx:
        return Events(tx.connection, actor.org, services.sealer).after(cursor, filters, limit=AT_ONCE)


def _still_welcome(services: Services, actor: Actor) -> bool:
    """A stream may outlive its key."""
    credential = services.credentials.look_up(actor.key_id)
    moment = services.store.clock()
    return (
        credential is not None
        and credential.revoked_at is None
        and (credential.expires_at is None or credential.expires_at > moment)
    )


def _frame(one: Followed) -> str:
    return f"id: {one.cursor}\nevent: {one.event_type}\ndata: {one.json_text}\n\n"
