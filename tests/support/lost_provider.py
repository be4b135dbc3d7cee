"""A provider on a real port that begins to stream an answer and is gone in the middle of it."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Literal, TypeAlias

Death: TypeAlias = Literal["closed", "reset", "unframed"]
"""How it ends: the connection is closed or reset inside a chunked body, or the body is one that only a close ends."""

SAID = ("one ", "two ", "three ")


@contextmanager
def lost_provider(death: Death) -> Iterator[str]:
    """Its base URL."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=_serve, args=(listening, death))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def _serve(listening: socket.socket, death: Death) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listening.accept()
            with connection, suppress(ConnectionError):
                _answer(connection, death)


def _answer(connection: socket.socket, death: Death) -> None:
    received = b""
    while b'"stream"' not in received:
        received += connection.recv(65536)
    framing = b"" if death == "unframed" else b"transfer-encoding: chunked\r\n"
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n" + framing + b"\r\n")
    for text in SAID:
        delta = {"index": 0, "delta": {"content": text}, "finish_reason": None}
        event = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [delta]}
        frame = b"data: " + json.dumps(event).encode() + b"\n\n"
        connection.sendall(frame if death == "unframed" else b"%x\r\n%b\r\n" % (len(frame), frame))
    if death == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
