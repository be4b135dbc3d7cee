"""
Sends one request of a webhook: one attempt, one answer, in bounded time and memory.

httpcore2 (the transport of httpx2) is used by itself: its pool takes a network backend, which is where an address is
checked before it is dialled, and it follows no redirect and reads no environment (ADR-0050).
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self, TypeAlias

import httpcore2
from httpx2 import URL

from keeptrusts.control.outbound import OutboundRules, RefusedAddressError

TIMEOUT_S: Final = 15.0
MOST_ANSWER_BYTES: Final = 64 * 1024
KEPT_OPEN: Final = 64
KEPT_OPEN_S: Final = 5.0
RESOLVERS: Final = 32
"""Threads that look names up: a name server that hangs holds up one of them."""

Resolve: TypeAlias = Callable[[str, int], Awaitable[list[str]]]


@dataclass(frozen=True, slots=True)
class Answer:
    """
    What came of one attempt. Nothing of the answer's body is kept: it may be that of a system nobody meant to ask.

    Args:
        status: None: there was no answer; `error` says why.
        retry_after: As the endpoint wrote it.
    """

    status: int | None
    error: str | None = None
    retry_after: str | None = None

    @property
    def delivered(self) -> bool:
        """Only 2xx is success."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        """The endpoint says that it will never want anything again."""
        return self.status == 410


class GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Resolves, judges, and dials the very addresses it judged. `tls`: what the pool in front of it speaks."""

    def __init__(
        self, rules: OutboundRules, *, tls: bool, resolve: Resolve, dial: httpcore2.AsyncNetworkBackend | None = None
    ) -> None:
        self._rules = rules
        self._tls = tls
        self._resolve = resolve
        self._dial = dial or httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  the signature is httpcore2's
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the first of the host's addresses that answers, if all of them may be dialled."""
        addresses = self._rules.check(await self._resolve(host, port), tls=self._tls)
        for address in addresses[:-1]:
            try:
                return await self._dial.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return await self._dial.connect_tcp(addresses[-1], port, timeout, local_address, socket_options)

    async def sleep(self, seconds: float) -> None:
        """As the backend that dials does."""
        await self._dial.sleep(seconds)


class Sender:
    """Connections to endpoints, kept open for a moment. Use it as an async context, in one event loop."""

    def __init__(
        self,
        rules: OutboundRules,
        *,
        timeout_s: float = TIMEOUT_S,
        resolve: Resolve | None = None,
        dial: httpcore2.AsyncNetworkBackend | None = None,
    ) -> None:
        self._rules = rules
        self._timeout_s = timeout_s
        self._threads = ThreadPoolExecutor(RESOLVERS, "webhook-resolver")
        self._stack = AsyncExitStack()
        self._pools = {
            scheme: httpcore2.AsyncConnectionPool(
                ssl_context=httpcore2.default_ssl_context(),
                max_connections=None,
                max_keepalive_connections=KEPT_OPEN,
                keepalive_expiry=KEPT_OPEN_S,
                network_backend=GuardedBackend(
                    rules, tls=scheme == "https", resolve=resolve or self._look_up, dial=dial
                ),
            )
            for scheme in ("https", "http")
        }

    async def __aenter__(self) -> Self:
        for pool in self._pools.values():
            await self._stack.enter_async_context(pool)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        at: TracebackType | None) -> None:  # fmt: skip
        await self._stack.aclose()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """One POST. Never raises for what the other side does, or is."""
        try:
            target = self._rules.check_url(url)
            async with asyncio.timeout(self._timeout_s):
                return await self._post(target, headers, body)
        except RefusedAddressError as refused:
            return Answer(None, str(refused))
        except (TimeoutError, httpcore2.TimeoutException):
            return Answer(None, f"no complete answer within {self._timeout_s:g} s")
        except (httpcore2.NetworkError, httpcore2.ProtocolError, OSError) as failed:
            return Answer(None, _reason(failed))

    async def _post(self, target: URL, headers: Mapping[str, str], body: bytes) -> Answer:
        url = httpcore2.URL(
            scheme=target.raw_scheme, host=target.raw_host, port=target.port, target=target.raw_path
        )  # the form that was checked, not one that is parsed anew
        sent = [(b"host", target.netloc)]
        sent += [(name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()]
        async with self._pools[target.scheme].stream("POST", url, headers=sent, content=body) as response:
            size = 0
            async for piece in response.aiter_stream():
                size += len(piece)
                if size > MOST_ANSWER_BYTES:
                    break  # leaving the block closes the connection
            told = {name.lower(): value for name, value in response.headers}
            retry_after = told.get(b"retry-after")
            error = None if 200 <= response.status < 300 else f"the endpoint answered {response.status}"
            return Answer(response.status, error, retry_after.decode("latin-1") if retry_after else None)

    async def _look_up(self, host: str, port: int) -> list[str]:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self._threads, _getaddrinfo, host, port)
        except OSError:
            raise RefusedAddressError("the name of the endpoint cannot be resolved") from None
        return found


def _getaddrinfo(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


def _reason(failed: BaseException) -> str:
    """In our own words: the library's may quote the address, and a webhook's address can be a secret."""
    seen: BaseException | None = failed
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            return "the endpoint's TLS certificate is not valid for its name"
        if isinstance(seen, ssl.SSLError):
            return "the endpoint does not speak TLS"
        seen = seen.__cause__ or seen.__context__
    match failed:
        case httpcore2.ConnectError():
            return "no connection could be made to the endpoint"
        case httpcore2.ProtocolError():
            return "the endpoint's answer is not HTTP, or it closed the connection before answering"
        case _:
            return "the connection to the endpoint was lost"
