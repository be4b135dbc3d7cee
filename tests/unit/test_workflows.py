"""The shipped CI workflows: valid, least rights, and the drift one keeps the exit status apart."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def read(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded


def drift_steps() -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = read(ROOT / ".github/workflows/drift-detection.yml")["jobs"]["detect"]["steps"]
    return steps


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_only_read(path: Path) -> None:
    """A workflow asks for no right but to read the repository."""
    assert read(path)["permissions"] == {"contents": "read"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_an_asked_for_step_exists(path: Path) -> None:
    """Whoever asks for `steps.<id>` finds a step with that id; nothing runs on although it failed."""
    text = path.read_text(encoding="utf-8")
    ids = set(re.findall(r"^ +(?:- )?id: (\w+)$", text, re.MULTILINE))
    assert set(re.findall(r"steps\.(\w+)\.", text)) <= ids
    assert "continue-on-error" not in text


def test_ci_is_the_readmes_command() -> None:
    """CI calls .ci/run, and that calls `make test`."""
    runs = [step["run"] for step in read(ROOT / ".github/workflows/ci.yml")["jobs"]["test"]["steps"] if "run" in step]
    assert runs == [".ci/run"]
    assert (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()[-1] == "exec make test"


@pytest.mark.parametrize(("status", "job_fails"), [(0, False), (1, True), (2, False)])
def test_the_plan_step_tells_drift_from_error(tmp_path: Path, status: int, job_fails: bool) -> None:
    """The step's own shell text hands the status on, and fails for an error alone."""
    (plan,) = (step for step in drift_steps() if step.get("id") == "plan")
    script = tmp_path / "deploy" / "terraform" / "drift.sh"
    script.parent.mkdir(parents=True)
    script.write_text(f"#!/bin/sh\nexit {status}\n", encoding="utf-8")
    script.chmod(0o755)
    output = tmp_path / "output"

    # GitHub runs a step with these options.
    command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c"]
    text = re.sub(r"\$\{\{.*?\}\}", "production", plan["run"])
    done = subprocess.run(
        [*command, text], cwd=tmp_path, env={"PATH": "/usr/bin:/bin", "GITHUB_OUTPUT": str(output)}, check=False
    )

    assert output.read_text(encoding="utf-8") == f"exitcode={status}\n"
    assert (done.returncode != 0) is job_fails


def test_the_warning_is_for_drift() -> None:
    """The step behind the plan runs when the status was 2."""
    assert [step["if"] for step in drift_steps() if "if" in step] == ["steps.plan.outputs.exitcode == '2'"]
