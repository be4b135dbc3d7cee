"""Who may call what: every route, every role, nobody first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from keeptrusts.api.names import Role
from keeptrusts.control.auth import Needs
from keeptrusts.control.routes import providers
from keeptrusts.control.scopes import SCOPES_OF, may
from support.control import Plane, assert_problem

OPEN: Final = frozenset({
    *((method, path) for method in ("GET", "HEAD")
      for path in ("/healthz", "/readyz", "/", "/console/files/{name:path}")),
    ("GET", "/metrics"), ("GET", "/docs"), ("POST", "/console/session"),
    *(("GET", route.path) for route in providers.router.routes if isinstance(route, APIRoute)),
})  # fmt: skip
ENDLESS: Final = frozenset({("GET", "/v1/events/stream")})
ROLES: Final[tuple[Role, ...]] = ("admin", "editor", "viewer", "auditor", "gateway")


def _needs(dependant: Dependant) -> Iterator[str]:
    if isinstance(dependant.call, Needs):
        yield dependant.call.scope
    for inner in dependant.dependencies:
        yield from _needs(inner)


def _routes(control: Plane) -> list[tuple[str, str, set[str]]]:
    app = control.client.app
    assert isinstance(app, FastAPI)
    found = []
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, APIRoute):
            path = context.path or ""
            found += [(method, path, set(_needs(route.dependant))) for method in sorted(route.methods or ())]
    return found


def test_nobody_gets_past_the_door(control: Plane) -> None:
    """Without a key every route answers 401, and says what to set; only health is open."""
    tried = 0
    for method, path, _ in _routes(control):
        if (method, path) in OPEN:
            continue
        answer = control.anonymous.say(method, path.replace("{", "").replace("}", ""))
        problem = assert_problem(answer, 401, "missing_api_key")
        assert "KEEPTRUSTS_API_TOKEN" in problem["detail"]
        assert answer.headers["www-authenticate"].startswith("Bearer")
        tried += 1
    assert tried > 30


def test_each_route_names_one_scope(control: Plane) -> None:
    """What a route needs stands in its signature."""
    for method, path, needed in _routes(control):
        assert len(needed) == (0 if (method, path) in OPEN else 1), (method, path)


@pytest.mark.parametrize("role", ROLES)
def test_each_role_can_do_its_part_and_no_more(control: Plane, role: Role) -> None:
    """403 for what is beyond a role, naming the scope; anything but 401 and 403 for what is not."""
    person = control.person(role)
    for method, path, needed in _routes(control):
        if (method, path) in OPEN | ENDLESS:
            continue
        (scope,) = needed
        answer = person.say(method, path.replace("{", "").replace("}", ""))
        if scope in SCOPES_OF[role]:
            assert answer.status_code not in {401, 403}, (role, method, path, answer.text)
        else:
            assert f"`{scope}`" in assert_problem(answer, 403, "forbidden")["detail"], (role, method, path)


def test_scopes_only_narrow(control: Plane) -> None:
    """A key with scopes has these and no others, whatever its role."""
    narrow = control.person("admin", scopes=("configurations:read",))
    assert narrow.get("/v1/configurations").status_code == 200
    assert_problem(narrow.get("/v1/gateways"), 403, "forbidden")
    assert narrow.get("/v1/whoami").json()["scopes"] == ["configurations:read"]
    assert not may("viewer", ("configurations:write",), "configurations:write")


@pytest.mark.parametrize(
    "header",
    ["Basic a2V5", "Bearer", "Bearer  ", "Token kt_key_0", ""],
)
def test_no_bearer_token_is_a_missing_key(control: Plane, header: str) -> None:
    """Another scheme, or nothing after it."""
    assert_problem(control.client.get("/v1/whoami", headers={"Authorization": header}), 401, "missing_api_key")


def test_a_wrong_key_is_invalid(control: Plane) -> None:
    """A foreign form, an unknown id, a wrong secret, another key's secret: one answer for all."""
    head, _, secret = control.admin.token.rpartition("_")
    tokens = [
        "sk-something",
        "kt_key_" + "0" * 32 + "_" + secret,
        head + "_" + "A" * 43,
        control.admin.token + "A",
        control.admin.token.replace("kt_key", "kt_adm"),
        "kt_key_é",
    ]
    for token in tokens:
        answer = control.client.get("/v1/whoami", headers={b"Authorization": f"Bearer {token}".encode()})
        assert "rotate" in assert_problem(answer, 401, "invalid_api_key")["detail"]


@pytest.mark.parametrize("token", ["", "kt_key_" + "0" * 32 + "_x", "sk-something"])
def test_large_bodies_of_strangers_are_not_read(control: Plane, token: str) -> None:
    """The head decides: 401 and a closed connection, whatever the eight megabytes behind it are."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = control.client.post("/v1/configurations", content=b"x" * 8_000_000, headers=headers)
    code = "invalid_api_key" if token else "missing_api_key"
    assert assert_problem(answer, 401, code)["detail"]
    assert answer.headers["connection"] == "close"


def test_a_known_key_may_send_large_bodies(control: Plane) -> None:
    """And is told what is wrong with them; an expired one is told that."""
    large = b'{"name": "' + b"x" * 100_000 + b'"}'
    assert control.admin.post("/v1/configurations", large).status_code == 422
