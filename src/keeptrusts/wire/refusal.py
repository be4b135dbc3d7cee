"""The error form of the OpenAI route, whole and as the end of a stream, with our own fields beside OpenAI's."""

from __future__ import annotations

import json

from keeptrusts.wire.sse import DONE, encode_frame


def error_body(
    *,
    error_type: str,
    code: str,
    message: str,
    request_id: str,
    event_id: str | None = None,
    policy: str | None = None,
    escalation_id: str | None = None,
) -> bytes:
    """`{"error": {...}}`. `policy` is the kind that objected."""
    error = {
        "type": error_type,
        "message": message,
        "policy": policy,
        "code": code,
        "request_id": request_id,
        "event_id": event_id,
    }
    if escalation_id is not None:
        error["escalation_id"] = escalation_id
    return json.dumps({"error": error}, ensure_ascii=False).encode()


def error_frame(body: bytes, *, complete: bool) -> bytes:
    """
    The same as the last event of a stream; OpenAI's clients raise on it.

    Args:
        complete: The stream ends here by our decision, so its own end follows; not after a lost upstream.
    """
    return encode_frame(body.decode()) + (encode_frame(DONE) if complete else b"")
