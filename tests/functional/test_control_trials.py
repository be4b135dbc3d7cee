"""A prompt tried on a version or a draft: what is answered, to whom, within which bounds; and that nothing stays."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from keeptrusts.api.trials import MAX_TRIED_CHARS
from keeptrusts.control.floor import FLOOR
from keeptrusts.control.routes.trials import TURNS
from support.control import POLICY, Person, Plane, assert_problem

ADDRESS = "write to ada@acme.io today"
REDACTS = POLICY.replace("    - token-limit\n", "    - pii-detector\n").replace(
    "  token-limit:\n    max_tokens: 1000\n", "  pii-detector: {}\n"
)
BLOCKS = REDACTS.replace("pii-detector: {}", "pii-detector: {action: block}")


def _made(person: Person) -> str:
    """The path of a configuration whose first version redacts and whose second, current one blocks."""
    made = person.made("/v1/configurations", {"name": "production", "policy_yaml": REDACTS})
    path = f"/v1/configurations/{made['id']}"
    person.made(f"{path}/versions", {"policy_yaml": BLOCKS})
    return path


def test_each_version_has_its_say(admin: Person) -> None:
    """The current one when none is named; the digest says which document spoke; a draft has no version."""
    path = _made(admin)
    versions = {one["version"]: one["content_digest"] for one in admin.get(f"{path}/versions").json()["data"]}
    current = admin.made(f"{path}/try", {"prompt": ADDRESS})
    assert (current["version"], current["verdict"], current["prompt"]) == (2, "blocked", None)
    first = admin.made(f"{path}/try", {"prompt": ADDRESS, "version": 1})
    assert (first["version"], first["verdict"], first["prompt"]) == (1, "redacted", "write to [EMAIL] today")
    assert {2: current["content_digest"], 1: first["content_digest"]} == versions
    line = next(one for one in first["policies"] if one["kind"] == "pii-detector")
    assert line.pop("latency_us") >= 0
    assert line == {
        "kind": "pii-detector", "phase": "input", "verdict": "redacted", "reason_code": "pii_detector.email",
        "mode": "enforce", "findings": [{"category": "email", "count": 1}],
    }  # fmt: skip
    draft = admin.made(f"{path}/try", {"prompt": "who?", "answer": ADDRESS, "policy_yaml": REDACTS, "stream": True})
    assert (draft["version"], draft["answer"]) == (None, "write to [EMAIL] today")
    assert draft["not_as_served"] == []


def test_nothing_of_it_stays(control: Plane, caplog: pytest.LogCaptureFixture) -> None:
    """No event, no entry of the audit log, no version; and no line of the log has the prompt, allowed or refused."""
    admin = control.admin
    path = _made(admin)

    def kept() -> list[Any]:
        return [admin.get(where).json() for where in (path, f"{path}/versions", "/v1/events", "/v1/audit-log")]

    before = kept()
    caplog.set_level("DEBUG")
    admin.made(f"{path}/try", {"prompt": ADDRESS, "answer": ADDRESS}, Idempotency_Key="once")
    assert ADDRESS not in admin.post(f"{path}/try", {"prompt": ADDRESS, "headers": {"x": [ADDRESS]}}).text
    assert kept() == before
    assert "ada@acme.io" not in caplog.text


def test_who_may_try(control: Plane) -> None:
    """Whoever reads configurations of this organisation; no gateway, and nobody of another."""
    path = f"{_made(control.admin)}/try"
    body = {"prompt": "hello"}
    for role in ("viewer", "auditor", "editor"):
        assert control.person(role).post(path, body).status_code == 200
    assert_problem(control.other_admin().post(path, body), 404, "not_found")
    assert_problem(control.other_admin().post(path, body | {"policy_yaml": POLICY}), 404, "not_found")
    assert_problem(control.person("gateway").post(path, body), 403, "forbidden")
    narrowed = control.person("admin", scopes=("events:read",))
    assert_problem(narrowed.post(path, body), 403, "forbidden")


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"prompt": ""}, 422, "invalid_input"),
        ({"prompt": "x" * (MAX_TRIED_CHARS + 1)}, 422, "invalid_input"),
        ({"answer": "x" * (MAX_TRIED_CHARS + 1)}, 422, "invalid_input"),
        ({"headers": {str(number): "x" for number in range(21)}}, 422, "invalid_input"),
        ({"version": 9}, 404, "not_found"),
        ({"version": 0}, 422, "invalid_input"),
        ({"version": 1, "policy_yaml": POLICY}, 422, "invalid_input"),
        ({"policy_yaml": "pack: ["}, 422, "invalid_policy"),
        ({"other": 1}, 422, "invalid_input"),
    ],
)
def test_what_cannot_be_tried(admin: Person, changed: dict[str, Any], status: int, code: str) -> None:
    """Each with what to do about it."""
    assert_problem(admin.post(f"{_made(admin)}/try", {"prompt": "hello"} | changed), status, code)


@pytest.mark.parametrize(("verb", "body"), [("try", {"prompt": "hello"}), ("simulate", {"policy_yaml": POLICY})])
def test_one_text_at_a_time(admin: Person, verb: str, body: dict[str, str]) -> None:
    """What judges waits until nobody else does."""
    path = f"{_made(admin)}/{verb}"
    seen: list[int] = []
    asking = threading.Thread(target=lambda: seen.append(admin.post(path, body).status_code))
    with FLOOR.taken():
        asking.start()
        while asking.is_alive() and not FLOOR.is_wanted:
            asking.join(0.01)
        assert FLOOR.is_wanted
        assert seen == []
    asking.join()
    assert seen == [200]


def test_two_at_a_time(admin: Person) -> None:
    """A third of one organisation is refused with `Retry-After`."""
    path = f"{_made(admin)}/try"
    with TURNS.taken(admin.org), TURNS.taken(admin.org):
        refused = admin.post(path, {"prompt": "hello"})
    assert_problem(refused, 429, "busy")
    assert refused.headers["retry-after"] == "5"
