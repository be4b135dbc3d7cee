"""Clients: connections that ask again when their answer is there (closed loop), or at set times (open loop)."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import cast

import httptools
import uvloop
from upstream import PROSE

FRESH = "0000000"
"""In its place each request has a number of its own: nothing that was found in an earlier one is of use."""
NUMBERS = itertools.count(1_000_000)
SYSTEM = {"role": "system", "content": "You are a careful assistant."}


def body_of(prose: int, **more: object) -> bytes:
    """A request of so many copies of the prose."""
    messages = [SYSTEM, {"role": "user", "content": f"Note {FRESH}. {PROSE * prose}"}]
    return json.dumps({"model": "gpt-4o", "messages": messages, **more}).encode()


@dataclass
class Answers:
    """What came back, in order. Latencies are in ms: to the first byte of an answer, and to its end."""

    first: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    failed: int = 0


@dataclass(frozen=True)
class Ask:
    """A request as its bytes are sent."""

    body: bytes
    headers: tuple[tuple[str, str], ...] = ()

    def bytes_for(self) -> bytes:
        """The request on the wire."""
        own = "".join(f"{name}: {value}\r\n" for name, value in self.headers)
        head = (
            "POST /v1/chat/completions HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n"
            f"authorization: Bearer sk-bench\r\n{own}content-length: {len(self.body)}\r\n\r\n"
        )
        return head.encode() + self.body


class Client(asyncio.Protocol):
    """One connection; a broken one counts as a failed answer and is not opened again."""

    def __init__(self, request: bytes, answers: Answers, numbers: Iterator[int]) -> None:
        self._before, _, self._behind = request.partition(FRESH.encode())
        self._numbers = numbers
        self._answers = answers
        self._answered: asyncio.Future[None] | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._asked = 0.0
        self._seen = False
        self.broken = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.broken = True
        self._end()

    async def ask(self, since: float | None = None) -> None:
        """One request and its answer, whose latency counts from `since`: now, unless it should have gone before."""
        self._answered = asyncio.get_running_loop().create_future()
        self._asked, self._seen = since or time.perf_counter(), False
        self.transport.write(b"%b%07d%b" % (self._before, next(self._numbers), self._behind))
        await self._answered

    def data_received(self, data: bytes) -> None:
        if not self._seen:
            self._seen = True
            self._answers.first.append(1000 * (time.perf_counter() - self._asked))
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.transport.close()

    def on_message_complete(self) -> None:
        if self._parser.get_status_code() == 200:
            self._answers.whole.append(1000 * (time.perf_counter() - self._asked))
            self._end(failed=False)
        else:
            self._end()
        # The parser of httptools reads one answer after another; a fresh one costs less than its state is worth.
        self._parser = httptools.HttpResponseParser(self)

    def _end(self, *, failed: bool = True) -> None:
        if self._answered is not None and not self._answered.done():
            self._answers.failed += failed
            self._answered.set_result(None)


async def _connected(port: int, request: bytes, answers: Answers, count: int) -> list[Client]:
    loop = asyncio.get_running_loop()
    opened = [
        await loop.create_connection(lambda: Client(request, answers, NUMBERS), "127.0.0.1", port) for _ in range(count)
    ]
    return [client for _, client in opened]


def closed_loop(port: int, ask: Ask, *, connections: int, seconds: float) -> Answers:
    """Every connection asks when it has its answer, until the time is over."""

    async def run() -> Answers:
        answers = Answers()
        clients = await _connected(port, ask.bytes_for(), answers, connections)
        until = time.perf_counter() + seconds

        async def one(client: Client) -> None:
            while time.perf_counter() < until and not client.broken:
                await client.ask()
            client.transport.close()

        await asyncio.gather(*map(one, clients))
        return answers

    return uvloop.run(run())


def open_loop(port: int, ask: Ask, *, rate: float, connections: int, seconds: float) -> Answers:
    """So many requests a second, whether answers come or not; what waits for a free connection waits in its latency."""

    async def run() -> Answers:
        answers = Answers()
        clients = await _connected(port, ask.bytes_for(), answers, connections)
        due: asyncio.Queue[float] = asyncio.Queue()
        asking = [asyncio.create_task(_answer(client, due)) for client in clients]
        began = time.perf_counter()
        for number in range(int(rate * seconds)):
            at = began + number / rate
            if (left := at - time.perf_counter()) > 0:
                await asyncio.sleep(left)
            due.put_nowait(at)
        await _settled(due, asking)
        for client in clients:
            client.transport.close()
        return answers

    return uvloop.run(run())


async def _answer(client: Client, due: asyncio.Queue[float]) -> None:
    while not client.broken:
        await client.ask(await due.get())
        due.task_done()


async def _settled(due: asyncio.Queue[float], asking: Iterable[asyncio.Task[None]]) -> None:
    with suppress(TimeoutError):  # it does not keep up at this rate: what has come so far is told
        await asyncio.wait_for(due.join(), 10)
    for task in asking:
        task.cancel()
