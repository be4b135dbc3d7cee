"""`GET /v1/models`: what may be asked for, without a provider being asked."""

from __future__ import annotations

import json

from keeptrusts.flow.arrival import Snapshot


def list_models(snapshot: Snapshot) -> bytes:
    """Groups, their aliases and the targets' models in OpenAI's form; a target without a model goes by its id."""
    listed = {}
    for group in snapshot.policy.groups:
        for name in (group.name, *group.aliases):
            listed[name] = {"id": name, "object": "model", "created": 0, "owned_by": "keeptrusts"}
    for settings in snapshot.policy.targets:
        name = settings.target.model or settings.target.id
        listed.setdefault(name, {"id": name, "object": "model", "created": 0, "owned_by": settings.target.provider})
    return json.dumps({"object": "list", "data": list(listed.values())}).encode()
