"""`GET /v1/models`: what may be asked for, without a provider being asked."""

from __future__ import annotations

import json
from typing import Any

from keeptrusts.flow.arrival import Snapshot


def list_models(snapshot: Snapshot) -> bytes:
    """
    Groups, their aliases and the targets' models; a target without a model goes by its id.

    Each has the fields of OpenAI's form and of Anthropic's, which ask at the same path: clients of both read it.
    """
    listed = {}
    for group in snapshot.policy.groups:
        for name in (group.name, *group.aliases):
            listed[name] = _model(name, "keeptrusts")
    for settings in snapshot.policy.targets:
        name = settings.target.model or settings.target.id
        listed.setdefault(name, _model(name, settings.target.provider))
    names = list(listed)
    ends = {"first_id": names[0], "last_id": names[-1]} if names else {"first_id": None, "last_id": None}
    return json.dumps({"object": "list", "data": list(listed.values()), "has_more": False, **ends}).encode()


def _model(name: str, owner: str) -> dict[str, Any]:
    told = {"id": name, "object": "model", "created": 0, "owned_by": owner}
    return told | {"type": "model", "display_name": name, "created_at": "1970-01-01T00:00:00Z"}
