"""`terraform test` of every module of the kit, and what Terraform can say of those whose providers are not here."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from support.documents import blocks_of
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
    made_of = re.compile(r'source += "(?:\.\./)+(?:modules/)?([\w-]+)"')
    for name in FOREIGN:
        texts = (
            path.read_text(encoding="utf-8") for path in (MODULES / name).iterdir() if path.suffix in {".tf", ".md"}
        )
        assert {found for text in texts for found in made_of.findall(text)} & set(SUITES)


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


def test_the_kubernetes_module_takes_what_the_other_makes(toolbox: Toolbox, modules: Path) -> None:
    """Its README's example loads, both modules in it, with no input that a module does not have."""
    (example,) = (one.text for one in blocks_of(MODULES / "gateway-kubernetes" / "README.md") if one.language == "hcl")
    root = Workspace(toolbox, modules / "examples" / "cluster", {})
    stack = 'variable "keeptrusts_api_url" {}\nmodule "keeptrusts" {\n  source = "../../modules/keeptrusts-stack"\n}\n'
    root.write("main.tf", example + stack)
    (modules / "modules").symlink_to(modules)
    root.run("get").ok()
    calls = re.findall(
        r'module "\w+" \{\n  source = "\.\./\.\./modules/([\w-]+)"\n(.*?)^\}', example, re.MULTILINE | re.DOTALL
    )
    assert [name for name, _ in calls] == ["gateway-manifests", "gateway-kubernetes"]
    for name, text in calls:
        declared = re.findall(
            r'^variable "(\w+)"', (MODULES / name / "variables.tf").read_text(encoding="utf-8"), re.MULTILINE
        )
        assert set(re.findall(r"^  (\w+) +=", text, re.MULTILINE)) <= set(declared)


def test_environments_differ_in_their_names_alone() -> None:
    """What was reviewed in dev is what production gets."""
    folder = MODULES.parent / "environments"
    for file in ("main.tf", "backend.tf.example"):
        texts = {
            path.parent.name: path.read_text(encoding="utf-8").replace(path.parent.name, "NAME")
            for path in folder.glob(f"*/{file}")
        }
        assert set(texts) == {"dev", "staging", "production"}
        assert len(set(texts.values())) == 1
