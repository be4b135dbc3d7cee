"""The console's session: what a cookie may do, what it may not without its token, and when it ends."""

from __future__ import annotations

from datetime import timedelta

import pytest

from keeptrusts.control import sessions
from keeptrusts.store.keys import KINDS
from keeptrusts.store.organisations import first_admin_key
from support.control import POLICY, Person, Plane, assert_problem

DRAFT = {"name": "production", "policy_yaml": POLICY}


@pytest.fixture
def browser(control: Plane) -> Person:
    """Somebody signed in as admin: no key, but the cookie."""
    answer = control.anonymous.post("/console/session", {"key": control.admin.token})
    assert answer.status_code == 201
    return control.anonymous


def _token(browser: Person) -> str:
    return str(browser.get("/console/session").json()["csrf_token"])


def test_a_session_may_what_its_key_may(browser: Person, control: Plane) -> None:
    """Reading by the cookie alone; changing with the session's token in a header."""
    said = browser.get("/console/session").json()
    assert (said["key_id"], said["role"], "tokens:write" in said["scopes"]) == (control.admin.key_id, "admin", True)
    assert browser.get("/v1/whoami").json()["key_id"] == control.admin.key_id
    assert_problem(browser.post("/v1/configurations", DRAFT), 403, "csrf_token_missing")
    assert_problem(browser.post("/v1/configurations", DRAFT, X_CSRF_Token="x" * 43), 403, "csrf_token_missing")
    made = browser.post("/v1/configurations", DRAFT, X_CSRF_Token=_token(browser), Idempotency_Key="once")
    assert made.status_code == 201
    again = browser.post("/v1/configurations", DRAFT, X_CSRF_Token=_token(browser), Idempotency_Key="once")
    assert again.json() == made.json()


def test_large_bodies_are_read_of_those_who_may(browser: Person) -> None:
    """A document of the editor is larger than what is read of strangers."""
    draft = {**DRAFT, "description": "long " * 400, "policy_yaml": POLICY + "# " + "x" * 40_000 + "\n"}
    assert browser.post("/v1/configurations", draft, X_CSRF_Token=_token(browser)).status_code == 201


def test_the_cookie_stays_with_the_browser(control: Plane) -> None:
    """No script reads it, no other site sends it; over TLS it is never sent in the clear."""
    plain = control.anonymous.post("/console/session", {"key": control.admin.token}).headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/", "Max-Age=43200"} <= set(plain.split("; "))
    assert "Secure" not in plain
    for proxies in ("https", "HTTPS, http"):
        over_tls = {"X_Forwarded_Proto": proxies}
        secure = control.anonymous.post("/console/session", {"key": control.admin.token}, **over_tls)
        assert "Secure" in secure.headers["set-cookie"].split("; ")
    assert control.admin.token not in plain


@pytest.mark.parametrize("said", [{}, {"key": "x", "code": "y"}, {"key": 1}, {"token": "x"}, {"code": ""}])
def test_what_is_no_sign_in(control: Plane, said: object) -> None:
    """Both, neither, or something else."""
    assert_problem(control.anonymous.post("/console/session", said), 422, "invalid_input")


def test_who_cannot_sign_in(control: Plane) -> None:
    """A stranger, a made-up code, and a gateway."""
    assert_problem(control.anonymous.post("/console/session", {"key": "kt_key_x"}), 401, "invalid_api_key")
    assert_problem(control.anonymous.post("/console/session", {"code": "x"}), 401, "invalid_code")
    gateway = control.admin.made("/v1/gateways", {"name": "edge"})
    token = control.admin.made(f"/v1/gateways/{gateway['id']}/tokens", {})["token"]
    assert token.split("_")[1] == KINDS[1]
    assert_problem(control.anonymous.post("/console/session", {"key": token}), 401, "invalid_api_key")


def test_a_session_ends_with_its_key(browser: Person, control: Plane) -> None:
    """At once where it was revoked."""
    control.admin.delete(f"/v1/tokens/{control.admin.key_id}")
    assert_problem(browser.get("/v1/whoami"), 401, "session_ended")
    assert_problem(browser.get("/console/session"), 401, "session_ended")


def test_a_session_ends_with_its_time(control: Plane) -> None:
    """Twelve hours after it began, whatever the browser keeps."""
    now = control.services.store.clock()
    session = sessions.begin(control.admin.key_id, now)
    cookie = sessions.seal(session, control.services.sealer)
    assert sessions.unseal(cookie, control.services.sealer, now) == session
    assert sessions.unseal(cookie, control.services.sealer, now + timedelta(hours=12)) is None
    for broken in ("", "x", cookie[:-4], cookie[:20], "A" * 200, "é"):
        assert sessions.unseal(broken, control.services.sealer, now) is None


def test_a_key_goes_before_a_cookie(browser: Person, control: Plane) -> None:
    """A program that sends both is the program, and needs no token."""
    editor = control.person("editor")
    assert editor.client is browser.client
    assert editor.get("/v1/whoami").json()["role"] == "editor"
    assert editor.post("/v1/configurations", DRAFT).status_code == 201


def test_signing_out(browser: Person) -> None:
    """The browser forgets it; another site cannot cause it."""
    assert_problem(browser.delete("/console/session"), 403, "csrf_token_missing")
    assert browser.delete("/console/session", X_CSRF_Token=_token(browser)).status_code == 204
    assert_problem(browser.get("/v1/whoami"), 401, "missing_api_key")


def test_links(control: Plane) -> None:
    """Whoever has a key makes one; it signs in once, with its rights, and both stand in the audit log."""
    auditor = control.person("auditor")
    link = auditor.made("/console/links", {})
    code = link["path"].removeprefix("/#/welcome/")
    assert control.anonymous.post("/console/session", {"code": code}).json()["role"] == "auditor"
    assert_problem(control.anonymous.post("/console/session", {"code": code}), 401, "invalid_code")
    actions = [one["action"] for one in control.admin.get("/v1/audit-log").json()["data"]]
    assert actions[:2] == ["session.begin", "session.link"]


def test_a_new_database_has_a_link(still: Plane) -> None:
    """For its first admin key alone; a database with an organisation gets none."""
    with still.services.store.write() as tx:
        assert first_admin_key(tx) is None


def test_files(control: Plane) -> None:
    """Nothing but what belongs to the console; each is asked for again only when it changed."""
    page = control.anonymous.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    script = control.anonymous.get("/console/files/pages/overview.js")
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    same = control.anonymous.get("/console/files/pages/overview.js", If_None_Match=script.headers["etag"])
    assert (same.status_code, same.content) == (304, b"")
    for path in ("/", "/console/files/pages/overview.js"):
        told = control.anonymous.say("HEAD", path)
        assert (told.status_code, told.content, "etag" in told.headers) == (200, b"", True)
    for path in ("../app.py", "%2e%2e/app.py", "", "pages", "pages/"):
        assert control.anonymous.get(f"/console/files/{path}").status_code == 404
