"""
Identities of objects (Terraform 1.12), asked for by grpcio as a Terraform asks that is not at hand.

Field numbers are those of protocol 6.9, written here by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import grpc
import pytest

from keeptrusts.terraform.identities import are_known_to
from keeptrusts.terraform.main import IDENTITIES, READY
from keeptrusts.terraform.package import build
from keeptrusts.terraform.plugin.messages import ANSWERS, REQUESTS, SERVICE
from keeptrusts.terraform.provider import RESOURCES, Provider
from keeptrusts.terraform.resources.configuration import ConfigurationState
from keeptrusts.terraform.schema import attributes_of
from support.terraform_api import KEY, Api, serve
from support.terraform_plugin import running

TIMEOUT_S = 20
TYPE = "keeptrusts_configuration"
POLICY = """\
pack: {name: a, version: "1.0.0", enabled: true}
providers: {targets: [{id: primary, provider: mock}]}
policies: {chain: [audit-logger]}
policy: {audit-logger: {}}
"""
CONFIG = {**dict.fromkeys(attributes_of(ConfigurationState)), "name": "a", "policy_yaml": POLICY}
NOTHING = {"identity_data": None}
NUMBERS = {
    ("asked", "ReadResource", "current_identity"): 6,
    ("told", "ReadResource", "new_identity"): 5,
    ("asked", "PlanResourceChange", "prior_identity"): 8,
    ("told", "PlanResourceChange", "planned_identity"): 7,
    ("asked", "ApplyResourceChange", "planned_identity"): 7,
    ("told", "ApplyResourceChange", "new_identity"): 5,
    ("asked", "ImportResourceState", "identity"): 4,
    ("told", "GetResourceIdentitySchemas", "identity_schemas"): 1,
    ("asked", "UpgradeResourceIdentity", "raw_identity"): 3,
    ("told", "UpgradeResourceIdentity", "upgraded_identity"): 1,
}

Ask = Callable[[str, Mapping[str, Any]], dict[str, Any]]


@pytest.fixture
def api() -> Iterator[Api]:
    """A control plane in memory."""
    with serve() as running_api:
        yield running_api


@pytest.fixture
def ask(tmp_path: Path, api: Api) -> Iterator[Ask]:
    """A configured provider behind a socket, asked by grpcio."""
    provider = Provider({})
    with (
        running(tmp_path, provider.handle, prompt=provider.prompt) as served,
        grpc.insecure_channel(f"unix:{served.path}") as channel,
    ):

        def ask_it(method: str, request: Mapping[str, Any]) -> dict[str, Any]:
            body = REQUESTS[method].encode(request)
            answer = channel.unary_unary(SERVICE + method)(body, timeout=TIMEOUT_S, wait_for_ready=True)
            found = ANSWERS[method].decode(answer)
            assert not found.get("diagnostics")
            return found

        config = {"api_url": api.url, "api_key": KEY}
        ask_it("ConfigureProvider", {"terraform_version": "1.12.0", "config": config})
        yield ask_it


def test_every_resource_is_known_by_its_id(ask: Ask) -> None:
    """One attribute, a text that an import needs."""
    found = ask("GetResourceIdentitySchemas", {})["identity_schemas"]
    attribute = {"name": "id", "type": b'"string"', "required_for_import": True, "description": "Id of the object."}
    assert found == {name: {"identity_attributes": [attribute]} for name in RESOURCES}


def test_an_identity_is_the_same_all_its_life(ask: Ask) -> None:
    """None before it is made; then the id in every answer, whatever changes, until it is deleted."""
    identity, state = make(ask)
    read = ask("ReadResource", {"type_name": TYPE, "current_state": state, "current_identity": identity})
    assert read["new_identity"] == identity
    for change in ({}, {"description": "other"}):
        request = {"type_name": TYPE, "prior_state": state, "prior_identity": identity}
        wanted = {"proposed_new_state": {**state, **change}, "config": {**CONFIG, **change}}
        assert ask("PlanResourceChange", {**request, **wanted})["planned_identity"] == identity
    gone = ask("ApplyResourceChange", {"type_name": TYPE, "prior_state": state, "planned_state": None, "config": None})
    assert (gone["new_state"], gone["new_identity"]) == (None, NOTHING)


def test_import_by_identity(ask: Ask) -> None:
    """What has this id; its identity comes with it, and with an import by name too."""
    identity, _ = make(ask)
    (imported,) = ask("ImportResourceState", {"type_name": TYPE, "identity": identity})["imported_resources"]
    assert (imported["state"]["name"], imported["identity"]) == ("a", identity)
    (by_name,) = ask("ImportResourceState", {"type_name": TYPE, "id": "name=a"})["imported_resources"]
    assert by_name == imported


def make(ask: Ask) -> tuple[dict[str, Any], dict[str, Any]]:
    """Plan and apply of a new configuration: its identity and its state."""
    request = {"type_name": TYPE, "prior_state": None, "config": CONFIG}
    planned = ask("PlanResourceChange", {**request, "proposed_new_state": CONFIG})
    assert planned["planned_identity"] == NOTHING
    made = ask("ApplyResourceChange", {**request, "planned_state": planned["planned_state"]})
    assert made["new_identity"] == {"identity_data": {"id": made["new_state"]["id"]}}
    return made["new_identity"], made["new_state"]


def test_an_identity_of_this_version_stays(ask: Ask) -> None:
    """There is one version of the schema."""
    request = {"type_name": TYPE, "raw_identity": {"json": b'{"id": "cfg_1"}'}}
    assert ask("UpgradeResourceIdentity", request) == {"upgraded_identity": {"identity_data": {"id": "cfg_1"}}}


@pytest.mark.parametrize(
    ("version", "known"),
    [("1.11.4", False), ("1.5.0", False), ("1.12.0-beta1", True), ("1.14.2", True), ("2.0.0", True), ("", True)],
)
def test_which_terraform_is_told(version: str, known: bool) -> None:
    """Those before 1.12 are spared what they would pass over."""
    assert are_known_to(version) is known


def test_numbers_of_the_protocol() -> None:
    """The fields are where protocol 6.9 has them."""
    sides = {"asked": REQUESTS, "told": ANSWERS}
    assert {key: sides[key[0]][key[1]].fields[key[2]].number for key in NUMBERS} == NUMBERS
    (schema,) = (ANSWERS["GetResourceIdentitySchemas"].fields["identity_schemas"].message,)
    assert schema is not None
    inner = schema.fields["identity_attributes"].message
    assert inner is not None
    assert {name: one.number for name, one in inner.fields.items()} == {
        "name": 1, "type": 2, "required_for_import": 3, "optional_for_import": 4, "description": 5
    }  # fmt: skip


def test_a_packaged_provider_has_them_at_hand() -> None:
    """The first process of a command need not load the provider for them."""
    assert build()[f"lib/keeptrusts/terraform/{READY[IDENTITIES]}"] == Provider({}).handle(IDENTITIES, b"")
