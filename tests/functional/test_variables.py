"""Config variables on both engines: secrets go in, gateways that need them get them, nobody else sees them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import select

from keeptrusts.policy.destinations import may_go
from keeptrusts.store.review_tables import variables
from support.control import POLICY, Person, Plane, assert_problem

SECRET = "sk-live-0123456789"
NAMING = POLICY.replace(
    "      provider: mock\n",
    "      provider: openai\n      base_url: https://api.example.com\n      secret_key_ref: {store: openai-key}\n",
)


def made(plane: Plane, name: str = "openai-key", value: str = SECRET) -> dict[str, Any]:
    return plane.admin.made(
        "/v1/config-variables",
        {
            "name": name,
            "value": value,
            "description": "for tests",
            "allowed_hosts": ["api.example.com"],
        },
    )


def gateway_of(plane: Plane, policy: str = NAMING, name: str = "edge") -> tuple[dict[str, Any], Person]:
    """A gateway that runs this document, and its token."""
    configuration = plane.admin.made("/v1/configurations", {"name": name, "policy_yaml": policy})
    gateway = plane.admin.made("/v1/gateways", {"name": name, "configuration_id": configuration["id"]})
    token = plane.admin.made(f"/v1/gateways/{gateway['id']}/tokens", {})
    return gateway, Person(plane.client, token["token"], plane.org, token["id"])


def epoch(person: Person) -> int:
    found: int = json.loads(person.get("/v1/gateway/bundle").json()["payload"])["epoch"]
    return found


def test_a_value_goes_in_and_never_comes_back(still: Plane) -> None:
    """Not in any answer, list or audit entry, and the database holds it sealed."""
    one = made(still)
    assert (one["name"], one["version"]) == ("openai-key", 1)
    changed = still.admin.patch(f"/v1/config-variables/{one['id']}", {"value": SECRET + "2"}).json()
    assert changed["version"] == 2
    for path in ("/v1/config-variables", f"/v1/config-variables/{one['id']}", "/v1/audit-log"):
        assert SECRET not in still.admin.get(path).text, path
    with still.services.store.read() as tx:
        (value,) = tx.connection.execute(select(variables.c.value)).scalars()
    assert SECRET.encode() not in value


def test_the_gateway_whose_document_names_it_has_it(still: Plane) -> None:
    """And no other gateway, no key of a person, whatever its role, and no other organisation."""
    made(still)
    made(still, "unnamed")
    made(still, "openai")  # a part of a name that is there
    _, mine = gateway_of(still)
    _, other = gateway_of(still, POLICY, "other")
    assert mine.get("/v1/gateway/variables/openai-key").json()["value"] == SECRET
    assert_problem(other.get("/v1/gateway/variables/openai-key"), 404, "not_found")
    assert_problem(mine.get("/v1/gateway/variables/unnamed"), 404, "not_found")
    assert_problem(mine.get("/v1/gateway/variables/openai"), 404, "not_found")
    for person in (still.admin, still.person("editor"), still.other_admin()):
        assert_problem(person.get("/v1/gateway/variables/openai-key"), 403, "forbidden")


def test_a_gateway_has_the_keys_of_the_kinds_that_ask(still: Plane) -> None:
    """As those of targets."""
    made(still, "judge-key")
    judge = "{model: m, base_url: 'https://api.example.com', secret_key_ref: {store: judge-key}}"
    asking = POLICY.replace("    - token-limit\n", "    - token-limit\n    - flagged-review\n")
    _, mine = gateway_of(still, asking + f"  flagged-review: {{provider: {judge}}}\n")
    assert mine.get("/v1/gateway/variables/judge-key").json()["value"] == SECRET


def test_a_new_value_wakes_gateways(still: Plane) -> None:
    """They get a new bundle when a value comes, changes or goes; a description is no news."""
    _, mine = gateway_of(still)
    before = epoch(mine)
    one = made(still)
    path = f"/v1/config-variables/{one['id']}"
    still.admin.patch(path, {"value": "another"})
    still.admin.patch(path, {"description": "words"})
    assert epoch(mine) == before + 2
    assert mine.get("/v1/gateway/variables/openai-key").json() == {
        "name": "openai-key",
        "version": 2,
        "value": "another",
        "allowed_hosts": ["api.example.com"],
    }
    assert still.admin.delete(path).status_code == 204
    assert epoch(mine) == before + 3
    assert_problem(mine.get("/v1/gateway/variables/openai-key"), 404, "not_found")


def test_a_document_sends_a_secret_where_it_may_go_alone(still: Plane) -> None:
    """Whatever an editor writes beside its name: not stored, and nothing handed out for what was stored before."""
    editor = still.person("editor")
    _, mine = gateway_of(still)  # while there is no secret of this name
    one = still.admin.made("/v1/config-variables", {"name": "openai-key", "value": SECRET})
    assert_problem(mine.get("/v1/gateway/variables/openai-key"), 403, "secret_host_refused")
    answer = editor.post("/v1/configurations", {"name": "mine", "policy_yaml": NAMING})
    problem = assert_problem(answer, 422, "secret_host_refused")
    assert [item["path"] for item in problem["errors"]] == ["policy_yaml.providers.targets[0].base_url"]
    path = f"/v1/config-variables/{one['id']}"
    assert_problem(editor.patch(path, {"allowed_hosts": ["api.example.com"]}), 403, "forbidden")
    assert_problem(still.admin.patch(path, {"allowed_hosts": ["https://api.example.com"]}), 422, "invalid_host")
    still.admin.patch(path, {"allowed_hosts": ["api.example.com"]})
    assert editor.post("/v1/configurations", {"name": "mine", "policy_yaml": NAMING}).status_code == 201
    assert mine.get("/v1/gateway/variables/openai-key").json()["value"] == SECRET
    still.admin.patch(path, {"allowed_hosts": None})
    assert_problem(mine.get("/v1/gateway/variables/openai-key"), 403, "secret_host_refused")


def test_a_credential_that_opens_secrets_takes_who_hands_out_keys(still: Plane) -> None:
    """An editor changes gateways, and makes no token to fetch with, nor renews one; they may end it."""
    made(still)
    gateway, mine = gateway_of(still)
    path = f"/v1/gateways/{gateway['id']}/tokens"
    for person in (still.person("editor"), still.person("admin", scopes=("gateways:write", "gateways:read"))):
        assert person.patch(f"/v1/gateways/{gateway['id']}", {"description": person.key_id}).status_code == 200
        assert "`tokens:write`" in assert_problem(person.post(path), 403, "forbidden")["detail"]
        assert_problem(person.post(f"/v1/tokens/{mine.key_id}/rotate"), 403, "forbidden")
    assert still.person("admin", scopes=("tokens:write",)).post(path).status_code == 201
    assert still.person("editor").delete(f"{path}/{mine.key_id}").status_code == 204


@pytest.mark.parametrize(
    ("url", "allowed", "may"),
    [
        ("https://api.openai.com/v1", None, True),
        ("HTTPS://API.OpenAI.com", None, True),
        ("http://api.openai.com", None, False),
        ("https://api.openai.com:8443", None, False),
        ("https://api.openai.com.evil.example", None, False),
        ("https://api.openai.com@evil.example", None, False),
        ("https://a.example", ["a.example"], True),
        ("https://b.a.example", ["a.example"], False),
        ("http://a.example:80", ["a.example"], False),
        ("http://a.example:8080", ["a.example:8080"], True),
        ("https://[::1]:8443", ["[::1]:8443"], True),
        ("https://api.openai.com", ["a.example"], False),
    ],
)
def test_hosts_are_compared_whole(url: str, allowed: list[str] | None, may: bool) -> None:
    """Scheme, host and port count; what only looks like a host is another one."""
    assert may_go(url, allowed) is may


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"name": "a b", "value": "x"}, "invalid_name"),
        ({"name": "../x", "value": "x"}, "invalid_name"),
        ({"name": "a", "value": "new\nline"}, "invalid_value"),
        ({"name": "a", "value": " x"}, "invalid_value"),
        ({"name": "a", "value": ""}, "invalid_input"),
        ({"name": "a"}, "invalid_input"),
    ],
)
def test_what_cannot_be_one_is_refused(still: Plane, body: dict[str, str], code: str) -> None:
    """A name that no document can write, a value that no header can carry; the value is not repeated."""
    assert_problem(still.admin.post("/v1/config-variables", body), 422, code)


def test_names_are_unique_and_changes_are_seen(still: Plane) -> None:
    """In an organisation; a change needs what was read."""
    one = made(still)
    answer = still.admin.post("/v1/config-variables", {"name": "openai-key", "value": SECRET})
    assert SECRET not in assert_problem(answer, 409, "name_taken")["detail"]
    assert still.other_admin().made("/v1/config-variables", {"name": "openai-key", "value": "x"})["version"] == 1
    path = f"/v1/config-variables/{one['id']}"
    tag = still.admin.get(path).headers["etag"]
    still.admin.patch(path, {"value": "y"})
    assert still.admin.patch(path, {"value": "z"}, If_Match=tag).status_code == 412
    assert [each["id"] for each in still.admin.get("/v1/config-variables?name=openai-key").json()["data"]] == [
        one["id"]
    ]
    assert_problem(still.person("viewer").get(path), 403, "forbidden")


def test_a_key_that_ends_makes_none_that_does_not(still: Plane) -> None:
    """Nor one that lives longer; renewing itself keeps its own length of life."""
    short = still.admin.made("/v1/tokens", {"name": "short", "role": "admin", "expires_in": 3600})
    holder = Person(still.client, short["key"], still.org, short["id"])
    for wanted in ({}, {"expires_in": 90 * 86_400}):
        minted = holder.made("/v1/tokens", {"name": "x", "role": "viewer", **wanted})
        assert minted["expires_at"] is not None
        assert minted["expires_at"] <= short["expires_at"]
    assert (
        holder.made("/v1/tokens", {"name": "y", "role": "viewer", "expires_in": 60})["expires_at"] < short["expires_at"]
    )
    endless = still.admin.made("/v1/tokens", {"name": "endless", "role": "viewer"})
    renewed = holder.made(f"/v1/tokens/{endless['id']}/rotate", {})
    assert renewed["expires_at"] <= short["expires_at"]
    long = still.admin.made("/v1/tokens", {"name": "long", "role": "admin", "expires_in": 90 * 86_400})
    assert holder.made(f"/v1/tokens/{long['id']}/rotate", {})["expires_at"] <= short["expires_at"]
    assert holder.made(f"/v1/tokens/{short['id']}/rotate", {})["expires_at"] > short["expires_at"]
