"""Which calls are answered at once, and that their answers are those of any other call."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from keeptrusts.terraform.plugin import recent
from keeptrusts.terraform.plugin.messages import ANSWERS, REQUESTS, SERVICE
from keeptrusts.terraform.plugin.values import UNKNOWN
from keeptrusts.terraform.provider import Provider

TYPE = "keeptrusts_configuration"
STATE: dict[str, Any] = {
    "id": "cfg_1",
    "name": "a",
    "description": None,
    "policy_yaml": "pack: {name: x}",
    "labels": None,
    "change_message": None,
    "allow_weakening": True,
    "deletion_protection": False,
    "version": 3,
    "content_digest": "d",
    "effective_labels": {},
    "policy_kinds": ["audit-logger"],
    "created_at": "2030-01-01T00:00:00Z",
    "updated_at": "2030-01-01T00:00:00Z",
}
COMPUTED = ("id", "version", "content_digest", "effective_labels", "policy_kinds", "created_at", "updated_at")
UNSETTLED = {"api_url": UNKNOWN, "api_key": UNKNOWN}
CONFIG = {**STATE, **dict.fromkeys((*COMPUTED, "allow_weakening", "deletion_protection"))}


@pytest.fixture
def provider() -> Provider:
    """One that Terraform has configured, with an address that only an apply will know."""
    recent._values.clear()
    recent._bytes.clear()
    made = Provider({})
    made.handle(*message("ConfigureProvider", {"terraform_version": "1.11.4", "config": UNSETTLED}))
    return made


def message(method: str, request: Mapping[str, Any]) -> tuple[str, bytes]:
    return SERVICE + method, REQUESTS[method].encode(request)


def plan(proposed: Mapping[str, Any], config: Mapping[str, Any] = CONFIG) -> tuple[str, bytes]:
    request = {"type_name": TYPE, "prior_state": STATE, "proposed_new_state": proposed, "config": config}
    return message("PlanResourceChange", request)


def test_a_plan_without_a_proposal_is_answered_at_once(provider: Provider) -> None:
    """It cannot need the linter or the control plane; what is planned is the prior state, byte for byte."""
    call = plan(STATE)
    answer = provider.prompt(*call)
    assert answer is not None
    assert answer == provider.handle(*call)
    assert ANSWERS["PlanResourceChange"].decode(answer) == {"planned_state": STATE}


def test_a_plan_of_a_change_waits_for_its_turn(provider: Provider) -> None:
    """A document has to be read, and what traffic says of it asked for; a new one likewise."""
    assert provider.prompt(*plan({**STATE, "policy_yaml": "pack: {name: y}"})) is None
    assert provider.prompt(*message("PlanResourceChange", {"type_name": TYPE, "proposed_new_state": STATE})) is None


def test_a_default_label_is_a_difference_of_what_is_not_changed(provider: Provider) -> None:
    """Nothing is proposed, and yet the plan is not the prior state."""
    defaults = {**UNSETTLED, "default_labels": {"team": "risk"}}
    provider.handle(*message("ConfigureProvider", {"config": defaults}))
    answer = provider.prompt(*plan(STATE))
    assert answer is not None
    planned = ANSWERS["PlanResourceChange"].decode(answer)["planned_state"]
    assert planned["effective_labels"] == {"team": "risk"}
    assert planned["updated_at"] is UNKNOWN


def test_objects_longer_than_what_is_kept_wait_for_a_worker(provider: Provider) -> None:
    """Long documents are neither kept nor compared in the thread that reads."""
    long = {**STATE, "policy_yaml": "#" * recent.LONGEST}
    request = {"type_name": TYPE, "prior_state": long, "proposed_new_state": long, "config": CONFIG}
    assert provider.prompt(*message("PlanResourceChange", request)) is None


def test_documents_are_linted_by_workers(provider: Provider) -> None:
    """While nothing is configured, a validation reads the document; afterwards the plan does."""
    call = message("ValidateResourceConfig", {"type_name": TYPE, "config": CONFIG})
    assert Provider({}).prompt(*call) is None
    assert provider.prompt(*call) == b""


def test_reads_and_other_calls_wait(provider: Provider) -> None:
    """Nothing is at hand before a list was read."""
    assert provider.prompt(*message("ReadResource", {"type_name": TYPE, "current_state": STATE})) is None
    assert provider.prompt(*message("GetFunctions", {})) is None


@pytest.mark.parametrize("lacking", [(), ("labels",), ("deletion_protection",)])
def test_a_state_is_upgraded_only_where_it_lacks_something(provider: Provider, lacking: tuple[str, ...]) -> None:
    """A whole one goes back as the JSON that it is; in any other, what is new has its default and what is gone is."""
    raw = {name: value for name, value in STATE.items() if name not in lacking}
    if lacking:
        raw["gone"] = 1
    request = {"type_name": TYPE, "raw_state": {"json": json.dumps(raw).encode()}}
    answer = ANSWERS["UpgradeResourceState"].decode(provider.handle(*message("UpgradeResourceState", request)))
    assert answer == {"upgraded_state": STATE}


def test_equal_bytes_are_one_object_and_go_back_as_they_came() -> None:
    """An object is decoded once, whichever way its writer sorted it; another one of the same content is encoded."""
    decode = REQUESTS["ReadResource"].decode
    encode = REQUESTS["ReadResource"].encode
    body = encode({"current_state": dict(reversed(STATE.items()))})
    first, second = decode(body)["current_state"], decode(body)["current_state"]
    assert first is second
    assert encode({"current_state": first}) == body
    assert encode({"current_state": STATE}) != body


def test_little_is_kept() -> None:
    """The oldest make room; what is kept is still what it was."""
    encode, decode = REQUESTS["ReadResource"].encode, REQUESTS["ReadResource"].decode
    for number in range(3 * recent.MOST):
        assert decode(encode({"current_state": {"id": str(number)}})) == {"current_state": {"id": str(number)}}
    assert len(recent._values) <= recent.MOST
