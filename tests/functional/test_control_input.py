"""What lists are asked for, text that is none, and repeated requests whose caller spells its key differently."""

from __future__ import annotations

from typing import Any

import pytest

from support.control import POLICY, Person, Plane, assert_problem

DRAFT = {"name": "production", "policy_yaml": POLICY}
HALF = POLICY + "# \ud800\n"


def test_misspelt_filters_are_refused(admin: Person) -> None:
    """Everywhere: they would show, count or follow more than was meant."""
    configuration = admin.made("/v1/configurations", DRAFT)["id"]
    gateway = admin.made("/v1/gateways", {"name": "edge"})["id"]
    webhook = admin.made("/v1/webhooks", {"url": "https://example.com/", "event_types": ["*"]})["id"]
    for path in (
        "audit-log", "config-variables", "configurations", f"configurations/{configuration}/versions", "escalations",
        "events", "events/stats", "events/stream", "exports/jobs", "gateways", f"gateways/{gateway}/tokens",
        "tokens", "api-keys", "trail/checkpoints", "webhooks", f"webhooks/{webhook}/deliveries",
    ):  # fmt: skip
        refused = assert_problem(admin.get(f"/v1/{path}?statte=x"), 422, "unknown_parameter")
        assert "statte" not in str(refused)
        labelled = "label.a=b" if path in {"configurations", "gateways"} else ""
        if path != "events/stream":
            assert admin.get(f"/v1/{path}?{labelled}").status_code == 200
        if not labelled:
            assert_problem(admin.get(f"/v1/{path}?label.a=b"), 422, "unknown_parameter")
    known = assert_problem(admin.get("/v1/events?verdcit=blocked"), 422, "unknown_parameter")
    assert "`verdict`" in known["detail"]


def test_half_a_character_is_no_text(admin: Person) -> None:
    """Refused also where a text has no bound of its own."""
    made = admin.made("/v1/configurations", DRAFT)["id"]
    gateway = admin.made("/v1/gateways", {"name": "edge"})["id"]
    status = {"instance_id": "i", "version": "1", "active_digest": None, "epoch": None, "gateway_id": gateway}
    tried: list[tuple[str, dict[str, Any]]] = [
        ("/v1/configurations", {"name": "b", "policy_yaml": HALF}),
        (f"/v1/configurations/{made}/versions", {"policy_yaml": HALF}),
        (f"/v1/configurations/{made}/simulate", {"policy_yaml": HALF}),
        (f"/v1/configurations/{made}/diff", {"policy_yaml": HALF}),
        ("/v1/configurations/validate", {"policy_yaml": HALF}),
        ("/v1/gateways", {"name": "b", "configuration_id": "\ud800"}),
        ("/v1/gateway/status", {**status, "last_error": "\ud800"}),
    ]
    for path, body in tried:
        assert_problem(admin.post(path, body), 422, "invalid_input")


@pytest.mark.parametrize("spelt", ["bearer {}", "BEARER  {} "])
def test_a_repeated_request_may_spell_its_key_differently(control: Plane, spelt: str) -> None:
    """It is the same caller: the same answer."""
    first = control.admin.made("/v1/tokens", {"name": "ci", "role": "viewer"}, Idempotency_Key="once")
    again = control.anonymous.post(
        "/v1/tokens", {"name": "ci", "role": "viewer"},
        Idempotency_Key="once", Authorization=spelt.format(control.admin.token),
    )  # fmt: skip
    assert (again.json(), again.headers["idempotency-replayed"]) == (first, "true")


def test_the_answer_of_another_session_is_not_to_be_had(control: Plane) -> None:
    """Only the session that was given it opens it: 409 says so, and nothing is done twice."""
    answers = []
    for _ in range(2):
        token = control.anonymous.made("/console/session", {"key": control.admin.token})["csrf_token"]
        answers += [control.anonymous.post("/v1/configurations", DRAFT, X_CSRF_Token=token, Idempotency_Key="once")]
    assert answers[0].status_code == 201, answers[0].text
    assert_problem(answers[1], 409, "idempotency_key_reused")
