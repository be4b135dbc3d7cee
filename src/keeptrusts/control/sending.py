"""
Sends one request of a webhook: one attempt, one answer, in bounded time and memory.

An address is checked when a connection is made, and that very address is dialled. No redirect is followed, and nothing
of the environment is read but where its certificates are.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from types import TracebackType
from typing import Final, Self, TypeAlias

import httpcore2
from httpx2 import URL

from keeptrusts.control.lines import KEPT_OPEN, Line, Lines, NotHttpError, Place, dial
from keeptrusts.control.outbound import OutboundRules, RefusedAddressError

TIMEOUT_S: Final = 15.0
RESOLVERS: Final = 32
"""Threads that look names up: a name server that hangs holds up one of them."""

Resolve: TypeAlias = Callable[[str, int], Awaitable[list[str]]]
Dial: TypeAlias = Callable[[str, int, ssl.SSLContext | None, str], Awaitable[Line]]

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_VALUE: Final = re.compile(r"[\t\x20-\x7e]*", re.ASCII)


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


class Sender:
    """Connections to endpoints, kept open for a moment. Use it as an async context, in one event loop."""

    def __init__(
        self,
        rules: OutboundRules,
        *,
        timeout_s: float = TIMEOUT_S,
        resolve: Resolve | None = None,
        dial: Dial = dial,
    ) -> None:
        self._rules = rules
        self._timeout_s = timeout_s
        self._resolve = resolve or self._look_up
        self._dial = dial
        self._threads = ThreadPoolExecutor(RESOLVERS, "webhook-resolver")
        self._tls = httpcore2.default_ssl_context()
        self._tls.set_alpn_protocols(["http/1.1"])
        self._lines = Lines()
        self._checked = lru_cache(maxsize=KEPT_OPEN)(rules.check_url)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        at: TracebackType | None) -> None:  # fmt: skip
        self._lines.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """One POST. Never raises for what the other side does, or is."""
        try:
            target = self._checked(url)
            request = _request(target, headers, body)
            async with asyncio.timeout(self._timeout_s):
                return await self._post(target, request)
        except RefusedAddressError as refused:
            return Answer(None, str(refused))
        except TimeoutError:
            return Answer(None, f"no complete answer within {self._timeout_s:g} s")
        except NotHttpError:
            return Answer(None, "the endpoint's answer is not HTTP, or it closed the connection before answering")
        except OSError:
            return Answer(None, "the connection to the endpoint was lost")

    async def _post(self, target: URL, request: bytes) -> Answer:
        secure = target.scheme == "https"
        place = (target.scheme, target.raw_host.decode("ascii"), target.port or (443 if secure else 80))
        line = self._lines.take(place)
        if line is None:
            try:
                line = await self._open(place)
            except OSError as failed:
                return Answer(None, _reason(failed))
        try:
            head = await line.ask(request)
        except BaseException:
            line.close()
            raise
        self._lines.keep(place, line)
        error = None if 200 <= head.status < 300 else f"the endpoint answered {head.status}"
        return Answer(head.status, error, head.retry_after)

    async def _open(self, place: Place) -> Line:
        """Connect to the first of the host's addresses that answers, if all of them may be dialled."""
        scheme, host, port = place
        tls = self._tls if scheme == "https" else None
        *others, last = self._rules.check(await self._resolve(host, port), tls=tls is not None)
        for address in others:
            try:
                return await self._dial(address, port, tls, host)
            except ssl.SSLError:
                raise
            except OSError:
                continue
        return await self._dial(last, port, tls, host)

    async def _look_up(self, host: str, port: int) -> list[str]:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self._threads, _getaddrinfo, host, port)
        except OSError:
            raise RefusedAddressError("the name of the endpoint cannot be resolved") from None
        return found


def _request(target: URL, headers: Mapping[str, str], body: bytes) -> bytes:
    """The form that was checked, not one that is parsed anew; head and body together: one packet, mostly."""
    lines = [b"POST %b HTTP/1.1\r\nhost: %b\r\n" % (target.raw_path, target.netloc)]
    for name, value in headers.items():
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise RefusedAddressError("a header of the webhook cannot be sent; see `headers`")
        lines.append(f"{name}: {value}\r\n".encode("ascii"))
    if "content-length" not in headers:
        lines.append(b"content-length: %d\r\n" % len(body))
    return b"".join([*lines, b"\r\n", body])


def _getaddrinfo(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


def _reason(failed: OSError) -> str:
    """In our own words: the library's may quote the address, and a webhook's address can be a secret."""
    match failed:
        case ssl.SSLCertVerificationError():
            return "the endpoint's TLS certificate is not valid for its name"
        case ssl.SSLError():
            return "the endpoint does not speak TLS"
        case _:
            return "no connection could be made to the endpoint"
