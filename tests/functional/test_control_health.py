"""What anybody may ask of the control plane."""

from __future__ import annotations

import pytest

from support.control import Plane, assert_problem


def test_health_needs_no_key(control: Plane) -> None:
    """Whoever runs it sees that it lives, is ready, and how it does."""
    assert control.anonymous.get("/healthz").json()["status"] == "ok"
    assert control.anonymous.get("/readyz").json()["status"] == "ready"
    control.admin.get("/v1/configurations/cfg_secret")
    text = control.anonymous.get("/metrics").text
    assert 'route="/v1/configurations/{configuration_id}",status="404"' in text
    assert "cfg_secret" not in text


@pytest.mark.parametrize("noun", ["tokens", "api-keys"])
def test_the_metrics_name_routes_whole(control: Plane, noun: str) -> None:
    """Also where one noun has two addresses."""
    control.admin.get(f"/v1/{noun}")
    control.admin.get(f"/v1/{noun}/key_nobodys")
    text = control.anonymous.get("/metrics").text
    assert f'route="/v1/{noun}",status="200"' in text
    assert f'route="/v1/{noun}/{{token_id}}",status="404"' in text


def test_whoami(control: Plane) -> None:
    """A key learns whose it is."""
    found = control.person("viewer").get("/v1/whoami").json()
    assert (found["role"], found["organisation"], found["organisation_name"]) == ("viewer", control.org, "first")


def test_an_unknown_address_is_a_problem(control: Plane) -> None:
    """404 and 405 have the one error form."""
    assert_problem(control.anonymous.get("/v1/nothing"), 404, "not_found")
    assert_problem(control.anonymous.post("/healthz"), 405, "method_not_allowed")
