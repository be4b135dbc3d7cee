"""`terraform test` of every module of the kit, and what Terraform can say of those whose providers are not here."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from support.server import Server
from support.terraform import Toolbox, Workspace

pytestmark = pytest.mark.acceptance

MODULES = Path(__file__).parents[3] / "deploy" / "terraform" / "modules"
SUITES = sorted(path.name for path in MODULES.iterdir() if any(path.glob("tests/*.tftest.hcl")))
FOREIGN = ("gateway-ecs", "gateway-kubernetes")
"""Their providers cannot be had from here; what can be tested of them is in a module without one."""


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    """A copy: `init` writes into the folder."""
    return Path(shutil.copytree(MODULES, tmp_path / "modules", ignore=shutil.ignore_patterns(".terraform*")))


def test_every_module_has_a_suite_or_is_made_of_one_that_has() -> None:
    """A new module comes with tests."""
    assert sorted(path.name for path in MODULES.iterdir()) == sorted([*SUITES, *FOREIGN])
    for name in FOREIGN:
        text = (MODULES / name / "main.tf").read_text(encoding="utf-8")
        assert any(f'source = "../{suite}"' in text for suite in SUITES)


@pytest.mark.parametrize("name", SUITES)
def test_a_suite_passes(toolbox: Toolbox, server: Server, modules: Path, name: str) -> None:
    """As its README says it is run, against a real control plane where it needs one."""
    api = {"TF_VAR_keeptrusts_api_url": server.url, "TF_VAR_keeptrusts_api_key": server.admin_key}
    module = Workspace(toolbox, modules / name, api if name == "keeptrusts-stack" else {})
    module.run("init").ok()
    said = module.run("test").ok().output
    assert "0 failed." in said
    assert "skip" not in said


@pytest.mark.parametrize("name", FOREIGN)
def test_terraform_loads_what_it_cannot_plan(toolbox: Toolbox, modules: Path, name: str) -> None:
    """Blocks, names and the modules it calls are as Terraform wants them; its provider is not asked."""
    Workspace(toolbox, modules / name, {}).run("get").ok()


def test_the_kubernetes_module_hands_on_every_input() -> None:
    """`gateway-kubernetes` has the inputs of `gateway-manifests`, and passes each on."""
    inner = (MODULES / "gateway-manifests" / "variables.tf").read_text(encoding="utf-8")
    assert (MODULES / "gateway-kubernetes" / "variables.tf").read_text(encoding="utf-8") == inner
    names = {line.split('"')[1] for line in inner.splitlines() if line.startswith("variable ")}
    calls = (MODULES / "gateway-kubernetes" / "main.tf").read_text(encoding="utf-8").split()
    assert names <= {before for before, sign, value in zip(calls, calls[1:], calls[2:], strict=False)
                     if sign == "=" and value == f"var.{before}"}  # fmt: skip
