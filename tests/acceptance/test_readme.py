"""The README's tour and the guides, followed to the letter by a shell."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.enforcement import ADDRESS
from demo.stage import Stage
from support.documents import blocks_of, follow

ROOT = Path(__file__).parents[2]
KIT = ROOT / "deploy" / "terraform"
LEAVINGS = shutil.ignore_patterns(".terraform*", "*.tfstate*")

pytestmark = pytest.mark.acceptance


@pytest.fixture
def stage() -> Iterator[Stage]:
    """A running `kt dev`."""
    running = Stage()
    try:
        running.start()
        yield running
    finally:
        running.close()


def test_the_tour_works(stage: Stage) -> None:
    """Each command of the README's tour does what the text above it says."""
    blocks = blocks_of(ROOT / "README.md")
    shutil.copytree(ROOT / "examples", stage.folder / "examples", ignore=LEAVINGS)

    reading = follow(blocks, stage.folder, stage.environment())

    assert reading.status == 0, reading.last()
    assert ADDRESS not in reading.output_of(blocks, ADDRESS)
    assert json.loads(reading.output_of(blocks, "Ignore all"))["error"]["policy"] == "prompt-injection"
    proof = reading.output_of(blocks, "kt events tail")
    assert {"redacted", "blocked"} <= set(re.findall(r'"verdict": ?"(\w+)"', proof))
    assert "No changes." in reading.output_of(blocks, "plan -detailed-exitcode")


def test_the_commands_that_a_test_cannot_run_are_in_the_makefile() -> None:
    """`make setup`, `make demo` and `make test` of the README are targets."""
    named = set(re.findall(r"make (\w+)", (ROOT / "README.md").read_text(encoding="utf-8")))
    for target in named:
        done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert {"setup", "demo", "test"} <= named


def test_the_terraform_guide_works(stage: Stage) -> None:
    """Each file and each command of the guide works, in the order in which it stands there."""
    blocks = blocks_of(ROOT / "docs" / "guide" / "terraform.md")
    folder = stage.folder / "guide"
    shutil.copytree(KIT / "modules", folder / "modules", ignore=LEAVINGS)
    shutil.copytree(KIT / "policies", folder / "policies")
    shutil.copy(KIT / "drift.sh", folder)

    reading = follow(blocks, folder, stage.environment())

    assert reading.status == 0, reading.last()
    assert "Success!" in reading.output_of(blocks, "terraform validate")
    assert "kt_gw_" in reading.output_of(blocks, "kt gateway token create")
    assert "Import successful" in reading.output_of(blocks, "terraform import")
    assert "no drift" in reading.output_of(blocks, "drift.sh")
    assert planned_environment(stage, folder) == 2


def planned_environment(stage: Stage, folder: Path) -> int:
    """Plan the guide's environment beside the provider block that it shows first; 2: there is something to add."""
    environment = folder / "environments" / "production"
    shutil.copy(folder / "main.tf", environment)
    shutil.copytree(KIT / "environments" / "production" / "policies", environment / "policies")
    keys = {
        "TF_VAR_keeptrusts_api_url": stage.settings["KEEPTRUSTS_API_URL"],
        "TF_VAR_keeptrusts_api_key": stage.settings["KEEPTRUSTS_API_TOKEN"],
    }
    stage.run("terraform", "init", "-input=false", folder=environment).checked()
    done = stage.run("terraform", "plan", "-detailed-exitcode", "-input=false", folder=environment, extra=keys)
    return done.status


def test_the_policy_guide_works(tmp_path: Path, stage: Stage) -> None:
    """The guide's document is valid."""
    reading = follow(blocks := blocks_of(ROOT / "docs" / "guide" / "policy.md"), tmp_path, stage.environment())

    assert reading.status == 0, reading.last()
    assert "OK" in reading.output_of(blocks, "kt policy lint --file policy-config.yaml")


def test_the_guide_from_clicks_to_code_works(stage: Stage) -> None:
    """What was made by hand is adopted without a change, then changed by a branch; a click is drift."""
    blocks = blocks_of(ROOT / "docs" / "guide" / "console-to-code.md")
    folder = stage.folder / "clicks"
    folder.mkdir()

    reading = follow(blocks, folder, stage.environment())

    assert reading.status == 0, reading.last()
    adopted = reading.output_of(blocks, "apply adopt.tfplan")
    assert "0 added, 0 changed, 0 destroyed" in adopted
    assert "No changes." in adopted
    assert "action: redact -> block (strengthens)" in reading.output_of(blocks, "plan -out=change.tfplan")
    drifted = reading.output_of(blocks, "drift --dir . || test")
    assert "action: block -> redact (weakens)" in drifted
    assert "no drift" in drifted
    assert "1 changed, 0 destroyed" in reading.output_of(blocks, "TF_VAR_openai_key_version=1")
    assert "No changes." in reading.output_of(blocks, "terraform.tfvars")


def test_the_promotion_guide_works(stage: Stage) -> None:
    """One change from a failing test to production and back, with what each step shows."""
    blocks = blocks_of(ROOT / "docs" / "guide" / "promotion.md")
    folder = stage.folder / "promotion"
    folder.mkdir()

    reading = follow(blocks, folder, stage.environment())

    assert reading.status == 0, reading.last()
    assert "FAILED: 1 of 2" in reading.output_of(blocks, "--file dev/policies/dev.yaml || test $? -eq 3")
    assert "strengthens" in reading.output_of(blocks, "kt policy diff")
    assert "strengthens" in reading.output_of(blocks, "-chdir=dev plan -input=false -detailed-exitcode")
    assert "sha256:" in reading.output_of(blocks, "output -raw content_digest")
    assert "newly_blocked = 0" in reading.output_of(blocks, "production.before.yaml\nsed")
    assert "weakens" in reading.output_of(blocks, "drift --dir production || test")
    assert "0 added, 0 changed, 0 destroyed" in reading.output_of(blocks, "rm -r production/policies/tests")
