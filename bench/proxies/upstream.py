"""
The provider that all contenders stand before: a fixed chat completion, whole or as a stream at a steady pace.

    python bench/proxies/upstream.py PORT

One timer serves all streams, so that this costs little beside what is measured. A body with `"user": "paced"` asks for
a chunk every 10 ms; without it a stream comes as fast as it is taken.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import cast

import httptools
import uvloop

CHUNKS, PACE_SECONDS = 100, 0.01
PROSE = (
    "The quarterly report compares how the teams in the north and the south planned their work, what they delivered, "
    "and which of the risks that were named in spring came true. Please sum it up in five sentences for the board. "
)
ANSWER = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": PROSE * 2}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 300, "completion_tokens": 90, "total_tokens": 390},
    }
).encode()
WHOLE = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(ANSWER), ANSWER)
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def _event(delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o"}
    return _framed(b"data: %b\n\n" % json.dumps(chunk | {"choices": [choice]}).encode())


def _framed(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


WORDS = PROSE.split()
EVENTS = [_event({"content": WORDS[number % len(WORDS)] + " "}) for number in range(CHUNKS)]
END = _event({}, "stop") + _framed(b"data: [DONE]\n\n") + b"0\r\n\r\n"


class Pace:
    """Streams that get a chunk at every tick."""

    def __init__(self) -> None:
        self._sent: dict[asyncio.Transport, int] = {}

    def add(self, transport: asyncio.Transport) -> None:
        self._sent[transport] = 0

    def drop(self, transport: asyncio.Transport) -> None:
        self._sent.pop(transport, None)

    async def run(self) -> None:
        while True:
            await asyncio.sleep(PACE_SECONDS)
            for transport, sent in list(self._sent.items()):
                transport.write(EVENTS[sent])
                self._sent[transport] = sent + 1
                if sent + 1 == CHUNKS:
                    transport.write(END)
                    self.drop(transport)


class Provider(asyncio.Protocol):
    """One connection."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._parser = httptools.HttpRequestParser(self)
        self._body: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._pace.drop(self._transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._body = []

    def on_body(self, data: bytes) -> None:
        self._body.append(data)

    def on_message_complete(self) -> None:
        # Proxies may write the body anew, with other blanks.
        body = b"".join(self._body).replace(b" ", b"")
        if b'"stream":true' not in body:
            self._transport.write(WHOLE)
        elif b'"user":"paced"' in body:
            self._transport.write(HEAD)
            self._pace.add(self._transport)
        else:
            self._transport.write(HEAD + b"".join(EVENTS) + END)


async def serve(port: int) -> None:
    """Until the process is ended."""
    pace = Pace()
    server = await asyncio.get_running_loop().create_server(lambda: Provider(pace), "127.0.0.1", port, backlog=1024)
    async with server:
        await pace.run()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
