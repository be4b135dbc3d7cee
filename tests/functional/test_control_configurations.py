"""Configurations: kept only when they lint, versioned, never overwritten unseen."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import update

from keeptrusts.store.tables import messages, versions
from support.control import OTHER_POLICY, POLICY, Person, Plane, assert_problem

DRAFT = {"name": "production", "policy_yaml": POLICY, "description": "all traffic", "labels": {"team": "risk"}}


def _make(person: Person, **changed: object) -> dict[str, Any]:
    return person.made("/v1/configurations", {**DRAFT, **changed})


def _messages(control: Plane) -> list[str]:
    with control.services.store.read() as tx:
        return list(tx.connection.execute(messages.select().order_by(messages.c.id)).scalars("type"))


def test_make_and_read(admin: Person) -> None:
    """What comes back is what was sent, its digest, version 1, and a tag to change it with."""
    made = _make(admin)
    assert re.fullmatch(r"cfg_[0-9a-f]{32}", made["id"])
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", made["content_digest"])
    assert made | DRAFT == made
    assert (made["version"], made["managed_by"], made["policy_kinds"]) == (
        1, "api", ["token-limit", "audit-logger"],
    )  # fmt: skip
    assert made["created_at"] == made["updated_at"]
    assert made["created_at"].endswith("Z")
    answer = admin.get(f"/v1/configurations/{made['id']}")
    assert answer.json() == made
    assert answer.headers["etag"] == '"r1"'


def test_part_of_a_name_finds_it(admin: Person) -> None:
    """In capitals or not; signs of a pattern stand for themselves."""
    for name in ("payments_eu", "Payments US", "support"):
        _make(admin, name=name)

    def found(part: str) -> list[str]:
        return [one["name"] for one in admin.get(f"/v1/configurations?{urlencode({'q': part})}").json()["data"]]

    assert found("PAY") == ["Payments US", "payments_eu"]
    assert found("s_e") == ["payments_eu"]
    assert found("%") == []


def test_a_document_must_lint(admin: Person) -> None:
    """422 with every finding, its place and what to write instead; nothing is kept."""
    broken = POLICY.replace("    - audit-logger\n", "    - audit-loger\n")
    problem = assert_problem(admin.post("/v1/configurations", {**DRAFT, "policy_yaml": broken}), 422, "invalid_policy")
    finding = next(one for one in problem["errors"] if one["code"] == "E001")
    assert finding["path"].startswith("policy_yaml.policies.")
    assert finding["line"] == broken[: broken.index("audit-loger")].count("\n") + 1
    assert "audit-logger" in finding["suggestion"]
    assert admin.get("/v1/configurations").json()["data"] == []


def test_a_document_that_is_too_large(admin: Person) -> None:
    """More than 1 MiB is refused before anything looks at it."""
    huge = POLICY + "#" + "x" * (1024 * 1024)
    answer = admin.post("/v1/configurations", {**DRAFT, "policy_yaml": huge})
    assert_problem(answer, 422, "policy_too_large")


def test_validate_keeps_nothing(control: Plane) -> None:
    """The report of lint, for a viewer too."""
    viewer = control.person("viewer")
    good = viewer.post("/v1/configurations/validate", {"policy_yaml": POLICY}).json()
    assert (good["valid"], good["policy_count"], good["pack"]["name"]) == (True, 2, "support")
    bad = viewer.post("/v1/configurations/validate", {"policy_yaml": "pack: ["}).json()
    assert (bad["valid"], bad["errors"][0]["code"]) == (False, "E000")
    assert viewer.get("/v1/configurations").json()["data"] == []


def test_names_are_unique_in_an_organisation(control: Plane) -> None:
    """409 here, and nobody else is concerned."""
    _make(control.admin)
    assert_problem(control.admin.post("/v1/configurations", DRAFT), 409, "name_taken")
    assert _make(control.other_admin())["name"] == "production"


def test_a_changed_document_is_a_new_version(still: Plane) -> None:
    """The old one stays as it was."""
    made = _make(still.admin, message="first")
    path = f"/v1/configurations/{made['id']}"
    after = still.admin.patch(path, {"policy_yaml": OTHER_POLICY, "message": "stricter"}).json()
    assert (after["version"], after["policy_yaml"]) == (2, OTHER_POLICY)
    listed = still.admin.get(f"{path}/versions").json()["data"]
    assert [(one["version"], one["message"]) for one in listed] == [(2, "stricter"), (1, "first")]
    first = still.admin.get(f"{path}/versions/1").json()
    assert (first["policy_yaml"], first["author"]) == (POLICY, still.admin.key_id)
    assert_problem(still.admin.get(f"{path}/versions/3"), 404, "not_found")
    assert _messages(still) == ["configuration.created", "configuration.updated"]


def test_a_text_that_means_the_same_is_no_version(still: Plane) -> None:
    """Same digest: nothing is stored, and the version's own text stays."""
    made = _make(still.admin)
    path = f"/v1/configurations/{made['id']}"
    answer = still.admin.patch(path, {"policy_yaml": "# a comment\n" + POLICY})
    assert answer.json() == made
    assert answer.headers["etag"] == '"r1"'
    for _ in range(2):
        again = still.admin.post(f"{path}/versions", {"policy_yaml": POLICY + "\n"}, Idempotency_Key="same")
        assert (again.status_code, again.json()["version"]) == (200, 1)
    assert _messages(still) == ["configuration.created"]


def test_null_clears(admin: Person) -> None:
    """Absent leaves, null clears."""
    path = f"/v1/configurations/{_make(admin)['id']}"
    kept = admin.patch(path, {"name": "renamed"}).json()
    assert (kept["description"], kept["labels"]) == ("all traffic", {"team": "risk"})
    cleared = admin.patch(path, {"description": None, "labels": None}).json()
    assert (cleared["description"], cleared["labels"], cleared["version"]) == (None, {}, 1)
    assert_problem(admin.patch(path, {"name": None}), 422, "invalid_input")


def test_a_stale_tag_is_refused(admin: Person) -> None:
    """412 for PATCH, DELETE and new versions; the current tag and `*` pass."""
    path = f"/v1/configurations/{_make(admin)['id']}"
    assert admin.patch(path, {"description": "b"}, If_Match='"r1"').headers["etag"] == '"r2"'
    assert_problem(admin.patch(path, {"description": "c"}, If_Match='"r1"'), 412, "version_conflict")
    assert_problem(admin.patch(path, {"description": "c"}, If_Match='W/"r2"'), 412, "version_conflict")
    stale = admin.post(f"{path}/versions", {"policy_yaml": OTHER_POLICY}, If_Match='"r1"')
    assert_problem(stale, 412, "version_conflict")
    assert_problem(admin.delete(path, If_Match='"r1"'), 412, "version_conflict")
    assert admin.patch(path, {"description": "d"}, If_Match='"r1", "r2"').status_code == 200
    assert admin.delete(path, If_Match="*").status_code == 204


def test_of_concurrent_changes_one_wins(admin: Person) -> None:
    """Eight people change what they saw: one does, seven learn of it."""
    path = f"/v1/configurations/{_make(admin)['id']}"

    def change(number: int) -> int:
        return admin.patch(path, {"description": f"by {number}"}, If_Match='"r1"').status_code

    with ThreadPoolExecutor(8) as pool:
        codes = sorted(pool.map(change, range(8)))
    assert codes == [200] + [412] * 7


def test_concurrent_versions_are_numbered(admin: Person) -> None:
    """Without a tag all are kept, each with its own number."""
    path = f"/v1/configurations/{_make(admin)['id']}"

    def add(number: int) -> int:
        text = POLICY.replace('"1.0.0"', f'"2.0.{number}"')
        return int(admin.made(f"{path}/versions", {"policy_yaml": text})["version"])

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(add, range(8))) == list(range(2, 10))


def test_rollback_is_a_new_version(still: Plane) -> None:
    """Version 1 becomes version 3; nothing is rewritten."""
    made = _make(still.admin)
    path = f"/v1/configurations/{made['id']}"
    still.admin.patch(path, {"policy_yaml": OTHER_POLICY})
    after = still.admin.made(f"{path}/rollback", {"version": 1})
    assert (after["version"], after["policy_yaml"], after["content_digest"]) == (3, POLICY, made["content_digest"])
    assert still.admin.get(f"{path}/versions/3").json()["message"] == "back to version 1"
    assert_problem(still.admin.post(f"{path}/rollback", {"version": 9}), 404, "not_found")
    assert _messages(still)[-1] == "configuration.rolled_back"


def test_diff(admin: Person) -> None:
    """What changed, as text."""
    path = f"/v1/configurations/{_make(admin)['id']}"
    admin.patch(path, {"policy_yaml": OTHER_POLICY})
    lines = admin.get(f"{path}/diff?from=1&to=2").json()["text"].splitlines()
    assert {'-  version: "1.0.0"', '+  version: "1.1.0"'} < set(lines)


def test_a_diff_by_meaning(admin: Person) -> None:
    """Each change says which way it goes; other spelling is none."""
    path = f"/v1/configurations/{_make(admin)['id']}"
    admin.patch(path, {"policy_yaml": OTHER_POLICY})
    found = admin.get(f"{path}/diff?from=1&to=2").json()
    assert not found["same"]
    assert [(one["path"], one["effect"]) for one in found["changes"]] == [("pack.version", "neutral")]
    assert (found["strengthens"], found["weakens"], found["neutral"]) == (0, 0, 1)
    unchanged = admin.get(f"{path}/diff?from=2&to=2").json()
    assert (unchanged["same"], unchanged["changes"], unchanged["text"]) == (True, [], "")


def test_what_a_candidate_would_change(control: Plane) -> None:
    """A viewer may ask; one that does not lint is compared by lines alone, one that is very long by meaning alone."""
    path = f"/v1/configurations/{_make(control.admin)['id']}/diff"
    viewer = control.person("viewer")
    found = viewer.made(path, {"policy_yaml": POLICY.replace("1000", "2000")})
    assert (found["version"], found["same"], found["weakens"]) == (1, False, 1)
    assert [one["path"] for one in found["changes"]] == ["policy.token-limit.max_tokens"]
    assert {"-    max_tokens: 1000", "+    max_tokens: 2000"} < set(found["text"].splitlines())
    broken = viewer.made(path, {"policy_yaml": POLICY + "nonsense: 1\n"})
    assert (broken["same"], broken["changes"]) == (None, None)
    assert broken["text"].endswith("+nonsense: 1")
    long = viewer.made(path, {"policy_yaml": POLICY + "#\n" * 2000})
    assert (long["same"], long["text"]) == (True, None)
    assert viewer.get(path.removesuffix("/diff")).json()["version"] == 1


def test_a_diff_with_a_version_that_does_not_lint_any_more(still: Plane) -> None:
    """Its lines are shown; what it means is not guessed."""
    path = f"/v1/configurations/{_make(still.admin)['id']}"
    still.admin.patch(path, {"policy_yaml": OTHER_POLICY})
    with still.services.store.write() as tx:
        tx.connection.execute(update(versions).where(versions.c.version == 1).values(policy_yaml="pack: older\n"))
    found = still.admin.get(f"{path}/diff?from=1&to=2").json()
    assert (found["same"], found["changes"], found["weakens"]) == (None, None, 0)
    assert "-pack: older" in found["text"]


def test_a_configuration_in_use_stays(admin: Person) -> None:
    """409 names who uses it; without users it goes, versions and all."""
    made = _make(admin)
    path = f"/v1/configurations/{made['id']}"
    gateway = admin.made("/v1/gateways", {"name": "edge", "configuration_id": made["id"]})
    assert "`edge`" in assert_problem(admin.delete(path), 409, "in_use")["detail"]
    admin.delete(f"/v1/gateways/{gateway['id']}")
    assert admin.delete(path).status_code == 204
    assert_problem(admin.get(path), 404, "not_found")
    assert_problem(admin.get(f"{path}/versions"), 404, "not_found")


def test_filters(admin: Person) -> None:
    """By name and by labels, exactly."""
    _make(admin, name="a", labels={"team": "risk", "tier": "1"})
    _make(admin, name="b", labels={"team": "risk"})
    _make(admin, name="c", labels={'odd"key': "x", "a.b": "y"})

    def names(query: str) -> list[str]:
        return [one["name"] for one in admin.get(f"/v1/configurations?{query}").json()["data"]]

    assert names("name=b") == ["b"]
    assert names("label.team=risk") == ["b", "a"]
    assert names("label.team=risk&label.tier=1") == ["a"]
    assert names("label.team=ris") == []
    assert names("label.a.b=y&label.odd%22key=x") == ["c"]
    assert_problem(admin.get("/v1/configurations?nmae=b"), 422, "unknown_parameter")


def test_pages_are_stable(admin: Person) -> None:
    """What is made while somebody pages neither repeats nor hides what was there."""
    made = [_make(admin, name=f"c{number}")["id"] for number in range(7)]
    first = admin.get("/v1/configurations?limit=3").json()
    _make(admin, name="late")
    second = admin.get(f"/v1/configurations?limit=3&cursor={first['next_cursor']}").json()
    third = admin.get(f"/v1/configurations?limit=3&cursor={second['next_cursor']}").json()
    seen = [one["id"] for page in (first, second, third) for one in page["data"]]
    assert seen == made[::-1]
    assert (first["has_more"], third["has_more"], third["next_cursor"]) == (True, False, None)


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=x", "cursor=x", "cursor=MmI1MDhlZSc7IA", "cursor=%00"]
)
def test_bad_pages(admin: Person, query: str) -> None:
    """A limit out of bounds or a cursor of no list."""
    answer = admin.get(f"/v1/configurations?{query}")
    code = "invalid_input" if "limit" in query else "invalid_cursor"
    assert_problem(answer, 422, code)


def test_a_cursor_is_good_for_its_own_list(admin: Person) -> None:
    """With another one it is refused, where an empty page would look like the end; filters may change."""
    for number in range(2):
        _make(admin, name=f"c{number}")
    cursor = admin.get("/v1/configurations?limit=1").json()["next_cursor"]
    assert_problem(admin.get(f"/v1/gateways?cursor={cursor}"), 422, "invalid_cursor")
    assert len(admin.get(f"/v1/configurations?cursor={cursor}&name=c0").json()["data"]) == 1


def test_others_cannot_see_or_touch(control: Plane) -> None:
    """Another organisation's admin finds nothing, whatever the route."""
    made = _make(control.admin)
    other = control.other_admin()
    path = f"/v1/configurations/{made['id']}"
    for method, where, body in (
        ("GET", path, None),
        ("PATCH", path, {"name": "mine"}),
        ("DELETE", path, None),
        ("GET", f"{path}/versions", None),
        ("GET", f"{path}/versions/1", None),
        ("POST", f"{path}/versions", {"policy_yaml": OTHER_POLICY}),
        ("POST", f"{path}/rollback", {"version": 1}),
        ("GET", f"{path}/diff?from=1&to=1", None),
    ):
        assert_problem(other.say(method, where, body), 404, "not_found")
    assert other.get("/v1/configurations").json()["data"] == []
    refused = other.post("/v1/gateways", {"name": "g", "configuration_id": made["id"]})
    assert_problem(refused, 422, "unknown_configuration")
    assert control.admin.get(path).json() == made


def test_every_write_is_in_the_audit_log(control: Plane) -> None:
    """Who, what, from where, before and after; a change that changes nothing is no write."""
    made = _make(control.admin)
    path = f"/v1/configurations/{made['id']}"
    control.admin.patch(path, {"description": "b"})
    control.admin.patch(path, {"description": "b"})
    control.admin.delete(path)
    entries = control.admin.get(f"/v1/audit-log?object_id={made['id']}").json()["data"]
    assert [entry["action"] for entry in entries] == [
        "configuration.delete", "configuration.update", "configuration.create",
    ]  # fmt: skip
    deleted, updated, created = entries
    assert (created["before_digest"], deleted["after_digest"]) == (None, None)
    assert created["after_digest"] == updated["before_digest"] != updated["after_digest"] == deleted["before_digest"]
    assert {entry["actor"] for entry in entries} == {control.admin.key_id}
    assert all(entry["ip"] and entry["request_id"].startswith("req_") for entry in entries)
    assert control.other_admin().get("/v1/audit-log").json()["data"] == []


KEPT = POLICY.replace("audit-logger: {}", "audit-logger: {retention_hours: %d}")


def test_only_who_may_shortens_how_long_events_are_kept(control: Plane) -> None:
    """By a document, a version, a rollback or a deletion; an editor lengthens, and the audit log names the other."""
    editor, admin = control.person("editor"), control.admin
    made = _make(editor, policy_yaml=KEPT % 9000)
    path = f"/v1/configurations/{made['id']}"
    for verb, where, body in (
        ("PATCH", path, {"policy_yaml": KEPT % 8999}),
        ("PATCH", path, {"policy_yaml": POLICY}),
        ("POST", f"{path}/versions", {"policy_yaml": KEPT % 24}),
        ("DELETE", path, None),
    ):
        refused = assert_problem(editor.say(verb, where, body), 403, "retention_shortened")
        assert "9000 hours" in refused["detail"]
    assert editor.patch(path, {"policy_yaml": KEPT % 10_000}).status_code == 200
    assert_problem(editor.post(f"{path}/rollback", {"version": 1}), 403, "retention_shortened")
    assert editor.get(path).json()["version"] == 2
    assert admin.post(f"{path}/rollback", {"version": 1}).status_code == 200
    actions = [entry["action"] for entry in admin.get("/v1/audit-log").json()["data"]]
    assert actions.count("configuration.shorten_retention") == 1
    assert editor.patch(path, {"description": "words", "policy_yaml": KEPT % 9000}).status_code == 200


def test_what_keeps_no_longer_than_nothing_is_an_editors(control: Plane) -> None:
    """To delete, too."""
    made = _make(control.person("editor"), policy_yaml=KEPT % 24)
    assert control.person("editor").delete(f"/v1/configurations/{made['id']}").status_code == 204
