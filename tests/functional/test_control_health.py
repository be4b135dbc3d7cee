"""What anybody may ask of the control plane."""

from __future__ import annotations

import base64
import hashlib
from html.parser import HTMLParser

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


def test_health_without_the_answers_body(control: Plane) -> None:
    """Load balancers ask by HEAD."""
    for path in ("/healthz", "/readyz"):
        answer = control.client.head(path)
        assert (answer.status_code, answer.content) == (200, b"")


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


class _Page(HTMLParser):
    """What a page refers to, and what it can be referred to by."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.targets: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(str(value))
            elif name in {"href", "src"}:
                self.targets.add(str(value))


def test_the_api_is_described_for_people(control: Plane) -> None:
    """Each route and each schema is on the page; every link leads somewhere, nothing is fetched and nothing runs."""
    answer = control.anonymous.get("/docs")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    page = _Page()
    page.feed(answer.text)
    document = control.anonymous.get("/openapi.json").json()
    operations = {one["operationId"] for item in document["paths"].values() for one in item.values()}
    assert operations | {f"schema-{name}" for name in document["components"]["schemas"]} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    assert page.targets - {f"#{name}" for name in page.ids} == {"/openapi.json"}
    assert not page.tags & {"script", "link", "img", "iframe", "form"}
    assert "GET /v1/configurations/{configuration_id}" in answer.text
    style = answer.text.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none';")
    assert f"style-src 'sha256-{digest}'" in policy
