"""Ways of working that Terraform has: moved blocks, generated configuration, a provider under development."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.server import Server
from support.terraform import CONFIGURATION, HEAD, POLICY, Toolbox, Workspace
from support.terraform_api import Api

pytestmark = pytest.mark.acceptance

MOVED = """
resource "keeptrusts_configuration" "many" {
  for_each    = toset(["one"])
  name        = each.key
  policy_yaml = file("${path.module}/policy.yaml")
}

moved {
  from = keeptrusts_configuration.one
  to   = keeptrusts_configuration.many["one"]
}
"""


def test_a_block_that_was_moved(workspace: Workspace, api: Api) -> None:
    """Renamed, and put under `for_each`: the object stays, and nothing is sent."""
    workspace.main(CONFIGURATION)
    workspace.apply().ok()
    workspace.main(MOVED)
    moved = workspace.apply().ok().output
    assert "0 added, 0 changed, 0 destroyed" in moved
    assert workspace.plan() == 0
    assert (api.calls("POST"), api.calls("PATCH"), api.calls("DELETE")) == (1, 0, 0)


def test_terraform_writes_the_configuration(real: Workspace, server: Server) -> None:
    """`-generate-config-out` for each kind: what it writes is valid, and the apply imports and changes nothing."""
    policy = server.made("/v1/configurations", name="generated", policy_yaml=POLICY, labels={"team": "${a}"})
    gateway = server.made("/v1/gateways", name="generated", configuration_id=policy["id"], configuration_version=1)
    hook = server.made("/v1/webhooks", url="https://example.com/generated", event_types=["event.*", "webhook.test"])
    secret = server.made("/v1/config-variables", name="generated", value="planted", allowed_hosts=["a.example"])
    key = server.made("/v1/tokens", name="generated", role="viewer", scopes=["events:read"], expires_in=86400)
    token = server.made(f"/v1/gateways/{gateway['id']}/tokens")
    kinds = {
        "configuration": policy, "gateway": gateway, "webhook": hook, "config_variable": secret, "api_key": key,
        "gateway_token": token,
    }  # fmt: skip
    imports = "".join(
        f'import {{\n  to = keeptrusts_{kind}.one\n  id = "{made["id"]}"\n}}\n' for kind, made in kinds.items()
    )
    real.main(imports)
    real.run("plan", "-generate-config-out=generated.tf").ok()
    applied = real.apply().ok().output
    assert "6 imported, 0 added, 0 changed, 0 destroyed" in applied
    assert real.plan() == 0


def test_a_provider_under_development(toolbox: Toolbox, api: Api, tmp_path: Path) -> None:
    """`dev_overrides`: no init and no lock file; the folder is used as it is."""
    config = tmp_path / "dev.rc"
    override = f'dev_overrides {{\n    "keeptrusts/keeptrusts" = "{toolbox.provider}"\n  }}'
    config.write_text(f"provider_installation {{\n  {override}\n  direct {{}}\n}}\n", encoding="utf-8")
    module = Workspace(toolbox, tmp_path / "module", {**api.environment, "TF_CLI_CONFIG_FILE": str(config)})
    module.write("main.tf", HEAD + CONFIGURATION)
    module.write("policy.yaml", POLICY)
    applied = module.apply().ok().output
    assert "Provider development overrides are in effect" in applied
    assert module.plan() == 0
    assert {path.name for path in module.folder.iterdir()} == {"main.tf", "policy.yaml", "terraform.tfstate"}
