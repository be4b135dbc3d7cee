"""A gateway in one process: real sockets, a scripted provider, flows of the test's own."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import uvloop
from uuid_utils import uuid7

from keeptrusts.core.decision import Decision
from keeptrusts.core.errors import ClientGoneError, KeeptrustsError, SpoolFullError, UpstreamError
from keeptrusts.core.exchange import Target
from keeptrusts.core.ids import EVENT, INSTANCE, make_id
from keeptrusts.flow.arrival import Arrival, Snapshot
from keeptrusts.flow.effects import (
    EndResponse,
    Flow,
    OpenUpstream,
    ReadUpstream,
    Record,
    Respond,
    SendToClient,
    StartResponse,
    UpstreamHead,
)
from keeptrusts.gateway.active import Holder
from keeptrusts.gateway.admission import Access
from keeptrusts.gateway.driver import Source, World
from keeptrusts.gateway.endpoints import Endpoints, Serve
from keeptrusts.gateway.http1 import Patience
from keeptrusts.gateway.journal import Event, Journal, OnFull, SpoolSettings
from keeptrusts.gateway.listening import MAX_HELD_BYTES, Server
from keeptrusts.gateway.metrics import Metrics
from keeptrusts.gateway.quota import Counting, Quota
from keeptrusts.gateway.segments import read_events
from keeptrusts.gateway.spool import Spool
from keeptrusts.gateway.standings import Standings
from keeptrusts.gateway.upstream import Pool
from keeptrusts.policy.compiled import CompiledPolicy, SizeLimits, TargetSettings
from keeptrusts.policy.engine import Chain
from keeptrusts.trail.chain import gap_event

R = TypeVar("R")
Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def run_on_loop(work: Coroutine[Any, Any, R]) -> R:
    """On the loop that the gateway runs on."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def make_gap(first: int, last: int, reason: str) -> Event:
    return gap_event(make_id(EVENT, uuid7().bytes), "2026-01-01T00:00:00.000000Z", first, last, reason)


def open_journal(
    directory: Path, *, max_bytes: int = 10**9, on_full: OnFull = "block", segment_bytes: int = 8 * 1024 * 1024
) -> Journal:
    kept = SpoolSettings(directory, max_bytes, on_full, segment_bytes)
    return Journal(kept, make_id(INSTANCE, uuid7().bytes), make_gap)


def numbered(count: int, start: int = 0, padding: str = "") -> list[Event]:
    """Events that are told apart by `number`."""
    return [{"id": f"evt_{number:032x}", "event_type": "decision", "number": number, "padding": padding}
            for number in range(start, start + count)]  # fmt: skip


def numbers_in(directory: Path) -> list[int]:
    return [event["number"] for event in read_events(directory) if event["event_type"] == "decision"]


def policy_to(
    port: int, *, size: SizeLimits | None = None, digest: str = "sha256:test", **settings: Any
) -> CompiledPolicy:
    """A policy without a chain whose one target is on this port of this machine."""
    target = TargetSettings(
        target=Target(id="up", provider="openai-compatible"),
        base_url=f"http://127.0.0.1:{port}",
        format="openai",
        **settings,
    )
    return CompiledPolicy(
        name="test",
        version="1.0.0",
        enabled=True,
        chain=Chain([]),
        kinds=(),
        digest=digest,
        targets=(target,),
        size_limits=size or SizeLimits(),
    )


def decision(arrival: Arrival, status: int, reason: str = "all_policies_passed") -> Decision:
    verdict = "allowed" if status == 200 else "failed"
    return Decision(
        id=arrival.event_id,
        timestamp="2026-01-01T00:00:00.000000Z",
        request_id=arrival.request_id,
        verdict=verdict,
        reason_code=reason,
        status=status,
    )


def relay(arrival: Arrival, snapshot: Snapshot, clock: Callable[[], int]) -> Flow[None]:
    """The least a flow does: pass on what the provider says, piece by piece, and record it."""
    del clock
    status, reason = 200, "all_policies_passed"
    started = False
    try:
        head = yield from OpenUpstream(snapshot.policy.targets[0].target, arrival.path, arrival.body, arrival.headers)
        yield from StartResponse(head.status, (("content-type", "text/plain"),))
        started = True
        while data := (yield from ReadUpstream()):
            yield from SendToClient(data)
    except UpstreamError as failed:
        status, reason = 502, failed.code
    except ClientGoneError as gone:
        yield from Record(decision(arrival, 499, gone.code))
        return
    yield from _finish(arrival, status, reason, started=started)


def _finish(arrival: Arrival, status: int, reason: str, *, started: bool) -> Flow[None]:
    try:
        yield from Record(decision(arrival, status, reason))
    except SpoolFullError:
        status, reason = 503, "spool_full"
    if not started:
        yield from Respond(status, (("content-type", "text/plain"),), reason.encode())
    elif status == 200:
        yield from EndResponse()


async def no_mock(settings: TargetSettings, body: bytes) -> tuple[UpstreamHead, Source]:
    raise AssertionError((settings, body))


@dataclass
class Rig:
    """What a test may look at and turn."""

    port: int
    server: Server
    spool: Spool
    holder: Holder
    directory: Path
    metrics: Metrics
    standings: Standings
    reloads: list[KeeptrustsError | bool] = field(default_factory=list)

    def show_targets(self) -> None:
        """On `/metrics`, as the process does."""
        self.metrics.show_targets(self.standings, lambda: self.policy.circuit_breaker)

    @property
    def policy(self) -> CompiledPolicy:
        assert self.holder.active is not None
        return self.holder.active.snapshot.policy

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def ask(self, request: bytes) -> bytes:
        """Everything that comes back until the gateway closes."""
        reader, writer = await self.connect()
        writer.write(request)
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        return answer

    async def recorded(self, count: int) -> list[Event]:
        """The decisions in the spool, when there are so many."""
        found: list[Event] = []
        for _ in range(200):
            found = [event for event in read_events(self.directory) if event["event_type"] == "decision"]
            if len(found) >= count:
                return found
            await asyncio.sleep(0.02)
        raise AssertionError(f"{len(found)} records, not {count}")


@asynccontextmanager
async def gateway(
    directory: Path,
    policy: CompiledPolicy | None,
    *,
    serve: Serve = relay,
    access: Access | None = None,
    patience: Patience | None = None,
    quota: Counting | None = None,
    max_held_bytes: int = MAX_HELD_BYTES,
    **journal: Any,
) -> AsyncIterator[Rig]:
    """A gateway on a free port; drained at the end."""
    holder, metrics = Holder(), Metrics()
    spool = Spool(open_journal(directory, **journal))
    if policy is not None:
        holder.activate(Snapshot(policy=policy), "test")
    pool = Pool()
    world = World(pool, spool, quota or Quota(time.time), metrics.watch, no_mock)
    rig = Rig(0, None, spool, holder, directory, metrics, world.standings)  # type: ignore[arg-type] # set below, when it listens

    async def reload() -> bool:
        outcome = rig.reloads.pop(0)
        if isinstance(outcome, KeeptrustsError):
            raise outcome
        return outcome

    endpoints = Endpoints(world, holder, metrics, access or Access(), serve=serve, reload=reload)
    rig.server = Server(
        endpoints.handle, endpoints.max_body_bytes, patience=patience, vet=endpoints.vet, max_held_bytes=max_held_bytes
    )
    rig.port = await rig.server.listen("127.0.0.1", 0)
    try:
        yield rig
    finally:
        await rig.server.drain(2.0)
        await spool.close()
        pool.close()


@dataclass
class Provider:
    """A scripted provider; `requests` are the heads and bodies it got."""

    port: int = 0
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0


@asynccontextmanager
async def provider(script: Script) -> AsyncIterator[Provider]:
    """A server that does what the script says with each connection."""
    made = Provider()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        made.connections += 1
        try:
            await script(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()


async def read_request(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Head and body of one request with a `content-length`. Raises `asyncio.IncompleteReadError` at the end."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(line.partition(b":")[2]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")
    )
    return head, await reader.readexactly(length)


def always(answer: bytes) -> Script:
    """Answer every request on a connection with these bytes."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            writer.write(answer)
            await writer.drain()

    return script


def answer(body: bytes, *headers: bytes) -> bytes:
    """A response with a length."""
    lines = [b"HTTP/1.1 200 OK", b"content-length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def post(body: bytes, *headers: bytes, path: bytes = b"/v1/chat/completions") -> bytes:
    """A request with a length; the connection stays open unless a header says otherwise."""
    lines = [b"POST %b HTTP/1.1" % path, b"host: gateway", b"content-length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


CLOSE = b"connection: close"


def fields(answered: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, header fields and the rest of an answer."""
    head, _, rest = answered.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    named = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return int(first.split(" ")[1]), named, rest


def unchunked(body: bytes) -> bytes:
    """The content of a complete chunked body."""
    content = b""
    while True:
        size, _, body = body.partition(b"\r\n")
        length = int(size, 16)
        if length == 0:
            assert body == b"\r\n"
            return content
        content, body = content + body[:length], body[length + 2 :]


def get(path: str, *headers: bytes) -> bytes:
    return b"\r\n".join([b"GET %b HTTP/1.1" % path.encode(), b"host: g", CLOSE, *headers]) + b"\r\n\r\n"


def plain(arrival: Arrival, snapshot: Snapshot, clock: Callable[[], int]) -> Flow[None]:
    """Answer with what arrived; no provider."""
    del snapshot, clock
    shown: dict[str, Any] = {
        "body": arrival.body.decode(),
        "oversized": arrival.oversized,
        "headers": dict(arrival.headers),
        "key": arrival.caller.key_id,
        "ip": arrival.caller.ip,
    }
    status = 413 if arrival.oversized else 200
    yield from Record(decision(arrival, status))
    yield from Respond(status, (("content-type", "application/json"),), json.dumps(shown).encode())
