"""`/v1/audit-log`: every write, by whom, from where."""

from __future__ import annotations

from typing_extensions import TypedDict


class AuditEntry(TypedDict):
    """Digests are over the object before and after; null when there was none."""

    id: str
    at: str
    actor: str
    action: str
    object_type: str
    object_id: str
    before_digest: str | None
    after_digest: str | None
    ip: str | None
    request_id: str
