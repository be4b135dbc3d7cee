"""Real Terraform in a folder of its own, with the provider of this tree: the user's home is not touched."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keeptrusts.terraform.install import install

HEAD = """\
terraform {
  required_providers {
    keeptrusts = { source = "keeptrusts/keeptrusts", version = "~> 1.0" }
  }
}
"""
POLICY = """\
# what the support team may do
pack:
  name: support
  version: "1.0.0"
  enabled: true
providers:
  targets:
    - id: primary
      provider: mock
policies:
  chain:
    - prompt-injection
    - audit-logger
policy:
  prompt-injection: {}
  audit-logger: {}
"""
SAME_POLICY = """\
policy: {audit-logger: {}, prompt-injection: {}}
policies: {chain: ["prompt-injection", 'audit-logger']}
providers: {targets: [{provider: mock, id: primary}]}
pack: {version: '1.0.0', name: "support", enabled: true}
"""
"""Means what POLICY means."""
CONFIGURATION = """
resource "keeptrusts_configuration" "one" {
  name        = "one"
  policy_yaml = file("${path.module}/policy.yaml")
}
"""
IMPATIENT = """
provider "keeptrusts" {
  max_retries = 0
}
"""
OTHER_POLICY = POLICY.replace('version: "1.0.0"', 'version: "1.1.0"')


@dataclass(frozen=True, slots=True)
class Finished:
    """What a command left: its status, and everything it said."""

    status: int
    output: str

    def ok(self) -> Finished:
        assert self.status == 0, self.output
        return self


class Toolbox:
    """One home, one CLI configuration and one installed provider for many workspaces."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.plugins = folder / "plugins"
        self.home.mkdir(parents=True)
        self.provider = install(self.plugins)[0]
        self.config = folder / "terraform.rc"
        self.config.write_text(f'provider_installation {{\n  filesystem_mirror {{ path = "{self.plugins}" }}\n}}\n')

    def environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        """Of nothing but this toolbox: no setting of Keeptrusts or Terraform from outside."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("KEEPTRUSTS_", "TF_", "TERRAFORM"))
        }
        own = {
            "HOME": str(self.home),
            # the interpreter itself before a version manager's shim, which takes longer to start than the provider
            "PATH": f"{Path(sys.base_prefix, 'bin')}{os.pathsep}{os.environ['PATH']}",
            "TF_CLI_CONFIG_FILE": str(self.config),
            "TF_IN_AUTOMATION": "1",
            "TF_INPUT": "0",
            "CHECKPOINT_DISABLE": "1",
        }
        return {**inherited, **own, **extra}


class Workspace:
    """
    A root module.

    Args:
        api: Address and key of the control plane, as the environment gives them.
    """

    def __init__(self, toolbox: Toolbox, folder: Path, api: Mapping[str, str]) -> None:
        self.toolbox = toolbox
        self.folder = folder
        self.api = dict(api)
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def main(self, text: str, policy: str = POLICY) -> None:
        """The module's text below the provider requirement, and its `policy.yaml`; then `init`."""
        self.write("main.tf", HEAD + text)
        self.write("policy.yaml", policy)
        if not (self.folder / ".terraform").exists():
            self.run("init").ok()

    def run(self, *arguments: str, env: Mapping[str, str] | None = None) -> Finished:
        process = self.start(*arguments, env=env)
        output, _ = process.communicate(timeout=120)
        return Finished(process.returncode, output)

    def start(self, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """In a process group of its own, as a terminal gives it."""
        # some commands have verbs of their own, and take no such flag before them
        plain = () if arguments[0] in {"state", "providers"} else ("-no-color",)
        return subprocess.Popen(
            ["terraform", arguments[0], *plain, *arguments[1:]],
            cwd=self.folder,
            env=self.toolbox.environment({**self.api, **(env or {})}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def plan(self, *arguments: str) -> int:
        """0: no changes, 1: error, 2: changes."""
        return self.run("plan", "-detailed-exitcode", *arguments).status

    def apply(self, *arguments: str) -> Finished:
        return self.run("apply", "-auto-approve", *arguments)

    def destroy(self) -> Finished:
        return self.run("destroy", "-auto-approve")

    @property
    def state_text(self) -> str:
        return (self.folder / "terraform.tfstate").read_text(encoding="utf-8")

    def forget(self) -> None:
        """As if nothing had ever been applied here."""
        for path in self.folder.glob("terraform.tfstate*"):
            path.unlink()

    def resource(self, address: str) -> dict[str, Any]:
        """The attributes of a resource in the state."""
        kind, _, name = address.partition(".")
        for one in json.loads(self.state_text)["resources"]:
            if (one["type"], one["name"]) == (kind, name):
                attributes: dict[str, Any] = one["instances"][0]["attributes"]
                return attributes
        raise KeyError(address)

    def addresses(self) -> list[str]:
        """What the state holds."""
        return [f"{one['type']}.{one['name']}" for one in json.loads(self.state_text)["resources"]]
