"""
What tells one object from every other beside its state: its id, which never changes.

Terraform keeps it from 1.12 on, and imports by it. Older versions are told nothing of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

SINCE: Final = (1, 12)
SCHEMA: Final[Mapping[str, Any]] = {
    "identity_attributes": [
        {"name": "id", "type": b'"string"', "required_for_import": True, "description": "Id of the object."}
    ]
}


def are_known_to(terraform_version: str) -> bool:
    """Whether this Terraform keeps them. One that does not say its version is told: it passes over what is new."""
    major, _, rest = terraform_version.partition(".")
    minor = rest.partition(".")[0]
    return not (major.isdecimal() and minor.isdecimal()) or (int(major), int(minor)) >= SINCE


def identity_of(state: Mapping[str, Any] | None) -> dict[str, Any]:
    """As the protocol writes it. An object that is not there, or not yet, has none."""
    return {"identity_data": {"id": state["id"]} if state else None}


def wanted_id(request: Mapping[str, Any]) -> str:
    """What an import asks for: by identity, or by whatever the user wrote as `id`."""
    identity = (request.get("identity") or {}).get("identity_data") or {}
    found: str = identity.get("id") or request.get("id", "")
    return found
