"""What every route keeps: the error form without input, bounds, idempotency, and a database that is away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Response
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from keeptrusts.store.tables import idempotency
from keeptrusts.store.transaction import Store
from support.control import POLICY, Person, Plane, assert_problem

SSN = "078-05-1120"
DRAFT = {"name": "production", "policy_yaml": POLICY}
OPENAPI = Path(__file__).parent / "snapshots" / "openapi-routes.json"


def _planted(admin: Person) -> Iterator[Response]:
    """One answer for each place in which a value can stand."""
    yield admin.post("/v1/configurations", {"name": SSN * 100, "policy_yaml": POLICY})
    yield admin.post("/v1/configurations", {"name": [SSN], "policy_yaml": POLICY})
    yield admin.post("/v1/configurations", {**DRAFT, SSN: 1})
    yield admin.post("/v1/configurations", {**DRAFT, "labels": {SSN: 1}})
    yield admin.post("/v1/configurations", {**DRAFT, "labels": {SSN * 20: "x"}})
    yield admin.post("/v1/configurations", {**DRAFT, "managed_by": SSN})
    yield admin.post("/v1/tokens", {"name": "x", "role": SSN})
    yield admin.post("/v1/tokens", {"name": "x", "role": "viewer", "scopes": [SSN]})
    yield admin.post("/v1/tokens", {"name": "x", "role": "viewer", "expires_in": SSN})
    yield admin.post("/v1/gateways", {"name": "x", "configuration_id": SSN})
    yield admin.post("/v1/gateways", {"name": "x", "deployment": {"strategy": SSN, SSN: 1}})
    yield admin.post("/v1/configurations", f'{{"name": "{SSN}'.encode())
    yield admin.post("/v1/configurations", SSN.encode())
    yield admin.post("/v1/configurations", f'"{SSN}"'.encode())
    yield admin.post("/v1/configurations", SSN.encode(), Content_Type="text/plain")
    yield admin.post("/v1/configurations", b"\xff\xfe" + SSN.encode())
    yield admin.get(f"/v1/configurations/{SSN}")
    yield admin.get(f"/v1/configurations/{SSN}/versions/{SSN}")
    yield admin.get(f"/v1/{SSN}")
    yield admin.get(f"/v1/configurations?limit={SSN}")
    yield admin.get(f"/v1/configurations?cursor={SSN}")
    yield admin.get(f"/v1/configurations?{SSN}=1")
    yield admin.get(f"/v1/events?since={SSN}")
    yield admin.get(f"/v1/gateway/bundle?gateway_id={SSN}")
    yield admin.get("/v1/gateway/bundle", X_Keeptrusts_Gateway_Id=SSN)
    yield admin.post("/v1/configurations", DRAFT, Idempotency_Key=SSN * 100)
    yield admin.get("/v1/whoami", Authorization=f"Bearer {SSN}")
    yield admin.post("/v1/gateway/status", {"instance_id": "i", "version": SSN, SSN: 1})
    yield admin.post("/v1/gateway/events", {"events": [{"id": SSN}], SSN: 1})
    yield admin.post("/v1/gateway/events", {"events": SSN})
    yield admin.post("/v1/gateway/events", SSN.encode(), Content_Encoding="gzip")
    yield admin.post("/v1/gateway/events", SSN.encode(), Content_Encoding=SSN)
    yield admin.get(f"/v1/events/{SSN}")
    yield admin.say(SSN.replace("-", ""), "/v1/configurations")


def test_input_is_never_echoed(admin: Person) -> None:
    """A social security number in any place: one error form, and the number is nowhere in it."""
    answers = list(_planted(admin))
    for number, answer in enumerate(answers):
        assert answer.headers["content-type"] == "application/problem+json", (number, answer.text)
        assert 400 <= answer.status_code < 500, (number, answer.text)
        assert SSN not in answer.text + str(answer.headers), (number, answer.text)
        assert_problem(answer, answer.status_code, answer.json()["code"])
    assert len(answers) > 30


def test_unknown_fields_are_refused(admin: Person) -> None:
    """422, without the name the caller made up."""
    problem = assert_problem(admin.post("/v1/configurations", {**DRAFT, "nmae": "x"}), 422, "invalid_input")
    assert [(one["path"], one["code"]) for one in problem["errors"]] == [("*", "unknown_field")]


def test_every_fault_is_named(admin: Person) -> None:
    """All of them at once, each with its place."""
    problem = assert_problem(admin.post("/v1/tokens", {"role": "king", "scopes": [1]}), 422, "invalid_input")
    found = {(one["path"], one["code"]) for one in problem["errors"]}
    assert found == {("name", "required"), ("role", "invalid_value"), ("scopes[0]", "invalid_value")}


@pytest.mark.parametrize("text", ["a\x00b", "\ud800"])
def test_text_that_no_database_keeps(admin: Person, text: str) -> None:
    """U+0000 and lone surrogates are refused alike on both engines."""
    for body in ({**DRAFT, "name": text}, {**DRAFT, "labels": {text: "x"}}, {**DRAFT, "description": text}):
        assert_problem(admin.post("/v1/configurations", body), 422, "invalid_input")


def test_broken_json(admin: Person) -> None:
    """400, whatever breaks it."""
    for body in (b"{", b'{"name": "\xff"}', b"[" * 100_000, b'{"name": 1e999999}x'):
        answer = admin.post("/v1/configurations", body)
        assert answer.status_code == 400, answer.text
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("media_type", ["application/x-www-form-urlencoded", "text/plain; charset=utf-8", ""])
def test_a_body_that_is_not_called_json(admin: Person, media_type: str) -> None:
    """As `curl -d` sends it: 415 says which header is missing. Of strangers it is not looked at."""
    named = {"content-type": media_type} if media_type else {}

    def send(body: str, **key: str) -> Response:
        return admin.client.post("/v1/configurations", content=body, headers={**named, **key})

    known = {"authorization": f"Bearer {admin.token}"}
    refused = assert_problem(send(json.dumps(DRAFT), **known), 415, "unsupported_media_type")
    assert "`Content-Type: application/json`" in refused["detail"]
    assert_problem(send(json.dumps(DRAFT)), 401, "missing_api_key")
    assert_problem(send("", **known), 422, "invalid_input")


def test_a_body_that_is_too_large(admin: Person) -> None:
    """413 by its stated length, and by what arrives when none is stated."""
    huge = b"x" * (8 * 1024 * 1024 + 1)
    assert_problem(admin.post("/v1/configurations", huge), 413, "body_too_large")
    unstated = admin.client.post(
        "/v1/configurations",
        content=(huge[:1_000_000] for _ in range(9)),
        headers={"Authorization": f"Bearer {admin.token}"},
    )
    assert_problem(unstated, 413, "body_too_large")


def test_an_internal_error_shows_nothing(
    control: Plane, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """500 in the one form; the log has where it was, and not what was in it."""

    def fail(_store: Store) -> None:
        raise RuntimeError(SSN)

    monkeypatch.setattr(Store, "read", fail)
    answer = control.admin.get("/v1/configurations")
    problem = assert_problem(answer, 500, "internal_error")
    assert SSN not in answer.text
    (logged,) = [entry for entry in caplog.records if entry.message == "internal error"]
    fields: dict[str, Any] = logged.__dict__["fields"]
    assert fields["error"] == "RuntimeError"
    assert fields["request_id"] == problem["request_id"]
    assert SSN not in repr(logged.__dict__)


def test_a_database_that_is_away(control: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    """503 with `Retry-After`, and nothing of its message."""

    def fail() -> None:
        raise OperationalError("SELECT secret", {}, Exception("disk is full"))

    control.admin.get("/v1/whoami")
    monkeypatch.setattr(control.services.store.engine, "connect", fail)
    answer = control.admin.get("/v1/configurations")
    assert_problem(answer, 503, "store_unavailable")
    assert answer.headers["retry-after"] == "2"
    assert "secret" not in answer.text
    assert_problem(control.anonymous.get("/readyz"), 503, "store_unavailable")
    assert control.anonymous.get("/healthz").status_code == 200


def test_the_same_key_gives_the_same_answer(control: Plane) -> None:
    """Once made, twice answered, with the same headers; another body is a conflict."""
    first = control.admin.post("/v1/configurations", DRAFT, Idempotency_Key="k1")
    second = control.admin.post("/v1/configurations", DRAFT, Idempotency_Key="k1")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert {name: first.headers[name] for name in ("etag", "location")} == {
        name: second.headers[name] for name in ("etag", "location")
    }
    assert second.headers["idempotency-replayed"] == "true"
    other = control.admin.post("/v1/configurations", {**DRAFT, "name": "b"}, Idempotency_Key="k1")
    assert_problem(other, 409, "idempotency_key_reused")
    assert_problem(control.admin.post("/v1/gateways", DRAFT, Idempotency_Key="k1"), 422, "invalid_input")
    assert len(control.admin.get("/v1/configurations").json()["data"]) == 1


def test_a_key_belongs_to_who_uses_it(control: Plane) -> None:
    """Two people may choose the same one."""
    control.admin.made("/v1/configurations", DRAFT, Idempotency_Key="k1")
    other = control.other_admin().made("/v1/configurations", DRAFT, Idempotency_Key="k1")
    assert other["name"] == "production"
    editor = control.person("editor").post("/v1/configurations", DRAFT, Idempotency_Key="k1")
    assert_problem(editor, 409, "name_taken")


def test_two_at_once_make_one(admin: Person) -> None:
    """Eight requests with one key: one object, eight equal answers."""

    def make(_: int) -> dict[str, Any]:
        return admin.made("/v1/configurations", DRAFT, Idempotency_Key="same")

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(make, range(8)))
    assert all(one == found[0] for one in found)
    assert len(admin.get("/v1/configurations").json()["data"]) == 1


def test_a_refusal_is_not_kept(admin: Person) -> None:
    """What failed may be tried again with the same key."""
    assert_problem(admin.post("/v1/gateways", {"name": "g", "configuration_id": "cfg_x"}, Idempotency_Key="k"),
                   422, "unknown_configuration")  # fmt: skip
    made = admin.post("/v1/gateways", {"name": "g"}, Idempotency_Key="k")
    assert made.status_code == 201


def test_a_kept_secret_cannot_be_read_from_the_database(control: Plane) -> None:
    """The same key is shown again to who asked, and the stored answer holds no trace of it."""
    body = {"name": "ci", "role": "viewer"}
    first = control.admin.made("/v1/tokens", body, Idempotency_Key="k")
    assert control.admin.made("/v1/tokens", body, Idempotency_Key="k")["key"] == first["key"]
    with control.services.store.read() as tx:
        (row,) = tx.connection.execute(select(idempotency)).all()
    secret = first["key"].removeprefix(first["prefix"])
    assert secret.encode() not in row.answer
    assert b"viewer" not in row.answer


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/v1/configurations", "GET, POST"),
        ("/v1/configurations/cfg_1", "DELETE, GET, PATCH"),
        ("/v1/configurations/validate", "POST"),
        ("/v1/gateways/gw_1/tokens/key_1", "DELETE"),
        ("/healthz", "GET, HEAD"),
    ],
)
def test_a_refused_method_names_those_there_are(admin: Person, path: str, methods: str) -> None:
    """All of an address, whichever routes they belong to."""
    answer = admin.say("OPTIONS", path)
    assert_problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == methods


def test_nothing_is_guessed(admin: Person) -> None:
    """`false` is no number of seconds, and neither is a text."""
    for wrong in (False, "60", 60.0):
        problem = assert_problem(admin.post("/v1/tokens", {"name": "x", "role": "viewer", "expires_in": wrong}), 422,
                                 "invalid_input")  # fmt: skip
        assert [one["path"] for one in problem["errors"]] == ["expires_in"]


HUGE = 2**63


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", f"/v1/configurations/cfg_1/versions/{HUGE}", None),
        ("POST", "/v1/configurations/cfg_1/rollback", {"version": HUGE}),
        ("POST", "/v1/gateways", {"name": "x", "configuration_version": HUGE}),
        ("PATCH", "/v1/gateways/gw_1", {"configuration_version": HUGE}),
        ("POST", "/v1/gateways/gw_1/tokens", {"expires_in": HUGE}),
        ("POST", "/v1/tokens", {"name": "x", "role": "viewer", "expires_in": HUGE}),
        (
            "POST",
            "/v1/gateway/status",
            {"instance_id": "i" * 201, "version": "1", "active_digest": None, "epoch": HUGE},
        ),
    ],
)
def test_no_number_is_too_large_to_be_refused(admin: Person, method: str, path: str, body: object) -> None:
    """What no database keeps is a fault of the request, and not one of ours."""
    assert_problem(admin.say(method, path, body), 422, "invalid_input")


def test_answers_are_not_cached_and_say_what_is_left(admin: Person) -> None:
    """Headers of every answer."""
    headers = admin.get("/v1/configurations").headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert int(headers["ratelimit-remaining"]) < int(headers["ratelimit-limit"])


def test_openapi(control: Plane) -> None:
    """3.1, and the routes and bodies are those of the snapshot (delete the file to write it anew)."""
    document = control.anonymous.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    identifiers = [one["operationId"] for operations in document["paths"].values() for one in operations.values()]
    assert len(set(identifiers)) == len(identifiers)
    assert "HTTPValidationError" not in document["components"]["schemas"]
    assert document["paths"]["/v1/whoami"]["get"]["security"] == [{"key": []}]
    assert "security" not in document["paths"]["/v1/providers/keeptrusts/keeptrusts/versions"]["get"]
    titles = [one["title"] for one in document["components"]["schemas"].values()]
    assert len(set(titles)) == len(titles)  # generators make classes of them
    found = {
        f"{method.upper()} {path}": sorted(operation["responses"])
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }
    if not OPENAPI.exists():
        OPENAPI.parent.mkdir(exist_ok=True)
        OPENAPI.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        pytest.fail("the snapshot was written anew; look at it and keep it")
    assert found == json.loads(OPENAPI.read_text(encoding="utf-8"))


def test_bounds_are_told_in_words(admin: Person) -> None:
    """What is too short, too long, too small: which field, and how it has to be."""
    empty = assert_problem(admin.post("/v1/gateways", {"name": ""}), 422, "invalid_input")
    assert empty["detail"] == "a field is not as required; see `errors`"
    assert empty["errors"][0]["message"] == "it must have a length of at least 1"
    both = assert_problem(
        admin.post("/v1/tokens", {"name": "", "role": "viewer", "expires_in": 0}), 422, "invalid_input"
    )
    assert both["detail"] == "2 fields are not as required; see `errors`"
    assert {one["path"]: one["message"] for one in both["errors"]}["expires_in"] == "it must be at least 60"
