"""`kt config export --terraform`: what was made by hand becomes code, and nothing changes by that."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.served import run_kt
from support.server import Server
from support.terraform import OTHER_POLICY, POLICY, Toolbox, Workspace

pytestmark = pytest.mark.acceptance

ODD = 'Größe ${var.x} %{if} "quoted" \\ back\nsecond line'


def test_everything_there_is(toolbox: Toolbox, tmp_path: Path) -> None:
    """Names alike, odd texts, pinned versions, hidden headers: the plan imports all of it and changes nothing."""
    with Server(tmp_path, "--allow-insecure-webhooks") as server:
        first = server.made("/v1/configurations", name="Support policy", policy_yaml=POLICY, description=ODD)
        server.made("/v1/configurations", name="support-policy", policy_yaml=OTHER_POLICY.replace("\n", "\r\n"))
        server.made("/v1/configurations", name="1st", policy_yaml=POLICY, labels={"team": "a b", "odd key": "${x}"})
        server.made(
            "/v1/gateways", name="edge", configuration_id=first["id"], configuration_version=1, environment="dev"
        )
        server.made("/v1/gateways", name="idle", fail_mode="allow")
        hook = {"event_types": ["event.*"], "headers": {"Authorization": "planted-header"}, "active": False}
        server.made("/v1/webhooks", url="https://example.com/a", **hook)
        server.made("/v1/webhooks", url="https://example.com/b", event_types=["*"], description="all")
        access = {"KEEPTRUSTS_API_URL": server.url, "KEEPTRUSTS_API_TOKEN": server.admin_key}

        folder = tmp_path / "module"
        done = run_kt("config", "export", "--terraform", str(folder), env=access)
        assert done.exit_code == 0, done.output
        written = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        assert written == {
            *(f"{name}.tf" for name in ("versions", "configurations", "gateways", "webhooks", "imports")),
            *(f"policies/{name}.yaml" for name in ("_1st", "support_policy", "support_policy_2")),
        }
        assert "planted-header" not in "".join(path.read_text(encoding="utf-8") for path in folder.rglob("*.tf"))

        module = Workspace(toolbox, folder, access)
        module.run("init").ok()
        assert module.run("fmt", "-check", "-diff").ok().output == ""
        applied = module.apply().ok().output
        assert "Resources: 7 imported, 0 added, 0 changed, 0 destroyed." in applied
        (folder / "imports.tf").unlink()
        assert module.plan() == 0
        again = run_kt("config", "export", "--terraform", str(folder), env=access)
        assert again.exit_code == 2
        assert "is not empty" in again.stderr
        assert server.stop() == 0
