"""
The client of `kt bench`: connections that ask again when they are answered, or at fixed times.

It builds a request once and reads answers by httptools alone, so that it costs little beside what it measures.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import secrets
import ssl
import threading
import time
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, cast
from urllib.parse import urlsplit

import httptools
import uvloop

from keeptrusts.cli.children import StoppedError
from keeptrusts.core.errors import InputError

FRESH: Final = "0000000"
"""Each request has a number of its own in its place: a gateway remembers what it found in texts it has seen."""
PATIENCE_S: Final = 10.0
"""For answers that are still to come when the time is over."""
PAUSE_S: Final = 0.05
"""Before a connection that could not be opened is tried again."""
UNREACHABLE: Final = "not reachable"
DISTRUSTED: Final = "its certificate is not trusted"
PATH: Final = "/v1/chat/completions"
PROSE: Final = (
    "The committee met on the first day of spring and went through the plan for the new library, floor by floor. "
    "Most members liked the reading room and its tall windows, while a few asked how warm it would be in winter. "
    "Please write a short summary for those who could not come, and list what is still open. "
)


@dataclass(frozen=True, slots=True)
class Side:
    """
    Who is asked.

    Args:
        key: Shown as a bearer key; empty: none is.
    """

    name: str
    host: str
    port: int
    path: str = PATH
    tls: bool = False
    key: str = ""

    def request(self, body: bytes) -> bytes:
        """A request on the wire."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        shown = f"authorization: Bearer {self.key}\r\n" if self.key else ""
        head = (
            f"POST {self.path} HTTP/1.1\r\nhost: {host}:{self.port}\r\nuser-agent: kt-bench\r\n"
            f"content-type: application/json\r\n{shown}content-length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


def side_at(name: str, url: str, key: str = "") -> Side:
    """
    A side by the root of its API, with or without `/v1`.

    Raises:
        InputError: It is no such URL.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or "@" in parts.netloc:
        raise InputError(f"the address of `{name}` is no URL such as `http://127.0.0.1:41002`")
    tls = parts.scheme == "https"
    root = parts.path.rstrip("/").removesuffix("/v1")
    return Side(name, parts.hostname, port or (443 if tls else 80), root + PATH, tls, key)


def body_of(size: int, model: str, *, stream: bool) -> bytes:
    """
    A chat request of just so many bytes.

    Raises:
        InputError: It takes more than that without any text.
    """
    told = {"model": model} | ({"stream": True} if stream else {})
    lead = f"Note {FRESH}. "

    def written(text: str) -> bytes:
        return json.dumps({**told, "messages": [{"role": "user", "content": lead + text}]}).encode()

    left = size - len(written(""))
    if left < 0:
        raise InputError(f"`--body-bytes` must be at least {size - left} for this model")
    return written((PROSE * (left // len(PROSE) + 1))[:left])


@dataclass(frozen=True, slots=True)
class Load:
    """
    How it is asked.

    Args:
        rate: Requests a second, whether answers come or not; None: each connection asks when it is answered.
    """

    concurrency: int
    rate: float | None
    seconds: float


@dataclass(slots=True)
class Answers:
    """
    What came back: times in us and how often each was seen, so that a long run takes no more memory than a short one.

    Args:
        first: To the first byte of an answer; `whole` to its end.
        seconds: How long it took until the last answer.
    """

    first: Counter[int] = field(default_factory=Counter)
    whole: Counter[int] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def add(self, other: Answers) -> None:
        """Another round."""
        self.first += other.first
        self.whole += other.whole
        self.failures += other.failures
        self.seconds += other.seconds


def measure(side: Side, body: bytes, load: Load, stopped: Callable[[], bool]) -> Answers:
    """
    Ask for a while.

    Raises:
        StoppedError: `stopped`, which is asked ten times a second, says so; what it raises is passed on.
    """
    return uvloop.run(_measured(side, body, load, stopped))


async def _measured(side: Side, body: bytes, load: Load, stopped: Callable[[], bool]) -> Answers:
    asking = (_Closed if load.rate is None else _Open)(load)
    secure = ssl.create_default_context() if side.tls else None
    request, numbers = side.request(body), itertools.count(1_000_000 + secrets.randbelow(4_000_000))
    lines = [_Line(side, request, numbers, secure, asking) for _ in range(load.concurrency)]
    await asyncio.gather(*(line.open() for line in lines))
    began = time.perf_counter()
    try:
        asking.begin(lines, began)
        while not asking.over.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(asking.over.wait(), 0.1)
            if stopped():
                raise StoppedError("stopped before the measurement was over")
            if time.perf_counter() > began + load.seconds + PATIENCE_S:
                asking.answers.failures[f"no answer within {PATIENCE_S:.0f} s of the end"] += asking.waiting
                break
    finally:
        asking.close()
        for line in lines:
            line.close()
    asking.answers.seconds = max(time.perf_counter() - began, load.seconds if load.rate else 0.0)
    return asking.answers


class _Asking(ABC):
    """What is asked next, by which line."""

    def __init__(self, load: Load) -> None:
        self.answers = Answers()
        self.over = asyncio.Event()
        self.waiting = 0
        self._load = load

    @abstractmethod
    def begin(self, lines: list[_Line], began: float) -> None:
        """Ask for the first time."""

    @abstractmethod
    def answered(self, line: _Line) -> None:
        """The line has its answer, or failed: it is free."""

    def close(self) -> None:  # noqa: B027  a closed loop has nothing to end
        """Nothing more is asked."""


class _Closed(_Asking):
    def begin(self, lines: list[_Line], began: float) -> None:
        self._until = began + self._load.seconds
        self.waiting = len(lines)
        for line in lines:
            line.ask(time.perf_counter())

    def answered(self, line: _Line) -> None:
        now = time.perf_counter()
        if now < self._until:
            line.ask(now)
            return
        self.waiting -= 1
        if not self.waiting:
            self.over.set()


class _Open(_Asking):
    """Latency counts from when a request was to be sent: what waits for a free line waits in its latency."""

    def begin(self, lines: list[_Line], began: float) -> None:
        self._free = deque(lines)
        self._due: deque[float] = deque()
        self._ended = threading.Event()
        assert self._load.rate is not None
        count = max(1, round(self._load.rate * self._load.seconds))
        self.waiting = count
        # A loop's own timers are exact to a millisecond only, which is more than a gateway adds.
        arguments = (asyncio.get_running_loop(), began, self._load.rate, count)
        self._pace = threading.Thread(target=self._paced, args=arguments, daemon=True, name="pace")
        self._pace.start()

    def answered(self, line: _Line) -> None:
        self.waiting -= 1
        if self._due:
            line.ask(self._due.popleft())
        else:
            self._free.append(line)
        if not self.waiting:
            self.over.set()

    def close(self) -> None:
        self._ended.set()
        self._pace.join()

    def _paced(self, loop: asyncio.AbstractEventLoop, began: float, rate: float, count: int) -> None:
        for number in range(count):
            at = began + number / rate
            while not self._ended.is_set() and (left := at - time.perf_counter()) > 0:
                time.sleep(min(left, 0.5))
            if self._ended.is_set():
                return
            loop.call_soon_threadsafe(self._offer, at)

    def _offer(self, at: float) -> None:
        if self._free:
            self._free.popleft().ask(at)
        else:
            self._due.append(at)


class _Line(asyncio.Protocol):
    """One connection. It is opened again when the other side has closed it."""

    def __init__(
        self, side: Side, request: bytes, numbers: Iterator[int], secure: ssl.SSLContext | None, asking: _Asking
    ) -> None:
        self._side = side
        self._before, _, self._behind = request.partition(FRESH.encode())
        self._numbers = numbers
        self._secure = secure
        self._asking = asking
        self._transport: asyncio.Transport | None = None
        self._opening: asyncio.Task[None] | None = None
        self._since: float | None = None
        self._first: float | None = None
        self._fault = UNREACHABLE
        self._closed = False

    async def open(self) -> None:
        """Try to; what fails is told with the next request."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(PATIENCE_S):
                await loop.create_connection(lambda: self, self._side.host, self._side.port, ssl=self._secure)
        except ssl.SSLCertVerificationError:
            self._fault = DISTRUSTED
        except (OSError, TimeoutError):
            self._fault = UNREACHABLE

    def close(self) -> None:
        self._closed = True
        self._since = None
        if self._opening is not None:
            self._opening.cancel()
        if self._transport is not None:
            self._transport.abort()

    def ask(self, since: float) -> None:
        """One request, whose latency counts from `since`."""
        self._since, self._first = since, None
        if self._transport is None:
            self._opening = asyncio.ensure_future(self._open_and_send())
        else:
            self._send(self._transport)

    async def _open_and_send(self) -> None:
        await self.open()
        if self._transport is not None:
            self._send(self._transport)
        else:
            await asyncio.sleep(PAUSE_S)
            self._end(self._fault)

    def _send(self, transport: asyncio.Transport) -> None:
        # one for each answer: what an earlier one left half read is not taken for a part of this
        self._parser = httptools.HttpResponseParser(self)
        transport.write(b"%b%07d%b" % (self._before, next(self._numbers), self._behind))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if self._closed:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._transport = None
        self._end("connection lost")

    def data_received(self, data: bytes) -> None:
        if self._since is None:
            return
        if self._first is None:
            self._first = time.perf_counter()
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._hang_up()
            self._end("no HTTP")

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if not self._parser.should_keep_alive():
            self._hang_up()
        self._end("" if status == 200 else f"status {status}")

    def _hang_up(self) -> None:
        transport, self._transport = self._transport, None
        if transport is not None:
            # its end is that of an old connection, and says nothing of the next request
            transport.set_protocol(asyncio.Protocol())
            transport.close()

    def _end(self, failure: str) -> None:
        since, self._since = self._since, None
        if since is None:
            return
        answers, now = self._asking.answers, time.perf_counter()
        if failure:
            answers.failures[failure] += 1
        else:
            answers.whole[round(1_000_000 * (now - since))] += 1
            answers.first[round(1_000_000 * ((self._first or now) - since))] += 1
        self._asking.answered(self)
