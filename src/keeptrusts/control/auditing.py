"""What a route says to the audit log: `record(tx, actor, "configuration.update", id, before=..., after=...)`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keeptrusts.control.auth import Actor
from keeptrusts.core.canonical import digest
from keeptrusts.store.audit import AuditLog, AuditRecord
from keeptrusts.store.transaction import Tx

_SHOWN_ONCE = frozenset({"secret", "key", "token"})


def record(
    tx: Tx,
    actor: Actor,
    action: str,
    object_id: str,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Note one write; `before` and `after` are the object as the API shows it, and only their digests are kept."""
    entry = AuditRecord(
        actor=actor.key_id,
        action=action,
        object_type=action.partition(".")[0],
        object_id=object_id,
        before_digest=_digest(before),
        after_digest=_digest(after),
        ip=actor.ip,
        request_id=actor.request_id,
    )
    AuditLog(tx.connection, actor.org).append(entry, at=tx.now)


def _digest(shown: Mapping[str, Any] | None) -> str | None:
    if shown is None:
        return None
    return digest({name: value for name, value in shown.items() if name not in _SHOWN_ONCE})
