"""Bytes of responses."""

from __future__ import annotations

import json

import pytest

from keeptrusts.gateway.responses import chunk, error_response, head, rfc3339


def test_head_is_status_date_and_fields() -> None:
    """A blank line ends it, and `connection: close` is said when it is meant."""
    lines = head(200, (("a", "b"), ("c", "d")), keep_alive=False).decode().split("\r\n")

    assert lines[0] == "HTTP/1.1 200 OK"
    assert lines[1].startswith("date: ")
    assert lines[2:] == ["a: b", "c: d", "connection: close", "", ""]
    assert b"connection" not in head(204, (("a", "b"),), keep_alive=True)
    assert head(204, (), keep_alive=True).count(b"\r\n") == 3


@pytest.mark.parametrize("header", [("a", "b\nc"), ("a", "b\rc"), ("a", "b\r\n\r\nc"), ("a\n", "b")])
def test_field_cannot_end_the_head(header: tuple[str, str]) -> None:
    """Response splitting is a crash, never an answer."""
    with pytest.raises(ValueError, match="line break"):
        head(200, (header,), keep_alive=True)


def test_error_has_openais_shape() -> None:
    """`type`, `message`, `code` and our own ids."""
    headers, body = error_response("starting", "not yet", 503, "req_1")

    assert headers == (("content-type", "application/json"), ("x-request-id", "req_1"))
    assert json.loads(body)["error"] == {
        "type": "service_unavailable",
        "message": "not yet",
        "policy": None,
        "code": "starting",
        "request_id": "req_1",
        "event_id": None,
    }


def test_small_forms() -> None:
    """A chunk, and a time."""
    assert chunk(b"x" * 16) == b"10\r\n" + b"x" * 16 + b"\r\n"
    assert rfc3339(1_767_225_600_000_001) == "2026-01-01T00:00:00.000001Z"
