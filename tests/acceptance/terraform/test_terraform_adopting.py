"""`kt config export --terraform`: what was made by hand becomes code, and nothing changes by that."""

from __future__ import annotations

import json
import random
import unicodedata
from pathlib import Path
from typing import Any

import pytest
import urllib3

from keeptrusts.terraform.hcl import block
from support.served import run_kt
from support.server import Server
from support.terraform import OTHER_POLICY, POLICY, Toolbox, Workspace

pytestmark = pytest.mark.acceptance

ODD = 'Größe ${var.x} %{if} $${y} "quoted" \\ back\nsecond line\t<<EOT\x08 \u202e'
DECOMPOSED = "Cafe\u0301 policy"
"""Terraform composes what it is given; whoever used the API did not have to."""
KINDS = ("configurations", "gateways", "webhooks", "config_variables", "credentials", "imports", "versions")


def populate(server: Server) -> list[str]:
    """An organisation as hands make it; every secret that is in it."""
    first = server.made("/v1/configurations", name="Support policy", policy_yaml=POLICY, description=ODD)
    server.made("/v1/configurations", name="support-policy", policy_yaml=OTHER_POLICY.replace("\n", "\r\n"))
    nasty = {"team": "a b", "odd key": "${x}", "for": "%{y}", "größe": "\u0000".replace("\u0000", "null"), "-": ""}
    server.made("/v1/configurations", name="1st", policy_yaml=POLICY, labels=nasty, description="")
    server.made("/v1/configurations", name=DECOMPOSED, policy_yaml=POLICY + "# e\u0301 ${x}\n", labels={"e\u0301": "é"})
    edge = server.made(
        "/v1/gateways", name="edge", configuration_id=first["id"], configuration_version=1, environment="dev"
    )
    server.made("/v1/gateways", name="日本", fail_mode="allow", description="", environment="")
    server.made("/v1/gateways", name="careful", deployment={"strategy": "canary", "percent": 10})
    hook = {"event_types": ["event.*"], "headers": {"Authorization": "planted-header"}, "active": False}
    server.made("/v1/webhooks", url="https://example.com/a?x=%7B${y}", **hook)
    own = {"secret": "whsec_cGxhbnRlZHBsYW50ZWRwbGFudGVkcGxhbnRlZA=="}
    server.made(
        "/v1/webhooks", url="https://example.com/b", event_types=["*", "event.blocked"], description="all", **own
    )
    server.made("/v1/config-variables", name="openai-key", value="planted-value", description=ODD)
    server.made("/v1/config-variables", name="openai.key", value="planted-value", allowed_hosts=["b.example", "a:8443"])
    server.made("/v1/config-variables", name="openai-key-version", value="planted-value")
    server.made("/v1/tokens", name="${ci}", role="editor", expires_in=7776000)
    server.made(
        "/v1/tokens", name="${ci}", role="viewer", scopes=["events:read", "configurations:read"], expires_in=5401
    )
    over = server.made("/v1/tokens", name="gone", role="viewer")
    urllib3.request("DELETE", f"{server.url}/v1/tokens/{over['id']}", headers=server.headers)
    server.made(f"/v1/gateways/{edge['id']}/tokens")
    server.made(f"/v1/gateways/{edge['id']}/tokens", expires_in=3600)
    return ["planted-header", "planted-value", own["secret"]]


def test_everything_there_is(toolbox: Toolbox, tmp_path: Path) -> None:
    """Six kinds, names alike, odd texts, hidden secrets: the plan imports all of it, changes nothing, and goes on."""
    with Server(tmp_path, "--allow-insecure-webhooks") as server:
        secrets = populate(server)
        access = {"KEEPTRUSTS_API_URL": server.url, "KEEPTRUSTS_API_TOKEN": server.admin_key}
        folder = tmp_path / "module"
        done = run_kt("config", "export", "--terraform", str(folder), env=access)
        assert done.exit_code == 0, done.output
        written = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
        assert set(written) == {
            *(f"{name}.tf" for name in KINDS),
            *(f"policies/{name}.yaml" for name in ("_1st", "cafe_policy", "support_policy", "support_policy_2")),
        }
        texts = "".join(path.read_text(encoding="utf-8") for path in written.values())
        assert not [one for one in (*secrets, server.admin_key) if one in texts]
        assert "\u202e" not in written["configurations.tf"].read_text(encoding="utf-8")

        module = Workspace(toolbox, folder, access)
        module.run("init").ok()
        assert module.run("fmt", "-check", "-diff").ok().output == ""
        applied = module.apply().ok().output
        assert "Resources: 17 imported, 0 added, 0 changed, 0 destroyed." in applied
        assert not [one for one in secrets if one in module.state_text]
        (folder / "imports.tf").unlink()
        assert module.plan() == 0
        again = run_kt("config", "export", "--terraform", str(folder), env=access)
        assert again.exit_code == 2
        assert "is not empty" in again.stderr
        go_on(module, server)
        leave_out(toolbox, server, tmp_path / "less")
        assert server.stop() == 0


def go_on(module: Workspace, server: Server) -> None:
    """As code it can be changed: what the API was told decomposed too, and a secret by its version."""
    path = module.folder / "configurations.tf"
    text = unicodedata.normalize("NFC", path.read_text(encoding="utf-8"))
    named = f'= "{unicodedata.normalize("NFC", DECOMPOSED)}"\n'
    assert named in text
    path.write_text(text.replace(named, f'{named}  description = "adopted"\n'), encoding="utf-8")
    secret = {"TF_VAR_openai_key": "planted-anew", "TF_VAR_openai_key_version": "1"}
    changed = module.run("apply", "-auto-approve", env=secret).ok().output
    assert "0 added, 2 changed, 0 destroyed" in changed
    found = urllib3.request("GET", f"{server.url}/v1/config-variables?name=openai-key", headers=server.headers).json()
    assert found["data"][0]["version"] == 2
    assert "planted-anew" not in module.state_text
    refused = module.run("plan", "-destroy")
    assert refused.status == 1
    assert "Instance cannot be destroyed" in refused.output  # the key that all this is done with


def export_as(server: Server, folder: Path, scopes: list[str]) -> Any:
    """With a key that may do so much; what cannot be whole is not begun."""
    key = str(server.made("/v1/tokens", name="reader", role="editor", scopes=scopes)["key"])
    access = {"KEEPTRUSTS_API_URL": server.url, "KEEPTRUSTS_API_TOKEN": key}
    done = run_kt("config", "export", "--terraform", str(folder), env=access)
    assert (done.exit_code == 0) == folder.exists(), done.output
    return done


def leave_out(toolbox: Toolbox, server: Server, folder: Path) -> None:
    """What a key may not read is left out and told, if it is a secret; the rest is whole, for any Terraform."""
    scopes = ["configurations:read", "gateways:read", "webhooks:read"]
    done = [export_as(server, folder, scopes[:number]) for number in (1, 3)]
    assert [one.exit_code == 0 for one in done] == [False, True]
    assert "left out: stored secrets" in done[1].stderr
    assert "left out: keys and tokens" in done[1].stderr
    assert ">= 1.5" in (folder / "versions.tf").read_text(encoding="utf-8")
    access = {"KEEPTRUSTS_API_URL": server.url, "KEEPTRUSTS_API_TOKEN": server.admin_key}
    module = Workspace(toolbox, folder, access)
    module.run("init").ok()
    assert "9 to import, 0 to add, 0 to change, 0 to destroy" in module.run("plan").ok().output


def test_texts_as_terraform_reads_them(tmp_path: Path, toolbox: Toolbox) -> None:
    """Whatever signs a text has, Terraform reads that text, and a formatter has nothing to do."""
    dice = random.Random(5)
    signs = [
        *'${}%"\\\n\r\tax~ö# ',
        "e\u0301",
        "\x08",
        "\x7f",
        "\u2028",
        "\ufeff",
        "😀",
        "${",
        "%{",
        "<<EOT",
        "\U000e0001",
    ]
    texts = ["".join(dice.choices(signs, k=dice.randrange(9))) for _ in range(1000)]
    names = ("for", "null", "true", "a-b", "-a", "1a", "größe", "a.b/c", "${x}", "日本", "😀", "e\u0301", "_")
    keys = {name: str(number) for number, name in enumerate(names)}
    module = Workspace(toolbox, tmp_path, {})
    outputs = (block(f'output "{name}"', [("value", value)]) for name, value in (("texts", texts), ("keys", keys)))
    module.write("main.tf", "\n".join(outputs))
    assert module.run("fmt", "-check", "-diff").ok().output == ""
    module.apply().ok()
    read = json.loads(module.run("output", "-json").ok().output)
    assert read["texts"]["value"] == [unicodedata.normalize("NFC", text) for text in texts]
    assert read["keys"]["value"] == {unicodedata.normalize("NFC", name): value for name, value in keys.items()}
