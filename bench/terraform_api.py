"""A control plane that knows configurations alone, answers after a while, and keeps what it was asked."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

from keeptrusts.policy.document import document_digest


class Api:
    """The state behind it; `answer` gives status and body."""

    def __init__(self, policy: str) -> None:
        self.calls: list[str] = []
        self._objects: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()
        self._set = {
            "description": None,
            "labels": {},
            "version": 1,
            "content_digest": document_digest(policy),
            "policy_kinds": ["prompt-injection", "audit-logger"],
            "created_at": "2030-01-01T00:00:00Z",
            "updated_at": "2030-01-01T00:00:00Z",
        }

    def answer(self, method: str, target: str, body: Any) -> tuple[int, Any]:
        path, _, query = target.partition("?")
        identifier = path.rpartition("/")[2]
        with self._lock:
            self.calls.append(f"{method} {path}")
            if method == "POST":
                identifier = f"cfg_{len(self._objects):032x}"
                self._objects[identifier] = {**self._set, **body, "id": identifier}
                return 201, self._objects[identifier]
            if method == "DELETE":
                del self._objects[identifier]
                return 204, None
            if identifier in self._objects:
                return 200, self._objects[identifier]
            return 200, _page(list(self._objects.values()), dict(parse_qsl(query)))


def _page(found: list[dict[str, Any]], query: Mapping[str, str]) -> dict[str, Any]:
    start, size = int(query.get("cursor", 0)), int(query.get("limit", 50))
    after = start + size
    more = after < len(found)
    return {"data": found[start:after], "next_cursor": str(after) if more else None, "has_more": more}


@contextmanager
def api(policy: str, latency_s: float) -> Iterator[tuple[str, list[str]]]:
    """Its URL, and what it was asked."""
    held = Api(policy)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one(self) -> None:
            time.sleep(latency_s)
            body = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)) or b"null")
            status, value = held.answer(self.command, self.path, body)
            content = b"" if value is None else json.dumps(value).encode()
            self.send_response(status)
            self.send_header("etag", '"1"')
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = handle_one  # noqa: N815 - http.server's names

        def log_message(self, *arguments: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", held.calls
        server.shutdown()
