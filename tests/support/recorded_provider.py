"""A provider on a real port that answers as each API does, with what was recorded for the conformance cases."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from keeptrusts.wire.event_stream import MEDIA_TYPE
from support import bedrock

_CASES = Path(__file__).parents[1] / "conformance" / "wire"
_EVENTS = "text/event-stream"


@dataclass
class RecordedProvider:
    """`asked` are paths and bodies, in their order."""

    url: str = ""
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)


@contextmanager
def recorded_provider() -> Iterator[RecordedProvider]:
    """One that calls a tool twice, whatever it is asked."""
    told = RecordedProvider()
    handler = type("Handler", (_Handler,), {"told": told})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        told.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield told
        finally:
            server.shutdown()
            thread.join(10)


def answer_to(path: str, body: dict[str, Any]) -> tuple[str, bytes]:
    """The media type and the bytes."""
    if path.startswith("/model/"):
        case = _case("chat-tools-to-bedrock")
        if not path.endswith("-stream"):
            return "application/json", json.dumps(case["answer"]).encode()
        return MEDIA_TYPE, b"".join(bedrock.event(name, **said) for name, said in case["stream"]["answer"])
    case = _case("chat-tools-to-anthropic" if path == "/v1/messages" else "chat-tools-to-openai")
    if not body.get("stream"):
        return "application/json", json.dumps(case["answer"]).encode()
    return _EVENTS, "".join(case["stream"]["answer"]).encode()


def _case(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((_CASES / f"{name}.json").read_text(encoding="utf-8"))
    return found


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    told: RecordedProvider

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.told.asked.append((self.path, body))
        media_type, said = answer_to(self.path, body)
        self.send_response(200)
        self.send_header("content-type", media_type)
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        for at in range(0, len(said), 50):
            self.wfile.write(said[at : at + 50])

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the library's name
        """Quiet."""
