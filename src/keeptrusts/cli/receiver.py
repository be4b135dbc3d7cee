"""A receiver of webhooks on this machine: keeps what arrives, and who says so (Standard Webhooks 1.0)."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self

MAX_BODY_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Letter:
    """One message as it arrived. `reason` says why it does not verify; empty when it does."""

    headers: Mapping[str, str]
    body: bytes
    reason: str

    def as_row(self) -> dict[str, Any]:
        try:
            message = json.loads(self.body)
        except ValueError:
            message = None
        kind = message.get("type") if isinstance(message, dict) else None
        return {
            "id": self.headers.get("webhook-id"),
            "type": kind,
            "verified": not self.reason,
            "reason": self.reason or None,
            "message": message,
        }


def check(secret: str, headers: Mapping[str, str], body: bytes) -> str:
    """Why the holder of `secret` did not write this just now; empty when it did."""
    from standardwebhooks import Webhook, WebhookVerificationError

    try:
        Webhook(secret).verify(body, dict(headers))
    except (WebhookVerificationError, ValueError) as refused:
        return str(refused).lower() or "it cannot be read"
    return ""


class Receiver:
    """
    Listens; `letters` has what arrived, in that order.

    Args:
        secret: What messages are verified with.

    Raises:
        OSError: The address cannot be had.
    """

    def __init__(self, host: str, port: int, secret: str = "") -> None:
        self.letters: queue.SimpleQueue[Letter] = queue.SimpleQueue()
        self.secret = secret
        self._server = ThreadingHTTPServer((host, port), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)

    @property
    def url(self) -> str:
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}/"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def take(self, headers: Mapping[str, str], body: bytes) -> int:
        """Keep a message; the status its sender gets."""
        letter = Letter(headers, body, check(self.secret, headers, body))
        self.letters.put(letter)
        return 401 if letter.reason else 204

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 10

            def do_POST(self) -> None:
                size = self.headers.get("content-length", "")
                if not size.isdecimal() or int(size) > MAX_BODY_BYTES:
                    self._answer(413)
                    return
                headers = {name.lower(): value for name, value in self.headers.items()}
                self._answer(receiver.take(headers, self.rfile.read(int(size))))

            def _answer(self, status: int) -> None:
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                """Each message is told once, by the command."""

        return Handler
