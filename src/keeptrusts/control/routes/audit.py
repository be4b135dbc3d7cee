"""`/v1/audit-log`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from keeptrusts.api.audit import AuditEntry
from keeptrusts.api.page import Page
from keeptrusts.control.auth import AuditReader
from keeptrusts.control.paging import Paging
from keeptrusts.control.unit_of_work import transactional
from keeptrusts.store.audit import AuditLog
from keeptrusts.store.transaction import Tx

router = APIRouter(prefix="/v1", tags=["audit"])

Exact = Annotated[str | None, Query(max_length=200)]


@router.get("/audit-log")
@transactional
def list_audit_log(
    actor: AuditReader,
    tx: Tx,
    paging: Paging,
    *,
    by: Annotated[str | None, Query(alias="actor", max_length=200)] = None,
    action: Exact = None,
    object_type: Exact = None,
    object_id: Exact = None,
) -> Page[AuditEntry]:
    """Every write, newest first."""
    rows = AuditLog(tx.connection, actor.org).page(
        before=paging.before, limit=paging.take, actor=by, action=action, object_type=object_type, object_id=object_id
    )
    return paging.page(rows)
