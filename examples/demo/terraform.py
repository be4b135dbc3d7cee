"""Terraform as the user runs it: init, apply, plan, in a copy of the quickstart."""

from __future__ import annotations

import json
import shutil
import subprocess

from demo.stage import DemoError, Finished, Stage

NEEDED = (1, 5)
GET_IT = "get it at https://developer.hashicorp.com/terraform/install and put it on the PATH"


def installed_version() -> str:
    """
    The version of the Terraform on the PATH.

    Raises:
        DemoError: There is none, or it is too old.
    """
    path = shutil.which("terraform")
    if path is None:
        raise DemoError(f"Terraform is not installed; {GET_IT}")
    said = subprocess.run([path, "version", "-json"], capture_output=True, text=True, timeout=30, check=True)
    version: str = json.loads(said.stdout)["terraform_version"]
    if tuple(int(part) for part in version.partition("-")[0].split(".")[:2]) < NEEDED:
        raise DemoError(f"Terraform 1.5 or newer is needed and this is {version}; {GET_IT}")
    return version


class Terraform:
    def __init__(self, stage: Stage, webhook_url: str) -> None:
        self._stage = stage
        self._variables = {"TF_VAR_webhook_url": webhook_url}

    def run(self, *arguments: str) -> Finished:
        return self._stage.run(
            "terraform", *arguments, "-no-color", folder=self._stage.quickstart, extra=self._variables
        )

    def apply(self) -> str:
        """Apply without asking; the line that sums it up."""
        done = self.run("apply", "-auto-approve", "-input=false").checked()
        return next((line for line in done.output.splitlines() if line.startswith("Apply complete")), done.output)

    def plan(self) -> Finished:
        """Exit status 0: nothing to do; 2: something differs; 1: error."""
        return self.run("plan", "-detailed-exitcode", "-input=false")

    def outputs(self) -> dict[str, str]:
        """Every output, the sensitive ones too."""
        said = self._stage.run("terraform", "output", "-json", folder=self._stage.quickstart).checked().output
        return {name: output["value"] for name, output in json.loads(said).items()}
