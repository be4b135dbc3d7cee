"""API keys: made, narrowed, rotated, expired, revoked."""

from __future__ import annotations

from datetime import timedelta

import pytest

from keeptrusts.control.credentials import Credentials
from keeptrusts.store.keys import Keys, NewKey, split_token
from keeptrusts.store.tables import keys
from support.control import Person, Plane, assert_problem


def _with(control: Plane, token: str) -> Person:
    return Person(control.client, token, control.org, "")


def test_a_key_is_shown_once(control: Plane) -> None:
    """It works; no list shows it; the database has only its hash."""
    made = control.admin.made("/v1/tokens", {"name": "ci", "role": "editor"})
    assert _with(control, made["key"]).get("/v1/whoami").json()["key_id"] == made["id"]
    listed = control.admin.get("/v1/tokens").json()["data"][0]
    assert listed == {name: value for name, value in made.items() if name != "key"} | {"last_used_at": None}
    secret = made["key"].removeprefix(made["prefix"] + "_")
    with control.services.store.read() as tx:
        row = tx.connection.execute(keys.select().where(keys.c.id == made["id"])).one()
    assert secret.encode() not in repr(row).encode()
    assert len(secret) == 43


def test_the_alias(control: Plane) -> None:
    """`/v1/api-keys` is the same noun."""
    made = control.admin.made("/v1/api-keys", {"name": "ci", "role": "viewer"})
    assert control.admin.get(f"/v1/tokens/{made['id']}").json()["name"] == "ci"


def test_an_expired_key_is_told_apart(control: Plane) -> None:
    """401 `expired_api_key`, and what to do."""
    with control.services.store.write() as tx:
        wanted = NewKey(name="old", role="viewer", lifetime=timedelta(seconds=-1))
        _, token = Keys(tx.connection, control.org).make(wanted, at=tx.now)
    detail = assert_problem(_with(control, token).get("/v1/whoami"), 401, "expired_api_key")["detail"]
    assert "rotate" in detail
    assert "KEEPTRUSTS_API_TOKEN" in detail


def test_a_revoked_key_is_refused_at_once(control: Plane) -> None:
    """Though it was remembered a moment ago."""
    made = control.admin.made("/v1/tokens", {"name": "ci", "role": "viewer"})
    person = _with(control, made["key"])
    assert person.get("/v1/whoami").status_code == 200
    assert control.admin.delete(f"/v1/tokens/{made['id']}").status_code == 204
    assert_problem(person.get("/v1/whoami"), 401, "invalid_api_key")
    assert control.admin.get(f"/v1/tokens/{made['id']}").json()["revoked_at"] is not None
    assert_problem(control.admin.post(f"/v1/tokens/{made['id']}/rotate"), 409, "revoked")


def test_rotation_overlaps(control: Plane) -> None:
    """Old and new work beside each other for the time asked; with none, the old one ends now."""
    made = control.admin.made("/v1/tokens", {"name": "ci", "role": "viewer", "scopes": ["events:read"]})
    old = _with(control, made["key"])
    second = control.admin.made(f"/v1/tokens/{made['id']}/rotate", {"overlap": 60})
    new = _with(control, second["key"])
    assert (old.get("/v1/events").status_code, new.get("/v1/events").status_code) == (200, 200)
    assert (second["scopes"], second["role"], second["name"]) == (["events:read"], "viewer", "ci")
    third = control.admin.made(f"/v1/tokens/{second['id']}/rotate", {"overlap": 0})
    assert_problem(new.get("/v1/events"), 401, "expired_api_key")
    assert _with(control, third["key"]).get("/v1/events").status_code == 200


def test_a_key_that_expires_is_rotated_for_as_long(control: Plane) -> None:
    """The new one lives as long as the old one was made to."""
    made = control.admin.made("/v1/tokens", {"name": "ci", "role": "viewer", "expires_in": 3600})
    second = control.admin.made(f"/v1/tokens/{made['id']}/rotate", {})
    assert second["expires_at"] is not None
    assert second["expires_at"] > made["expires_at"]


def test_scopes_are_checked(control: Plane) -> None:
    """Unknown ones, and ones beyond the role, are refused."""
    unknown = control.admin.post("/v1/tokens", {"name": "x", "role": "viewer", "scopes": ["everything:write"]})
    assert "everything" not in assert_problem(unknown, 422, "unknown_scope")["detail"]
    beyond = control.admin.post("/v1/tokens", {"name": "x", "role": "viewer", "scopes": ["gateways:write"]})
    assert_problem(beyond, 422, "scope_beyond_role")


def test_nobody_hands_out_more_than_they_have(control: Plane) -> None:
    """A narrow admin key cannot make a wide one."""
    narrow = control.person("admin", scopes=("tokens:write", "events:read"))
    assert_problem(narrow.post("/v1/tokens", {"name": "x", "role": "admin"}), 403, "forbidden")
    made = narrow.made("/v1/tokens", {"name": "x", "role": "viewer", "scopes": ["events:read"]})
    assert made["scopes"] == ["events:read"]


def test_nobody_rotates_into_more_than_they_have(control: Plane) -> None:
    """The successor of a wide key does not go to a narrow one, and the wide key goes on; its own it may rotate."""
    wide = control.admin.made("/v1/tokens", {"name": "wide", "role": "admin"})
    narrow = control.person("admin", scopes=("tokens:write", "tokens:read"))
    assert_problem(narrow.post(f"/v1/tokens/{wide['id']}/rotate", {}), 403, "forbidden")
    assert control.admin.get(f"/v1/tokens/{wide['id']}").json()["expires_at"] is None
    assert narrow.made(f"/v1/tokens/{narrow.key_id}/rotate", {})["scopes"] == ["tokens:write", "tokens:read"]


def test_use_is_noted_in_batches(control: Plane) -> None:
    """`last_used_at` comes with the next flush, not with each request."""
    viewer = control.person("viewer")
    viewer.get("/v1/whoami")
    assert control.admin.get(f"/v1/tokens/{viewer.key_id}").json()["last_used_at"] is None
    control.services.credentials.flush()
    assert control.admin.get(f"/v1/tokens/{viewer.key_id}").json()["last_used_at"] is not None


def test_a_key_has_its_rate(control: Plane) -> None:
    """Past it: not granted, and how long to wait."""
    parts = split_token(control.admin.token)
    assert parts is not None
    few = Credentials(control.services.store, requests_per_minute=2)
    credential = few.look_up(parts[0])
    assert credential is not None
    assert [few.take(credential)[0] for _ in range(3)] == [True, True, False]
    assert int(few.take(credential)[1]["Retry-After"]) in range(1, 61)


def test_signing_in_counts_too(control: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each leaves a line in the audit log: nobody writes more of them than their key may ask."""
    few = Credentials(control.services.store, requests_per_minute=2)
    monkeypatch.setattr(control.services.credentials, "take", few.take)
    said = {"key": control.admin.token}
    answers = [control.anonymous.post("/console/session", said) for _ in range(3)]
    assert [one.status_code for one in answers] == [201, 201, 429]
    assert_problem(answers[-1], 429, "rate_limited")


def test_other_organisations_keys_do_not_exist(control: Plane) -> None:
    """Reading, revoking and rotating them: 404."""
    other = control.other_admin()
    path = f"/v1/tokens/{control.admin.key_id}"
    assert_problem(other.get(path), 404, "not_found")
    assert_problem(other.delete(path), 404, "not_found")
    assert_problem(other.post(f"{path}/rotate"), 404, "not_found")
    assert [key["id"] for key in other.get("/v1/tokens").json()["data"]] == [other.key_id]


def test_the_audit_log_has_both_ends_of_a_rotation(control: Plane) -> None:
    """The successor was made, and the old key was given its end: whoever looks for either finds it."""
    old = control.admin.made("/v1/tokens", {"name": "ci", "role": "editor"})
    new = control.admin.made(f"/v1/tokens/{old['id']}/rotate", {"overlap": 60})
    for key, actions in ((old, ["token.rotate", "token.create"]), (new, ["token.create"])):
        found = control.admin.get(f"/v1/audit-log?object_id={key['id']}").json()["data"]
        assert [entry["action"] for entry in found] == actions
        assert found[0]["before_digest"] != found[0]["after_digest"]


def test_a_key_is_changed_as_it_was_seen(control: Plane) -> None:
    """Its tag is the same until it is given an end; who revokes one that somebody rotated meanwhile is told."""
    made = control.admin.made("/v1/tokens", {"name": "ci", "role": "editor"})
    path = f"/v1/tokens/{made['id']}"
    tag = control.admin.get(path).headers["etag"]
    assert control.admin.get(path).headers["etag"] == tag
    control.admin.made(f"{path}/rotate", {}, If_Match=tag)
    assert_problem(control.admin.post(f"{path}/rotate", {}, If_Match=tag), 412, "version_conflict")
    assert_problem(control.admin.delete(path, If_Match=tag), 412, "version_conflict")
    now = control.admin.get(path).headers["etag"]
    assert now != tag
    assert control.admin.delete(path, If_Match=now).status_code == 204


def test_nothing_has_to_be_said_of_a_rotation(control: Plane) -> None:
    """As `curl -X POST` sends it: without a body everything is as usual; what is no JSON is still refused."""
    made = control.admin.made("/v1/tokens", {"name": "ci", "role": "editor"})
    gateway = control.admin.made("/v1/gateways", {"name": "edge"})
    for path in (f"/v1/tokens/{made['id']}/rotate", f"/v1/gateways/{gateway['id']}/tokens"):
        assert control.admin.say("POST", path).status_code == 201
        assert_problem(control.admin.say("POST", path, b"["), 400, "malformed_json")
        assert_problem(control.admin.say("POST", path, b"[]"), 422, "invalid_input")


def test_a_gateways_token_is_revoked_as_it_was_seen(control: Plane) -> None:
    """`If-Match` holds there, too."""
    gateway = control.admin.made("/v1/gateways", {"name": "edge"})["id"]
    token = control.admin.made(f"/v1/gateways/{gateway}/tokens", {})["id"]
    path = f"/v1/gateways/{gateway}/tokens/{token}"
    assert_problem(control.admin.delete(path, If_Match='"r0"'), 412, "version_conflict")
    assert (
        control.admin.delete(path, If_Match=control.admin.get(f"/v1/tokens/{token}").headers["etag"]).status_code == 204
    )
