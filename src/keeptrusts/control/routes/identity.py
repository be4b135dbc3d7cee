"""`/v1/whoami`."""

from __future__ import annotations

from fastapi import APIRouter

from keeptrusts.api.tokens import Whoami
from keeptrusts.control.auth import Anybody
from keeptrusts.store.columns import rfc3339_or_none

router = APIRouter(prefix="/v1", tags=["identity"])


@router.get("/whoami")
async def whoami(actor: Anybody) -> Whoami:
    """Who this credential is."""
    return {
        "key_id": actor.key_id,
        "name": actor.name,
        "role": actor.role,
        "scopes": list(actor.scopes),
        "organisation": actor.org,
        "organisation_name": actor.org_name,
        "expires_at": rfc3339_or_none(actor.expires_at),
    }
