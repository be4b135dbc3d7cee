"""The way to a provider through a proxy, as `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` say."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]

from keeptrusts.core.errors import InputError

MAX_ANSWER_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Proxy:
    """`authorization` is the value of the field, or empty. Its text form never shows it."""

    host: str
    port: int
    authorization: str = ""

    def __repr__(self) -> str:
        return f"Proxy({self.host}:{self.port})"


def proxy_for(scheme: str, host: str) -> Proxy | None:
    """The proxy that the environment names for this address; None for a direct way."""
    address = getproxies_environment().get(scheme)
    if not address or proxy_bypass_environment(host):
        return None
    parts = urlsplit(address if "://" in address else f"http://{address}")
    if parts.scheme != "http" or not parts.hostname:
        raise InputError(f"the proxy for `{scheme}` must be an `http://` address")
    authorization = ""
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = "Basic " + base64.b64encode(pair.encode()).decode()
    return Proxy(parts.hostname, parts.port or 80, authorization)


async def tunnel(loop: asyncio.AbstractEventLoop, proxy: Proxy, host: str, port: int) -> asyncio.Transport:
    """
    A connection through the proxy (CONNECT, RFC 9110, 9.3.6), before TLS.

    Raises:
        OSError: The proxy cannot be reached or refuses.
    """
    transport, waiting = await loop.create_connection(lambda: _Connecting(loop), proxy.host, proxy.port)
    asked = f"CONNECT {host}:{port} HTTP/1.1\r\nhost: {host}:{port}\r\n"
    if proxy.authorization:
        asked += f"proxy-authorization: {proxy.authorization}\r\n"
    transport.write((asked + "\r\n").encode("latin-1"))
    try:
        await waiting.answered
    except BaseException:
        transport.abort()
        raise
    return transport


class _Connecting(asyncio.Protocol):
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.answered: asyncio.Future[None] = loop.create_future()
        self._answer = b""

    def data_received(self, data: bytes) -> None:
        self._answer += data
        if self.answered.done():
            return
        if b"\r\n\r\n" in self._answer:
            status = self._answer.split(b"\r\n", 1)[0].split(b" ")[1:2]
            if status and status[0].startswith(b"2") and self._answer.endswith(b"\r\n\r\n"):
                self.answered.set_result(None)
            else:
                shown = status[0].decode("ascii", "replace") if status else "an unreadable answer"
                self.answered.set_exception(OSError(0, f"the proxy answered {shown}"))
        elif len(self._answer) > MAX_ANSWER_BYTES:
            self.answered.set_exception(OSError(0, "the proxy's answer is too large"))

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        if not self.answered.done():
            self.answered.set_exception(OSError(0, "the proxy closed the connection"))
