"""
The provider that `kt bench` puts behind a gateway: the answers of the mock provider, made once and then only sent.

It is asked over the network, as a real one is, and costs little beside what is measured.
"""

from __future__ import annotations

import asyncio
import json
from typing import Final, cast

import httptools
import uvloop

from keeptrusts.wire.mock import mock_answer

REPLY: Final = (
    "The plan of the library was welcomed. The reading room with its tall windows found the most praise, and "
    "the heating in winter the most questions. Still open are the colour of the shelves and the hours on Saturdays. "
)


def _made(*, stream: bool) -> bytes:
    request = {"model": "mock", "messages": [{"role": "user", "content": ""}]} | ({"stream": True} if stream else {})
    answer = mock_answer(json.dumps(request).encode(), reply=REPLY)
    head = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\n" % answer.media_type.encode()
    if not stream:
        whole = b"".join(answer.pieces)
        return head + b"content-length: %d\r\n\r\n%b" % (len(whole), whole)
    chunks = (b"%x\r\n%b\r\n" % (len(piece), piece) for piece in answer.pieces)
    return head + b"transfer-encoding: chunked\r\n\r\n" + b"".join(chunks) + b"0\r\n\r\n"


class _Provider(asyncio.Protocol):
    """One connection."""

    def __init__(self, whole: bytes, streamed: bytes) -> None:
        self._whole, self._streamed = whole, streamed
        self._parser = httptools.HttpRequestParser(self)
        self._body: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.close()

    def on_message_begin(self) -> None:
        self._body = []

    def on_body(self, data: bytes) -> None:
        self._body.append(data)

    def on_message_complete(self) -> None:
        # a gateway may write the request anew, with blanks in other places
        streams = b'"stream":true' in b"".join(self._body).replace(b" ", b"")
        self._transport.write(self._streamed if streams else self._whole)


def serve(port: int) -> None:
    """Answer at the loopback address until the process is ended."""
    whole, streamed = _made(stream=False), _made(stream=True)

    async def forever() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Provider(whole, streamed), "127.0.0.1", port, backlog=1024)
        async with server:
            await server.serve_forever()

    uvloop.run(forever())
