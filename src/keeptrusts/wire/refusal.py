"""The error forms of OpenAI and of Anthropic, whole and as the end of a stream, with our own fields beside theirs."""

from __future__ import annotations

import json
from typing import Final

from keeptrusts.wire.sse import DONE, encode_frame


def error_body(
    *,
    error_type: str,
    code: str,
    message: str,
    request_id: str | None,
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


def response_error_frame(body: bytes, *, complete: bool) -> bytes:
    """As the last event of a response: OpenAI's `error` event, and in it the error form, which clients raise on."""
    del complete
    error = json.loads(body)["error"]
    event = {"type": "error", "code": error["code"], "message": error["message"], "param": None, "error": error}
    return encode_frame(json.dumps(event, ensure_ascii=False), "event: error")


_MESSAGE_TYPES: Final = {
    "validation_error": "invalid_request_error",
    "rate_limit": "rate_limit_error",
    "overloaded": "overloaded_error",
    "budget_exceeded": "billing_error",
    "upstream_error": "api_error",
    "no_compliant_provider": "api_error",
    "configuration_disabled": "api_error",
    "service_unavailable": "overloaded_error",
    "timeout": "timeout_error",
}
"""Our types in Anthropic's words. A violation of a policy has none there and keeps its name."""
_MESSAGE_TYPES_BY_CODE: Final = {"body_too_large": "request_too_large", "upstream_timeout": "timeout_error"}


def message_error_body(
    *,
    error_type: str,
    code: str,
    message: str,
    request_id: str | None,
    event_id: str | None = None,
    policy: str | None = None,
    escalation_id: str | None = None,
) -> bytes:
    """`{"type": "error", "error": {...}, "request_id"}`, as on Anthropic's routes."""
    kind = _MESSAGE_TYPES_BY_CODE.get(code) or _MESSAGE_TYPES.get(error_type, error_type)
    error = {"type": kind, "message": message, "policy": policy, "code": code, "event_id": event_id}
    if escalation_id is not None:
        error["escalation_id"] = escalation_id
    return json.dumps({"type": "error", "error": error, "request_id": request_id}, ensure_ascii=False).encode()


def message_error_frame(body: bytes, *, complete: bool) -> bytes:
    """The same as the last event of a stream, whoever ended it; nothing follows it."""
    del complete
    return encode_frame(body.decode(), "event: error")
