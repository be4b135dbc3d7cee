"""What the user is told when the control plane refuses, is busy or is not there, and what is left of the state."""

from __future__ import annotations

import socket
import time

import pytest

from support.terraform import CONFIGURATION, IMPATIENT, OTHER_POLICY, Workspace
from support.terraform_api import KEY, Api, ProblemError

pytestmark = pytest.mark.acceptance

SEVERAL = """
resource "keeptrusts_configuration" "several" {
  count       = 4
  name        = "several-${count.index}"
  policy_yaml = file("${path.module}/policy.yaml")
}
"""


def errors(output: str) -> list[str]:
    """The titles."""
    return [line.partition("Error: ")[2] for line in output.splitlines() if "Error: " in line]


def flat(output: str) -> str:
    """On one line, without Terraform's frame."""
    return " ".join(output.replace("│", " ").replace("╷", " ").replace("╵", " ").split())


def test_a_wrong_key_names_the_variable(workspace: Workspace, api: Api) -> None:
    """401: once, however many resources there are, and it says which variables hold the key."""
    workspace.main(SEVERAL)
    workspace.apply().ok()
    before = workspace.state_text
    refused = workspace.run("plan", env={"KEEPTRUSTS_API_TOKEN": "kt_key_old_fedcba98"})
    assert refused.status == 1
    assert errors(refused.output) == ["Authentication failed"]
    said = flat(refused.output)
    for name in ("TF_VAR_keeptrusts_api_key", "KEEPTRUSTS_API_KEY", "KEEPTRUSTS_API_TOKEN", "kt token create"):
        assert name in said
    assert "kt_key_old" not in said
    assert workspace.state_text == before


def test_what_is_not_allowed_is_an_error(workspace: Workspace, api: Api) -> None:
    """403 is never taken for gone: the state is kept, and the role is named."""
    workspace.main(CONFIGURATION)
    workspace.apply().ok()
    before = workspace.state_text
    api.fail("GET", 403, "insufficient_scope")
    refused = workspace.run("plan")
    assert refused.status == 1
    assert errors(refused.output) == ["Not allowed to read keeptrusts_configuration"]
    assert "`editor` or `admin`" in flat(refused.output)
    assert workspace.state_text == before


def test_a_control_plane_that_is_down(workspace: Workspace, api: Api) -> None:
    """One diagnostic, status 1, and the state as it was."""
    workspace.main(IMPATIENT + SEVERAL)
    workspace.apply().ok()
    before = workspace.state_text
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody else gets the port, and nobody answers
        down = {"KEEPTRUSTS_API_URL": f"http://127.0.0.1:{taken.getsockname()[1]}"}
        refused = workspace.run("plan", "-detailed-exitcode", env=down)
        failed = workspace.run("destroy", "-auto-approve", env=down)
    for finished in (refused, failed):
        assert finished.status == 1
        assert errors(finished.output) == ["The control plane cannot be reached"]
        assert "KEEPTRUSTS_API_URL" in flat(finished.output)
    assert workspace.state_text == before
    assert len(api.of("configurations")) == 4


def test_somebody_else_was_faster(workspace: Workspace, api: Api) -> None:
    """A plan that is no longer true is refused with who and when; the other's change and the state are kept."""
    workspace.main(CONFIGURATION)
    workspace.apply().ok()
    identifier = workspace.resource("keeptrusts_configuration.one")["id"]
    workspace.write("policy.yaml", OTHER_POLICY)
    workspace.run("plan", "-out=plan").ok()
    before = workspace.state_text
    api.edit(identifier, description="by somebody")
    refused = workspace.run("apply", "plan")
    assert refused.status == 1
    said = flat(refused.output)
    assert errors(refused.output) == ["Conflict: cannot update keeptrusts_configuration"]
    assert f"`{identifier}` was changed by `key_somebody` at {api.objects[identifier]['updated_at']}" in said
    assert "terraform plan" in said
    assert api.objects[identifier]["description"] == "by somebody"
    assert api.calls("PATCH") == 0
    assert workspace.state_text == before
    workspace.apply().ok()
    assert api.objects[identifier]["description"] is None


def test_somebody_else_was_faster_by_a_hair(workspace: Workspace, api: Api) -> None:
    """The same when it happens between our read and our write, which carries `If-Match`; and for a deletion."""
    workspace.main(CONFIGURATION)
    workspace.apply().ok()
    identifier = workspace.resource("keeptrusts_configuration.one")["id"]
    workspace.write("policy.yaml", OTHER_POLICY)

    def edit(method: str) -> None:
        api.failures.append(lambda request: api.edit(identifier, description="x") if request.method == method else None)

    edit("PATCH")
    refused = workspace.apply()
    assert errors(refused.output) == ["Conflict: cannot update keeptrusts_configuration"]
    assert "was changed by `key_somebody`" in flat(refused.output)
    assert (api.objects[identifier]["description"], api.objects[identifier]["version"]) == ("x", 1)
    api.failures.clear()
    edit("DELETE")
    refused = workspace.destroy()
    assert errors(refused.output) == ["Conflict: cannot delete keeptrusts_configuration"]
    assert identifier in api.objects
    assert workspace.addresses() == ["keeptrusts_configuration.one"]


def test_conflicts_that_waiting_does_not_solve(workspace: Workspace, api: Api) -> None:
    """A name that is taken, and a configuration that a gateway uses: 409 with the control plane's own words."""
    workspace.main(CONFIGURATION)
    workspace.apply().ok()
    identifier = workspace.resource("keeptrusts_configuration.one")["id"]
    like = CONFIGURATION.replace('"one" {', '"two" {\n  description = "another"')
    workspace.main(CONFIGURATION + like)
    refused = workspace.apply()
    assert errors(refused.output) == ["Conflict: cannot create keeptrusts_configuration"]
    assert "another one has this name" in flat(refused.output).lower()
    assert "`terraform import ADDRESS name=...`" in flat(refused.output)
    api.objects["gw_1"] = {"name": "edge-7", "configuration_id": identifier}
    refused = workspace.destroy()
    assert errors(refused.output) == ["Conflict: cannot delete keeptrusts_configuration"]
    assert "edge-7" in refused.output
    assert workspace.addresses() == ["keeptrusts_configuration.one"]


def test_a_reference_to_nothing_says_what_it_takes(workspace: Workspace, api: Api) -> None:
    """A name where an id is wanted, a data source that finds nothing, and a gateway's token without a gateway."""
    api.fail("POST", 422, "unknown_configuration")
    workspace.main('resource "keeptrusts_gateway" "edge" {\n  name = "edge"\n  configuration_id = "production"\n}')
    assert "keeptrusts_configuration.NAME.id" in flat(workspace.apply().output)
    workspace.main('data "keeptrusts_gateway" "edge" {\n  name = "none"\n}')
    said = flat(workspace.run("plan").output)
    assert "There is none with this `name`. `GET /v1/gateways` lists what there is." in said
    workspace.main('resource "keeptrusts_gateway_token" "edge" {\n  gateway_id = ""\n}')
    refused = workspace.run("validate")
    assert errors(refused.output) == ["Invalid value for `gateway_id`"]


def test_a_busy_control_plane_is_waited_for(workspace: Workspace, api: Api) -> None:
    """429 with `Retry-After` is tried again after that time, and makes one object; without end it is an error."""
    workspace.main(CONFIGURATION)
    api.fail("POST", 429, "rate_limited", Retry_After="2")
    start = time.monotonic()
    workspace.apply().ok()
    assert time.monotonic() - start >= 2
    assert api.calls("POST") == 2
    assert len(api.of("configurations")) == 1
    workspace.main(IMPATIENT + CONFIGURATION)
    api.fail("GET", 429, "rate_limited", Retry_After="1")
    refused = workspace.run("plan")
    assert errors(refused.output) == ["Too many requests: cannot read keeptrusts_configuration"]
    assert "max_retries" in flat(refused.output)


def test_what_the_control_plane_finds(workspace: Workspace, api: Api) -> None:
    """A refusal carries its explanation and the request's id, and no secret that it repeats."""
    workspace.main(CONFIGURATION)
    api.failures.append(lambda _: ProblemError(422, "odd", f"the key {KEY} is odd"))
    refused = workspace.apply()
    said = flat(refused.output)
    assert refused.status == 1
    assert KEY not in said
    assert "The key (hidden) is odd" in said
    assert "req_1" in said
