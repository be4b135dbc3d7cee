"""Keys that ended, and keys of another organisation: no route takes the first, none tells the second what there is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from keeptrusts.api.names import Role
from keeptrusts.control.routes import providers
from keeptrusts.core.ids import make_id
from keeptrusts.store.keys import Keys, NewKey
from support.control import POLICY, Person, Plane, assert_problem
from support.escalations import REQUEST, opened, token_of
from support.records import Instance

ROLES: Final[tuple[Role, ...]] = ("admin", "editor", "viewer", "auditor", "gateway")
OPEN: Final = frozenset({"/healthz", "/readyz", "/metrics", "/docs", "/", "/console/files/{name:path}"}) | {
    route.path for route in providers.router.routes if isinstance(route, APIRoute)
}
SIGN_IN: Final = ("POST", "/console/session")
"""It takes a key in its body."""
BODIES: Final[dict[str, dict[str, Any]]] = {
    "rollback": {"version": 1},
    "versions": {"policy_yaml": POLICY},
    "diff": {"policy_yaml": POLICY},
    "simulate": {"policy_yaml": POLICY},
    "try": {"prompt": "hello"},
    "actions": {"action": "reload"},
    "resolve": {"outcome": "denied", "reason": "no"},
    "redeem": {"request_digest": REQUEST, "event_id": "evt_1"},
}
"""What a route needs before it looks for the object; the others take `{}`."""


def routes(control: Plane) -> Iterator[tuple[str, str]]:
    """Every one that wants a key, as method and path."""
    app = control.client.app
    assert isinstance(app, FastAPI)
    for context in iter_route_contexts(app.routes):
        path = context.path or ""
        if isinstance(context.original_route, APIRoute) and path not in OPEN:
            methods = sorted(context.original_route.methods or ())
            yield from ((method, path) for method in methods if (method, path) != SIGN_IN)


def ended(control: Plane, how: str) -> str:
    """A key that was good once."""
    with control.services.store.write() as tx:
        keys = Keys(tx.connection, control.org)
        wanted = NewKey(name=how, role="admin", lifetime=timedelta(seconds=1) if how == "expired" else None)
        key, token = keys.make(wanted, at=tx.now - timedelta(days=1))
        if how == "revoked":
            keys.revoke(key["id"], at=tx.now)
    return token


@pytest.mark.parametrize(("how", "code"), [("expired", "expired_api_key"), ("revoked", "invalid_api_key")])
def test_a_key_that_ended_opens_nothing(still: Plane, how: str, code: str) -> None:
    """401 at every route, whatever the body, and what to do about it."""
    person = Person(still.client, ended(still, how), still.org, "")
    tried = 0
    for method, path in routes(still):
        answer = person.say(method, re.sub(r"[{}]", "", path), None if method in {"GET", "DELETE"} else {})
        assert "rotate" in assert_problem(answer, 401, code)["detail"], (method, path)
        tried += 1
    assert tried > 60


def objects(control: Plane) -> dict[str, str]:
    """One of each noun of the first organisation: the name of its parameter, and its id."""
    admin = control.admin
    configuration = admin.made("/v1/configurations", {"name": "theirs", "policy_yaml": POLICY})
    gateway = token_of(control, "theirs")
    gateway_id = admin.get(f"/v1/tokens/{gateway.key_id}").json()["gateway_id"]
    hook = admin.made("/v1/webhooks", {"url": "https://example.com/", "event_types": ["*"]})
    event = Instance("gwi_theirs").decision(gateway_id=gateway_id)
    gateway.made("/v1/gateway/events", {"events": [event]})
    draft = {"type": "events", "format": "jsonl", "window": "24h"}
    variable = admin.made("/v1/config-variables", {"name": "theirs", "value": "secret"})
    return {
        "configuration_id": configuration["id"],
        "version": "1",
        "gateway_id": gateway_id,
        "token_id": gateway.key_id,
        "webhook_id": hook["id"],
        "delivery_id": admin.made(f"/v1/webhooks/{hook['id']}/test", {})["id"],
        "event_id": event["id"],
        "escalation_id": opened(control, gateway),
        "export_id": admin.made("/v1/exports/jobs", draft)["id"],
        "variable_id": variable["id"],
        "name": "theirs",
    }


def test_what_others_have_is_not_there(still: Plane) -> None:
    """For every role of another organisation a real id answers as one that nobody has, and 404 where it may look."""
    real = objects(still)
    made_up = {
        name: value if name == "version" else make_id(value.partition("_")[0], bytes(range(16)))
        for name, value in real.items()
    }
    org = still.other_admin().org
    before = {name: still.admin.get(path).json() for name, path in _shown(real).items()}
    seen = 0
    for role in ROLES:
        stranger = still.person(role, org=org)
        for method, path in routes(still):
            if "{" not in path:
                continue
            theirs, nobodys = (_ask(stranger, method, path, ids) for ids in (real, made_up))
            assert theirs == nobodys, (role, method, path)
            assert theirs[0] in {403, 404}, (role, method, path, theirs)
            assert theirs[0] == 404 or role != "admin" or path.endswith("variables/{name}")
            seen += theirs[0] == 404
    assert seen > 80
    assert before == {name: still.admin.get(path).json() for name, path in _shown(real).items()}


def _ask(person: Person, method: str, path: str, ids: dict[str, str]) -> tuple[int, str, str]:
    query = "?from=1&to=1" if path.endswith("/diff") else ""
    body = None if method in {"GET", "DELETE"} else BODIES.get(path.rpartition("/")[2], {})
    answer = person.say(method, path.format_map(ids) + query, body)
    problem = answer.json()
    return answer.status_code, problem["code"], problem["detail"]


def _shown(ids: dict[str, str]) -> dict[str, str]:
    return {
        "configuration": f"/v1/configurations/{ids['configuration_id']}",
        "gateway": f"/v1/gateways/{ids['gateway_id']}",
        "webhook": f"/v1/webhooks/{ids['webhook_id']}",
        "escalation": f"/v1/escalations/{ids['escalation_id']}",
        "variable": f"/v1/config-variables/{ids['variable_id']}",
        "token": f"/v1/tokens/{ids['token_id']}",
        "deliveries": f"/v1/webhooks/{ids['webhook_id']}/deliveries",
    }
