"""Bytes of HTTP/1.1 responses, and the error form of the gateway's own refusals (the client's shape, plus `code`)."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Final

from keeptrusts.flow.effects import Headers
from keeptrusts.wire.dialects import dialect_below

LAST_CHUNK: Final = b"0\r\n\r\n"
_REASONS: Final = {status.value: status.phrase for status in HTTPStatus} | {499: "Client Closed Request"}
_TYPES: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    408: "timeout",
    413: "invalid_request_error",
    415: "invalid_request_error",
    429: "rate_limit",
    431: "invalid_request_error",
}


def head(status: int, headers: Headers, *, keep_alive: bool) -> bytes:
    """
    Status line and header fields with the blank line after them.

    Raises:
        ValueError: A field holds a line break, which would let it end the head.
    """
    lines = [
        f"HTTP/1.1 {_status(status)}",
        f"date: {_date(int(time.time()))}",
        *(f"{name}: {value}" for name, value in headers),
    ]
    if not keep_alive:
        lines.append("connection: close")
    text = "\r\n".join(lines)
    if text.count("\n") != len(lines) - 1 or text.count("\r") != len(lines) - 1:
        raise ValueError("a header field holds a line break")
    return (text + "\r\n\r\n").encode("latin-1", "replace")


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def lacks_body(status: int) -> bool:
    """Whether an answer with this status has no body, not even an empty one (RFC 9110, 6.4.1)."""
    return status in {204, 304}


def error_response(
    code: str, message: str, status: int = 400, request_id: str | None = None, *, path: str = ""
) -> tuple[Headers, bytes]:
    """Headers and body of a refusal that no flow has made, in the form that is spoken at this path."""
    dialect = dialect_below(path)
    kind = _TYPES.get(status, "invalid_request_error" if status < 500 else "service_unavailable")
    headers: Headers = (("content-type", "application/json"),)
    if request_id is not None:
        headers = (*headers, ("x-request-id", request_id))
        if dialect.id_header:
            headers = (*headers, (dialect.id_header, request_id))
    return headers, dialect.error_body(error_type=kind, code=code, message=message, request_id=request_id)


def rfc3339(us: int) -> str:
    """Microseconds since the epoch as a time in UTC with microseconds."""
    return datetime.fromtimestamp(us / 1_000_000, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


@lru_cache(maxsize=128)
def _status(status: int) -> str:
    return f"{status} {_REASONS.get(status, 'Unknown')}"


@lru_cache(maxsize=2)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)
