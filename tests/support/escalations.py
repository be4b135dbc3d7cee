"""Escalations as a gateway brings them, and a gateway that brings them."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from keeptrusts.store.transaction import new_id
from support.control import Person, Plane

HELD = b'{"choices":[{"message":{"content":"the account is DE89 3704"}}]}'


def digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


REQUEST = digest(b"request")


def draft(**changed: Any) -> dict[str, Any]:
    """What a gateway says of an answer that it holds."""
    plain = {
        "id": new_id("esc"),
        "event_id": new_id("evt"),
        "instance_id": "gwi_1",
        "configuration_id": "cfg_1",
        "configuration_version": 3,
        "stage": "output",
        "policy": "human-oversight",
        "reason_code": "human_oversight.financial",
        "message": "the answer must be seen by a person first",
        "request_digest": REQUEST,
        "held_digest": digest(HELD),
        "media_type": "application/json",
        "content": base64.b64encode(HELD).decode(),
        "assignee": "oversight@example.com",
        "timeout_seconds": 3600,
        "model": "gpt-4o",
        "user_id": "ada",
        "agent_id": None,
        "key_id": "app",
    }
    return plain | changed


def token_of(plane: Plane, name: str = "edge") -> Person:
    """A gateway's own token."""
    gateway = plane.admin.made("/v1/gateways", {"name": name})
    made = plane.admin.made(f"/v1/gateways/{gateway['id']}/tokens", {})
    return Person(plane.client, made["token"], plane.org, made["id"])


def opened(plane: Plane, gateway: Person, **changed: Any) -> str:
    """The id of one that is in the queue."""
    identifier: str = gateway.made("/v1/gateway/escalations", draft(**changed))["id"]
    return identifier
