"""The CI files of the kit: their own shell text is run, with the real `kt`, on a repository with a change in it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.acceptance

ROOT = Path(__file__).parents[2]
KIT = ROOT / "deploy" / "terraform"
POLICY = "deploy/terraform/environments/dev/policies/dev.yaml"


class _Loader(yaml.SafeLoader):
    """GitLab's `!reference` is a list here."""


def _reference(loader: yaml.SafeLoader, node: yaml.SequenceNode) -> list[Any]:
    return list(loader.construct_sequence(node, deep=True))


_Loader.add_constructor("!reference", _reference)


def read(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load((KIT / "ci" / name).read_text(encoding="utf-8"), Loader=_Loader)
    return loaded


def git(folder: Path, *arguments: str) -> str:
    name = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *name, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """One with the kit's policy of `dev` in it, committed."""
    path = tmp_path / POLICY
    path.parent.mkdir(parents=True)
    path.write_text((ROOT / POLICY).read_text(encoding="utf-8"), encoding="utf-8")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    return tmp_path


def run_step(folder: Path, text: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """As GitHub runs it."""
    environment = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}/usr/bin:/bin",
        "HOME": str(folder),
        "POLICY": POLICY,
        "GITHUB_STEP_SUMMARY": str(folder / "summary"),
        **variables,
    }
    command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c"]
    filled = re.sub(r"\$\{\{.*?\}\}", "dev", text)
    return subprocess.run([*command, filled], cwd=folder, env=environment, check=False, capture_output=True, text=True)


def step(name: str) -> str:
    (found,) = (one for one in read("github-plan.yml")["jobs"]["policy"]["steps"] if one.get("name") == name)
    text: str = found["run"]
    return text


def test_lint_fails_for_what_is_not_valid_and_leaves_the_findings(repository: Path) -> None:
    """Exit 0 and an empty list, or exit 2 with findings in both forms."""
    assert run_step(repository, step("Lint")).returncode == 0
    path = repository / POLICY
    path.write_text(path.read_text(encoding="utf-8").replace("chain:", "chian:"), encoding="utf-8")
    failed = run_step(repository, step("Lint"))
    assert failed.returncode == 2
    assert "::error file=" in failed.stdout
    findings = json.loads((repository / "findings.sarif").read_text(encoding="utf-8"))
    assert findings["runs"][0]["results"]


@pytest.mark.parametrize(("verdict", "status"), [("allowed", 0), ("blocked", 3)])
def test_policy_tests_run_where_there_are_some(repository: Path, verdict: str, status: int) -> None:
    """Without a folder of tests there is nothing to do."""
    assert run_step(repository, step("Test")).returncode == 0
    case = {"name": "a greeting", "input": {"messages": [{"role": "user", "content": "hello"}]}}
    tests = (repository / POLICY).parent / "tests"
    tests.mkdir()
    (tests / "greeting.yaml").write_text(yaml.safe_dump(case | {"expected": {"verdict": verdict}}), encoding="utf-8")
    done = run_step(repository, step("Test"))
    assert done.returncode == status, done.stdout + done.stderr


def test_what_changes_is_in_the_summary(repository: Path) -> None:
    """A changed policy is told with its directions, and is no failure; a new one is compared with nothing."""
    base = git(repository, "rev-parse", "HEAD")
    path = repository / POLICY
    text = path.read_text(encoding="utf-8")
    assert "max_tokens: " in text
    path.write_text(re.sub(r"max_tokens: \d+", "max_tokens: 16", text), encoding="utf-8")
    done = run_step(repository, step("Say what changes"), BASE=base)
    assert done.returncode == 0, done.stderr
    assert "max_tokens" in (repository / "summary").read_text(encoding="utf-8")
    assert "strengthens" in (repository / "summary").read_text(encoding="utf-8")
    git(repository, "rm", "-q", "--cached", POLICY)
    git(repository, "commit", "-q", "-m", "gone")
    assert run_step(repository, step("Say what changes"), BASE=git(repository, "rev-parse", "HEAD")).returncode == 0


def test_a_fork_gets_no_key() -> None:
    """The job with the secret runs for branches of the repository itself; the one that a fork may run has none."""
    jobs = read("github-plan.yml")["jobs"]
    assert jobs["plan"]["if"] == "github.event.pull_request.head.repo.full_name == github.repository"
    assert "secrets." not in json.dumps(jobs["policy"])
    assert read("github-plan.yml")["permissions"] == {"contents": "read", "security-events": "write"}
    assert read("github-apply.yml")["permissions"] == {"contents": "read"}


def test_environments_are_applied_in_turn() -> None:
    """Dev, staging, production, one at a time, and what is applied is what was planned."""
    job = read("github-apply.yml")["jobs"]["apply"]
    assert job["strategy"] == {
        "max-parallel": 1, "fail-fast": True, "matrix": {"environment": ["dev", "staging", "production"]},
    }  # fmt: skip
    assert "-out=planned" in job["steps"][-1]["run"]
    assert job["steps"][-1]["run"].rstrip().endswith(" planned")
    gitlab = read("gitlab-ci.yml")
    assert [gitlab[f"apply-{name}"].get("needs") for name in ("dev", "staging", "production")] == [
        None, ["apply-dev"], ["apply-staging"],
    ]  # fmt: skip
    assert gitlab["apply-production"]["rules"][0]["when"] == "manual"


@pytest.mark.parametrize(("status", "fails"), [(0, False), (1, True), (2, False)])
def test_gitlab_tells_drift_from_an_error(tmp_path: Path, status: int, fails: bool) -> None:
    """The job's own lines: drift is told, an error fails."""
    script = tmp_path / "deploy" / "terraform" / "drift.sh"
    script.parent.mkdir(parents=True)
    script.write_text(f"#!/bin/sh\nexit {status}\n", encoding="utf-8")
    script.chmod(0o755)
    lines = "\n".join(read("gitlab-ci.yml")["drift"]["script"])
    done = run_step(tmp_path, lines, CI_PROJECT_DIR=str(tmp_path))
    assert (done.returncode != 0) is fails
    assert ("drift was found" in done.stdout) is (status == 2)
