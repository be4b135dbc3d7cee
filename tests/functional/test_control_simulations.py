"""A candidate against recorded decisions: what it would change, of whose events, and within which bounds."""

from __future__ import annotations

import time
from typing import Any

import pytest

from keeptrusts.api.simulations import MAX_SAMPLE
from keeptrusts.control.problem import ProblemError
from keeptrusts.control.routes.simulations import TURNS
from keeptrusts.control.turns import Turns
from support.control import POLICY, Person, Plane, assert_problem
from support.records import Instance

ADDRESS = "write to ada@acme.io today"
FULL = POLICY.replace("audit-logger: {}", "audit-logger: {content: full}")
CANDIDATE = FULL.replace("    - token-limit\n", "    - pii-detector\n").replace(
    "  token-limit:\n    max_tokens: 1000\n", "  pii-detector: {action: block}\n"
)


def _said(text: str, answer: str = "fine") -> dict[str, Any]:
    return {
        "request": [{"text": text, "role": "user", "part": "content"}],
        "answer": [{"text": answer, "role": "assistant", "part": "content"}],
    }


def _made(person: Person, name: str = "production") -> str:
    return str(person.made("/v1/configurations", {"name": name, "policy_yaml": FULL})["id"])


def _record(person: Person, configuration: str, *texts: str, **changed: Any) -> list[str]:
    one = Instance(f"gwi_{configuration}")
    events = [one.decision(configuration_id=configuration, content=_said(text), **changed) for text in texts]
    person.made("/v1/gateway/events", {"events": events})
    return [event["id"] for event in events]


def test_what_would_be_blocked(admin: Person) -> None:
    """Counts, ids and reasons; bound to both documents and to these very decisions; nothing is stored by it."""
    configuration = _made(admin)
    identifiers = _record(admin, configuration, "hello", ADDRESS, "bye", ADDRESS)
    path = f"/v1/configurations/{configuration}"
    before = admin.get(path).json()
    found = admin.made(f"{path}/simulate", {"policy_yaml": CANDIDATE})
    assert (found["events"], found["replayed"], found["unchanged"]) == (4, 4, 2)
    assert found["newly_blocked"]["sample_event_ids"] == [identifiers[1], identifiers[3]]
    assert list(found["newly_blocked"]["reason_codes"].values()) == [2]
    assert found["newly_blocked_ratio"] == 0.5
    assert found["newly_allowed"]["count"] == found["newly_escalated"]["count"] == 0
    assert found["base_digest"] == before["content_digest"] != found["candidate_digest"]
    assert found["window_from"] < found["window_to"]
    assert admin.get(path).json() == before
    again = admin.made(f"{path}/simulate", {"policy_yaml": CANDIDATE, "sample": 2})
    assert (again["events"], again["candidate_digest"]) == (2, found["candidate_digest"])
    assert again["corpus_digest"] != found["corpus_digest"]


def test_the_same_document_changes_nothing(admin: Person) -> None:
    """Not one decision moves."""
    configuration = _made(admin)
    _record(admin, configuration, "hello", ADDRESS)
    found = admin.made(f"/v1/configurations/{configuration}/simulate", {"policy_yaml": FULL})
    assert (found["replayed"], found["unchanged"]) == (2, 2)


def test_only_its_own_recent_decisions(admin: Person) -> None:
    """Neither another configuration's, nor those from before the window."""
    mine, other = _made(admin), _made(admin, "other")
    _record(admin, other, ADDRESS)
    _record(admin, mine, ADDRESS, at=time.time() - 7200)
    path = f"/v1/configurations/{mine}/simulate"
    assert admin.made(path, {"policy_yaml": CANDIDATE, "window": "1h"})["events"] == 0
    assert admin.made(path, {"policy_yaml": CANDIDATE, "window": "3h"})["events"] == 1


def test_texts_that_were_not_kept(admin: Person) -> None:
    """They are counted by reason, and the ratio is of the others."""
    configuration = _made(admin)
    one = Instance()
    admin.made("/v1/gateway/events", {"events": [one.decision(configuration_id=configuration) for _ in range(3)]})
    found = admin.made(f"/v1/configurations/{configuration}/simulate", {"policy_yaml": CANDIDATE})
    assert (found["events"], found["replayed"], found["newly_blocked_ratio"]) == (3, 0, 0)
    assert [(one["reason"], one["count"]) for one in found["not_replayed"]] == [("no_content", 3)]


def test_who_may_ask(control: Plane) -> None:
    """Whoever sees both configurations and events of this organisation; no gateway."""
    path = f"/v1/configurations/{_made(control.admin)}/simulate"
    body = {"policy_yaml": CANDIDATE}
    assert control.person("viewer").post(path, body).status_code == 200
    assert_problem(control.other_admin().post(path, body), 404, "not_found")
    assert_problem(control.person("gateway").post(path, body), 403, "forbidden")
    narrowed = control.person("viewer", scopes=("configurations:read",))
    assert_problem(narrowed.post(path, body), 403, "forbidden")


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"policy_yaml": "pack: ["}, "invalid_policy"),
        ({"window": "yesterday"}, "invalid_window"),
        ({"sample": 0}, "invalid_input"),
        ({"sample": MAX_SAMPLE + 1}, "invalid_input"),
        ({"other": 1}, "invalid_input"),
    ],
)
def test_what_cannot_be_asked(admin: Person, changed: dict[str, Any], code: str) -> None:
    """422, and which field."""
    path = f"/v1/configurations/{_made(admin)}/simulate"
    assert_problem(admin.post(path, {"policy_yaml": CANDIDATE} | changed), 422, code)


def test_two_at_a_time(admin: Person) -> None:
    """A third of one organisation is refused with `Retry-After`; a place is free again whatever became of the work."""
    configuration = _made(admin)
    path = f"/v1/configurations/{configuration}/simulate"
    with TURNS.taken(admin.org), TURNS.taken(admin.org):
        answer = admin.post(path, {"policy_yaml": FULL})
        assert_problem(answer, 429, "busy")
        assert answer.headers["retry-after"] == "5"
    assert_problem(admin.post(path, {"policy_yaml": "x"}), 422, "invalid_policy")
    assert admin.post(path, {"policy_yaml": FULL}).status_code == 200


def test_all_together_have_a_bound() -> None:
    """However many organisations ask."""
    turns = Turns(each=2, together=3)
    with turns.taken("a"), turns.taken("a"), turns.taken("b"), pytest.raises(ProblemError, match="busy|run"):
        turns.taken("c").__enter__()
    with turns.taken("c"):
        pass
