"""Every route of the control plane for people and automation has a method of the client, and the other way round."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from keeptrusts.client.audit import Audit
from keeptrusts.client.calls import Calls
from keeptrusts.client.client import Client
from keeptrusts.client.configurations import Configurations
from keeptrusts.client.escalations import Escalations
from keeptrusts.client.events import Events
from keeptrusts.client.exports import Exports
from keeptrusts.client.gateways import Gateways
from keeptrusts.client.tokens import Tokens
from keeptrusts.client.trail import Trail
from keeptrusts.client.variables import Variables
from keeptrusts.client.webhooks import Webhooks
from keeptrusts.control.app import create_app
from keeptrusts.control.settings import Settings
from support.scripted import Said, Script

OTHER_READERS = re.compile(r"/v1/gateway/|/metrics$|/openapi\.json$|/docs$|/\.well-known/|/v1/provider(s|-mirror)/")
"""What gateways (with their own, asynchronous client), Prometheus, browsers and Terraform itself call."""

NOUNS = (Audit, Configurations, Escalations, Events, Exports, Gateways, Tokens, Trail, Variables, Webhooks)
OF_CLIENT = ("whoami", "health", "ready", "trail_keys")


class Recording(Script):
    """Answers everything with an empty list, and any number of times."""

    def open(self, request: Any) -> Any:
        self.answers.append(Said(200, {"data": [], "next_cursor": None, "has_more": False}))
        return super().open(request)


@pytest.fixture(scope="module")
def offered(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """`METHOD /path/{}` of the OpenAPI document."""
    app = create_app(Settings(data_dir=tmp_path_factory.mktemp("offered")))
    paths: dict[str, dict[str, Any]] = app.openapi()["paths"]
    return {
        f"{method.upper()} {re.sub(r'{[^}]*}', '{}', path)}"
        for path, methods in paths.items()
        for method in methods
        if not OTHER_READERS.search(path)
    }


def called(noun: type, name: str) -> Iterator[str]:
    """What one method asks for, with its arguments replaced by something to recognise."""
    script = Recording()
    method: Callable[..., Any] = getattr(noun(Calls(script)), name)
    positional = [_argument(one.name) for one in _required(method, inspect.Parameter.POSITIONAL_OR_KEYWORD)]
    named = {one.name: _argument(one.name) for one in _required(method, inspect.Parameter.KEYWORD_ONLY)}
    result = method(*positional, **named)
    if isinstance(result, Iterator):
        next(result, None)
    for request in script.requests:
        yield f"{request.method} {re.sub(r'(?<=/)(?:ID|7)(?=/|$)', '{}', request.path)}"


def _required(method: Callable[..., Any], kind: object) -> list[inspect.Parameter]:
    parameters = inspect.signature(method).parameters.values()
    return [one for one in parameters if one.kind is kind and one.default is one.empty]


def _argument(name: str) -> object:
    arguments: dict[str, object] = {
        "draft": {}, "patch": {}, "query": {}, "version": 7, "number": 7, "older": 7, "newer": 7, "policy_yaml": "",
        "write": lambda _chunk: None,
    }  # fmt: skip
    return arguments.get(name, "ID")


def methods() -> list[tuple[type, str]]:
    return [(noun, name) for noun in NOUNS for name in dir(noun) if callable(getattr(noun, name)) and name[0] != "_"]


@pytest.mark.parametrize(("noun", "name"), methods(), ids=lambda value: getattr(value, "__name__", value))
def test_every_method_leads_to_a_route(noun: type, name: str, offered: set[str]) -> None:
    """No method asks for what the control plane does not have."""
    asked = set(called(noun, name)) if name != "stream" else {"GET /v1/events/stream"}
    assert asked
    assert asked <= offered


def test_every_route_has_a_method(offered: set[str]) -> None:
    """What the control plane offers can be asked with the client."""
    covered = {route for noun, name in methods() if name != "stream" for route in called(noun, name)}
    by_hand = {"GET /v1/events/stream", "GET /v1/whoami", "GET /healthz", "GET /readyz", "GET /v1/trail/keys"}
    assert offered - covered - by_hand == set()
    assert [name for name in OF_CLIENT if not hasattr(Client, name)] == []
