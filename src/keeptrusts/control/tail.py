"""Server-sent events: what is stored, as it is stored, in the order of commits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from fastapi.concurrency import run_in_threadpool

from keeptrusts.control.auth import Actor
from keeptrusts.control.services import Services
from keeptrusts.store.events import Cursor, Events, Filters, Followed

AT_ONCE: Final = 200
POLL_S: Final = 1.0
"""How often a tail looks for what other replicas stored; what this process stores wakes it at once."""
HEARTBEAT_S: Final = 15.0


def topic(org: str) -> str:
    """What a tail of this organisation's events waits for."""
    return f"events/{org}"


def now(services: Services, actor: Actor) -> Cursor:
    """Where somebody starts who wants only what is to come."""
    with services.store.read() as tx:
        return Events(tx.connection, actor.org).now()


async def follow(services: Services, actor: Actor, filters: Filters, cursor: Cursor) -> AsyncIterator[bytes]:
    """Frames until the caller leaves, its key ends, or the process stops."""
    clock = asyncio.get_running_loop().time
    heartbeat = clock() + HEARTBEAT_S
    yield f": from {cursor}\n\n".encode()
    while not services.hub.stopped:
        stored = services.hub.expect(topic(actor.org))
        try:
            found, cursor = await run_in_threadpool(_next, services, actor, filters, cursor)
            if found:
                yield "".join(map(_frame, found)).encode()
            if len(found) < AT_ONCE:
                await asyncio.wait([stored], timeout=POLL_S)
        finally:
            services.hub.leave(topic(actor.org), stored)
        if clock() >= heartbeat:
            if not await run_in_threadpool(_still_welcome, services, actor):
                return
            yield b": still here\n\n"
            heartbeat = clock() + HEARTBEAT_S


def _next(services: Services, actor: Actor, filters: Filters, cursor: Cursor) -> tuple[list[Followed], Cursor]:
    with services.store.read() as tx:
        return Events(tx.connection, actor.org).after(cursor, filters, limit=AT_ONCE)


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
