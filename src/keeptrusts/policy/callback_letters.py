"""Decisions in the words of the places that `callbacks` names. Without content: of texts nothing leaves but counts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import Any, Final, TypeAlias

from keeptrusts.core.version import VERSION
from keeptrusts.policy.asking import Credential, Question
from keeptrusts.policy.callbacks import Callback
from keeptrusts.policy.endpoints import credential_of

Event: TypeAlias = Mapping[str, Any]
TIMEOUT_MS: Final = 10_000
_SERVICE: Final = "keeptrusts-gateway"
_JSON: Final = ("content-type", "application/json")


def letter(callback: Callback, events: Sequence[Event], parents: Sequence[str | None] = ()) -> Question | None:
    """
    What a place is sent of these events; None where it fetches for itself.

    Args:
        parents: The callers' spans, in the traces that the events name.
    """
    told = [{name: value for name, value in event.items() if name != "content"} for event in events]
    secret = callback.secret_key_ref
    match callback.type:
        case "webhook":
            return _post(callback.url or "", {"events": told}, credential_of(secret), callback.headers)
        case "otlp":
            url = f"{(callback.endpoint or '').rstrip('/')}/v1/traces"
            return _post(url, _spans(callback, told, parents), credential_of(secret), callback.headers)
        case "datadog":
            url = callback.endpoint or f"https://http-intake.logs.{callback.site or 'datadoghq.com'}/api/v2/logs"
            return _post(url, [_log(callback, event) for event in told], credential_of(secret, "dd-api-key", ""))
        case "langfuse":
            host = (callback.host or "https://cloud.langfuse.com").rstrip("/")
            batch = [one for event in told for one in _observations(event)]
            credential = credential_of(secret, user=callback.public_key or "")
            return _post(f"{host}/api/public/ingestion", {"batch": batch}, credential)
        case "prometheus":
            return None


def _post(
    url: str, document: object, credential: Credential | None, headers: Mapping[str, str] | None = None
) -> Question:
    fields = (_JSON, *((name.lower(), value) for name, value in (headers or {}).items()))
    body = json.dumps(document).encode()
    return Question(url=url, timeout_ms=TIMEOUT_MS, headers=fields, body=body, credential=credential)


def _log(callback: Callback, event: Event) -> dict[str, Any]:
    return {
        "ddsource": "keeptrusts",
        "ddtags": ",".join(callback.tags),
        "service": callback.service_name or _SERVICE,
        "status": "warn" if event["verdict"] in {"blocked", "escalated", "failed"} else "info",
        "message": f"{event['verdict']}: {event['reason_code']}",
        "keeptrusts": event,
    }


def _spans(callback: Callback, events: Sequence[Event], parents: Sequence[str | None]) -> dict[str, Any]:
    resource = {"service.name": callback.service_name or _SERVICE, "service.version": VERSION}
    scope = {"name": "keeptrusts", "version": VERSION}
    made = [_span(event, parent) for event, parent in zip_longest(events, parents[: len(events)])]
    spans = {"scope": scope, "spans": made}
    return {"resourceSpans": [{"resource": {"attributes": _attributes(resource)}, "scopeSpans": [spans]}]}


def _span(event: Event, parent: str | None) -> dict[str, Any]:
    proof = hashlib.sha256(str(event["id"]).encode()).hexdigest()
    began, ended = _times(event)
    trace = str(event.get("trace_id") or "")
    operation = _OPERATIONS.get(str(event.get("api_format")), "chat")
    named = {
        "gen_ai.operation.name": operation,
        "gen_ai.request.model": event.get("model"),
        "gen_ai.provider.name": event.get("provider"),
        "gen_ai.usage.input_tokens": event.get("input_tokens"),
        "gen_ai.usage.output_tokens": event.get("output_tokens"),
        "http.response.status_code": event.get("status"),
        "error.type": event.get("reason_code") if event["verdict"] == "failed" else None,
        "gen_ai.conversation.id": event.get("session_id"),
        **{f"keeptrusts.{name}": event.get(name) for name in _OWN},
    }
    return {
        "traceId": trace if _is_trace(trace) else proof[:32],
        "spanId": proof[32:48],
        **({"parentSpanId": parent} if parent and _is_trace(trace) else {}),
        "name": f"{operation} {event.get('model') or ''}".strip(),
        "kind": 2,
        "startTimeUnixNano": str(_nanoseconds(began)),
        "endTimeUnixNano": str(_nanoseconds(ended)),
        "attributes": _attributes(named),
        "status": {"code": 2 if event["verdict"] == "failed" else 1},
    }


_OPERATIONS: Final = {"openai_completions": "text_completion", "openai_embeddings": "embeddings"}
"""Words of OpenTelemetry's conventions for generative AI; what is not here is a chat."""
_OWN: Final = (
    "id", "request_id", "verdict", "reason_code", "phase", "gateway_id", "configuration_id", "target_id", "agent_id",
    "cost_usd", "degraded", "streamed", "overhead_us",
)  # fmt: skip


def _is_trace(text: str) -> bool:
    return len(text) == 32 and set(text) <= set("0123456789abcdef") and bool(text.strip("0"))


def _attributes(values: Mapping[str, object]) -> list[dict[str, Any]]:
    """As OTLP writes them in JSON; what is not known is left out."""
    return [{"key": name, "value": _value(value)} for name, value in values.items() if value is not None]


def _value(value: object) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case _:
            return {"stringValue": str(value)}


def _observations(event: Event) -> list[dict[str, Any]]:
    began, ended = _times(event)
    usage = {"input": event.get("input_tokens"), "output": event.get("output_tokens"), "unit": "TOKENS"}
    known = {name: event.get(name) for name in _OWN}
    trace = {
        "id": event["id"],
        "name": "keeptrusts.decision",
        "timestamp": began.isoformat(),
        "userId": event.get("user_id"),
        "sessionId": event.get("session_id"),
        "tags": [str(event["verdict"])],
        "metadata": {**known, "policies": event.get("policies")},
    }
    generation = {
        "id": f"{event['id']}-generation",
        "traceId": event["id"],
        "name": event.get("target_id"),
        "model": event.get("model"),
        "startTime": began.isoformat(),
        "endTime": ended.isoformat(),
        "usage": usage,
        "level": "DEFAULT" if event["verdict"] == "allowed" else "WARNING",
        "statusMessage": event["reason_code"],
    }
    made = (("trace-create", trace), ("generation-create", generation))
    return [
        {"id": f"{event['id']}-{kind}", "type": kind, "timestamp": ended.isoformat(), "body": body}
        for kind, body in made
    ]


def _times(event: Event) -> tuple[datetime, datetime]:
    began = datetime.fromisoformat(str(event["timestamp"]))
    return began, began + timedelta(milliseconds=float(event.get("latency_ms") or 0))


def _nanoseconds(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000) * 1000
