"""
What each role may do, as scopes `noun:verb`. A key's own scopes can only narrow its role.

`viewer` sees what is governed and what happened; `auditor` also takes evidence out and reads the audit log; `editor`
changes what is governed and decides what was escalated; `admin` also hands out keys, those of gateways among them, and
hands in secrets, and shortens how long events are kept; `gateway` reports what it did, and fetches what it is to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from keeptrusts.api.names import Role

CONFIGURATIONS_READ: Final = "configurations:read"
CONFIGURATIONS_WRITE: Final = "configurations:write"
GATEWAYS_READ: Final = "gateways:read"
GATEWAYS_WRITE: Final = "gateways:write"
WEBHOOKS_READ: Final = "webhooks:read"
WEBHOOKS_WRITE: Final = "webhooks:write"
EVENTS_READ: Final = "events:read"
ESCALATIONS_READ: Final = "escalations:read"
ESCALATIONS_WRITE: Final = "escalations:write"
EXPORTS_READ: Final = "exports:read"
EXPORTS_WRITE: Final = "exports:write"
VARIABLES_READ: Final = "variables:read"
VARIABLES_WRITE: Final = "variables:write"
VARIABLES_USE: Final = "variables:use"
"""To have the value: of gateways alone, so no scope that a key can be given."""
TOKENS_READ: Final = "tokens:read"
TOKENS_WRITE: Final = "tokens:write"
RETENTION_WRITE: Final = "retention:write"
"""To have events deleted earlier than the present document says."""
AUDIT_READ: Final = "audit:read"
TRAIL_READ: Final = "trail:read"
RUNTIME: Final = "runtime:use"
IDENTITY: Final = "identity:read"
"""Everybody may ask who they are; no key can be narrowed out of it."""

_VIEWER = frozenset(
    {CONFIGURATIONS_READ, GATEWAYS_READ, WEBHOOKS_READ, EVENTS_READ, ESCALATIONS_READ, TRAIL_READ, IDENTITY}
)
_EDITOR = _VIEWER | {
    VARIABLES_READ,
    CONFIGURATIONS_WRITE,
    GATEWAYS_WRITE,
    WEBHOOKS_WRITE,
    ESCALATIONS_WRITE,
    EXPORTS_READ,
    EXPORTS_WRITE,
    RUNTIME,
}
_AUDITOR = _VIEWER | {EXPORTS_READ, EXPORTS_WRITE, AUDIT_READ}
_ADMIN = _EDITOR | _AUDITOR | {TOKENS_READ, TOKENS_WRITE, VARIABLES_WRITE, RETENTION_WRITE}

SCOPES_OF: Final[Mapping[Role, frozenset[str]]] = {
    "admin": _ADMIN,
    "editor": _EDITOR,
    "viewer": _VIEWER,
    "auditor": _AUDITOR,
    "gateway": frozenset({RUNTIME, VARIABLES_USE, TRAIL_READ, IDENTITY}),
}
SCOPES: Final = _ADMIN


def may(role: Role, narrowed: Iterable[str], scope: str) -> bool:
    """Whether a key of this role, narrowed to these scopes (none: not narrowed), may do `scope`."""
    chosen = frozenset(narrowed)
    return scope in SCOPES_OF[role] and (not chosen or scope in chosen or scope == IDENTITY)
