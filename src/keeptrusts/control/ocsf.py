"""
Events in the Open Cybersecurity Schema Framework (OCSF 1.8): what a SIEM takes without a parser of its own.

A decision in which a policy acted is a Detection Finding (2004), any other an API Activity (6003); so is an entry of
the audit log. What OCSF has no place for, the record's place in its chain among it, stands whole in `unmapped`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from keeptrusts.core.version import VERSION

Row = Mapping[str, Any]
SCHEMA: Final = "1.8.0"
_FINDING: Final = (2004, "Detection Finding", 2, "Findings")
_ACTIVITY: Final = (6003, "API Activity", 6, "Application Activity")
_ALLOWED: Final = (1, "Allowed", 1, "Allowed")
_ACTIONS: Final[Mapping[str, tuple[int, str, int, str]]] = {
    "allowed": _ALLOWED,
    "redacted": (4, "Modified", 11, "Corrected"),
    "escalated": (2, "Denied", 4, "Isolated"),
    "blocked": (2, "Denied", 2, "Blocked"),
    "failed": (1, "Allowed", 99, "Other"),
}
"""Verdict to `action_id`, `action`, `disposition_id`, `disposition` of the profile `security_control`."""
_SEVERITIES: Final = {"blocked": (4, "High"), "escalated": (3, "Medium"), "redacted": (2, "Low")}
_VERBS: Final = {"create": (1, "Create"), "read": (2, "Read"), "update": (3, "Update"), "delete": (4, "Delete")}


def of_event(event: Row) -> dict[str, Any]:
    """A decision or a gap record."""
    verdict = event.get("verdict") or "failed"
    acted = verdict in _SEVERITIES
    severity, severity_name = _SEVERITIES.get(verdict, (1, "Informational"))
    action, action_name, disposition, disposition_name = _ACTIONS.get(verdict, _ACTIONS["failed"])
    found = _head(_FINDING if acted else _ACTIVITY, 1 if acted else 99, event.get("timestamp"))
    found |= {
        "severity_id": severity,
        "severity": severity_name,
        "status_id": 2 if verdict == "failed" else 1,
        "status_code": event.get("reason_code") or event.get("reason"),
        "action_id": action,
        "action": action_name,
        "disposition_id": disposition,
        "disposition": disposition_name,
        "metadata": _metadata(event, ["security_control", "ai_operation"]),
        "api": {
            "operation": "chat.completions",
            "request": {"uid": event.get("request_id")},
            "response": {"code": event.get("status")},
            "service": {"name": event.get("provider"), "uid": event.get("target_id")},
        },
        "actor": _actor(event.get("user_id"), event.get("agent_id"), event.get("session_id")),
        "ai_model": {"name": event.get("model"), "ai_provider": event.get("provider")},
        "message_context": {
            "prompt_tokens": event.get("input_tokens"),
            "completion_tokens": event.get("output_tokens"),
            "uid": event.get("request_id"),
        },
        "unmapped": {name: event[name] for name in _UNMAPPED if event.get(name) is not None},
    }
    if acted:
        found["finding_info"] = _finding(event)
    known: dict[str, Any] = _without_nothing(found)
    return known


def of_audit_entry(entry: Row) -> dict[str, Any]:
    """A write to the control plane."""
    verb = str(entry.get("action", "")).rpartition(".")[2]
    activity, name = _VERBS.get(verb, (99, verb))
    found = _head(_ACTIVITY, activity, entry.get("at"))
    found |= {
        "activity_name": name,
        "severity_id": 1,
        "severity": "Informational",
        "status_id": 1,
        "metadata": _metadata(entry, []),
        "api": {"operation": entry.get("action"), "request": {"uid": entry.get("request_id")}},
        "actor": _actor(entry.get("actor"), None, None),
        "src_endpoint": {"ip": entry.get("ip")},
        "resources": [{"uid": entry.get("object_id"), "type": entry.get("object_type")}],
        "unmapped": {name: entry[name] for name in ("before_digest", "after_digest") if entry.get(name) is not None},
    }
    known: dict[str, Any] = _without_nothing(found)
    return known


TRANSLATORS: Final[Mapping[str, Callable[[Row], dict[str, Any]]]] = {"events": of_event, "audit-log": of_audit_entry}
"""By the type of an export; what is not here has no form in OCSF."""

_UNMAPPED: Final = (
    "event_type", "gateway_id", "instance_id", "sequence", "prev_hash", "hash", "configuration_id",
    "configuration_version", "config_digest", "trace_id", "phase", "policies", "api_format", "streamed", "latency_ms",
    "overhead_us", "cost_usd", "team_id", "key_id", "escalation_id", "content", "content_digest", "degraded",
    "from_sequence", "to_sequence", "count",
)  # fmt: skip


def _head(kind: tuple[int, str, int, str], activity: int, at: object) -> dict[str, Any]:
    class_uid, class_name, category_uid, category_name = kind
    return {
        "class_uid": class_uid,
        "class_name": class_name,
        "category_uid": category_uid,
        "category_name": category_name,
        "activity_id": activity,
        "type_uid": class_uid * 100 + activity,
        "time": _milliseconds(at),
    }


def _metadata(row: Row, profiles: list[str]) -> dict[str, Any]:
    product = {"name": "Keeptrusts", "vendor_name": "Keeptrusts", "version": VERSION}
    return {
        "version": SCHEMA,
        "product": product,
        "profiles": profiles or None,
        "uid": row.get("id"),
        "original_time": row.get("timestamp") or row.get("at"),
        "logged_time": _milliseconds(row.get("received_at")),
        "sequence": row.get("sequence"),
    }


def _actor(user: object, agent: object, session: object) -> dict[str, Any]:
    return {
        "user": {"uid": user} if user else None,
        "app_uid": agent,
        "session": {"uid": session} if session else None,
    }


def _finding(event: Row) -> dict[str, Any]:
    policies = event.get("policies")
    lines = [one for one in policies if isinstance(one, Mapping)] if isinstance(policies, list) else []
    enforced = [one for one in lines if one.get("mode") != "shadow"]
    kinds = [str(one.get("kind")) for one in enforced if one.get("verdict") not in {"allowed", "skipped"}]
    return {"uid": event.get("id"), "title": event.get("reason_code"), "types": kinds}


def _milliseconds(at: object) -> int | None:
    try:
        return int(datetime.fromisoformat(str(at)).timestamp() * 1000) if at else None
    except (ValueError, OverflowError):
        return None


def _without_nothing(value: Any) -> Any:
    """OCSF leaves out what is not known."""
    if isinstance(value, dict):
        shown = {name: _without_nothing(inner) for name, inner in value.items()}
        return {name: inner for name, inner in shown.items() if inner is not None and inner != {}}
    return value
