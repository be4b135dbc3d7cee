"""What strangers can make a control plane keep in memory."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from support.server import Server

pytestmark = pytest.mark.acceptance


@pytest.mark.parametrize("length", ["content-length: 8000000", "transfer-encoding: chunked"])
def test_a_stranger_is_answered_before_the_body(tmp_path: Path, length: str) -> None:
    """The head alone is sent: the answer is there, and the connection is closed."""
    with Server(tmp_path) as server, socket.create_connection(("127.0.0.1", server.port), timeout=20) as stranger:
        head = f"POST /v1/gateway/events HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{length}\r\n\r\n"
        stranger.sendall(head.encode())
        answer = b""
        while piece := stranger.recv(65_536):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"missing_api_key" in answer
