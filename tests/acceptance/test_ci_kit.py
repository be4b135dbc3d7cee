"""The CI files of the kit: their own shell text is run, with the real `kt`, on a repository with a change in it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
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


@pytest.fixture
def drifting(tmp_path: Path) -> Callable[[int], Path]:
    """A folder of programs in which `kt terraform drift` ends with a status, and Terraform does nothing."""

    def make(status: int) -> Path:
        folder = tmp_path / "programs"
        folder.mkdir()
        (folder / "kt").write_text(f'#!/bin/sh\necho "$*: $DRIFT_LINK"\nexit {status}\n', encoding="utf-8")
        (folder / "terraform").write_text("#!/bin/sh\n", encoding="utf-8")
        for path in folder.iterdir():
            path.chmod(0o755)
        return folder

    return make


@pytest.mark.parametrize("status", [0, 1, 2])
def test_gitlab_tells_drift_from_an_error(tmp_path: Path, drifting: Callable[[int], Path], status: int) -> None:
    """The job ends with the command's own status: 2 is allowed and shows as a warning, 1 is not."""
    job = read("gitlab-ci.yml")["drift"]
    path = f"{drifting(status)}:/usr/bin:/bin"
    done = run_step(tmp_path, "\n".join(job["script"]), PATH=path, DRIFT_LINK=job["variables"]["DRIFT_LINK"])
    assert done.returncode == status
    assert "terraform drift --dir . --no-gateways: $CI_JOB_URL" in done.stdout
    assert job["allow_failure"] == {"exit_codes": [2]}


@pytest.mark.parametrize(("status", "code"), [(0, 0), (1, 1), (2, 0)])
def test_github_tells_drift_from_an_error(
    tmp_path: Path, drifting: Callable[[int], Path], status: int, code: int
) -> None:
    """Drift is a warning with the differences in the summary; an error fails the job and warns of nothing."""
    (tmp_path / "deploy/terraform/environments/dev").mkdir(parents=True)
    (look,) = (one for one in read("github-drift.yml")["jobs"]["drift"]["steps"] if one.get("name") == "Look for drift")
    url = "https://keeptrusts.example.com"
    done = run_step(tmp_path, look["run"], PATH=f"{drifting(status)}:/usr/bin:/bin", KEEPTRUSTS_API_URL=url)
    assert done.returncode == code
    assert "terraform drift: " in done.stdout
    assert ("::warning title=Keeptrusts drift::dev" in done.stdout) is (status == 2)
    assert (tmp_path / "summary").exists() is (status == 2)
    assert "github.run_id" in look["env"]["DRIFT_LINK"]


def test_gitlab_gets_findings_and_results(repository: Path) -> None:
    """Both reports are written, and a failing test fails the job; a document that is not valid fails it before."""
    job = read("gitlab-ci.yml")["policy"]
    case = {"name": "a greeting", "input": {"messages": [{"role": "user", "content": "hello"}]}}
    tests = (repository / POLICY).parent / "tests"
    tests.mkdir()
    (tests / "greeting.yaml").write_text(yaml.safe_dump(case | {"expected": {"verdict": "block"}}), encoding="utf-8")
    lines = "\n".join(job["script"])
    assert run_step(repository, lines, ENVIRONMENT="dev").returncode == 3
    assert json.loads((repository / job["artifacts"]["reports"]["codequality"]).read_text(encoding="utf-8")) == []
    assert "a greeting" in (repository / job["artifacts"]["reports"]["junit"]).read_text(encoding="utf-8")
    path = repository / POLICY
    path.write_text(path.read_text(encoding="utf-8").replace("chain:", "chian:"), encoding="utf-8")
    assert run_step(repository, lines, ENVIRONMENT="dev").returncode == 1
    assert json.loads((repository / "findings.json").read_text(encoding="utf-8"))


def test_a_plan_is_in_the_summary_also_when_it_fails(tmp_path: Path, drifting: Callable[[int], Path]) -> None:
    """What Terraform said is shown in both cases, and its status is the step's."""
    programs = drifting(0)
    (tmp_path / "deploy/terraform/environments/dev").mkdir(parents=True)
    (plan,) = (one for one in read("github-plan.yml")["jobs"]["plan"]["steps"] if one.get("name") == "Plan")
    for status in (0, 1):
        text = f'#!/bin/sh\ntest "$1" != plan || {{ echo "status {status}" >&2; exit {status}; }}\n'
        (programs / "terraform").write_text(text, encoding="utf-8")
        assert run_step(tmp_path, plan["run"], PATH=f"{programs}:/usr/bin:/bin").returncode == status
        assert f"status {status}" in (tmp_path / "summary").read_text(encoding="utf-8")


def checked(schema: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    program = str(Path(sys.executable).with_name("check-jsonschema"))
    command = [program, "--builtin-schema", f"vendor.{schema}", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_files_are_what_github_and_gitlab_read() -> None:
    """Their published schemas take every workflow and the pipeline."""
    workflows = [*(KIT / "ci").glob("github-*.yml"), *(ROOT / ".github" / "workflows").glob("*.yml")]
    assert len(workflows) >= 5
    done = checked("github-workflows", *workflows)
    assert done.returncode == 0, done.stdout + done.stderr
    done = checked("gitlab-ci", "--data-transform", "gitlab-ci", KIT / "ci" / "gitlab-ci.yml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_actionlint_has_nothing_to_say(tmp_path: Path) -> None:
    """Expressions, inputs of actions and shell lines of every workflow are right; it does find what is wrong."""
    program = str(Path(sys.executable).with_name("actionlint"))
    workflows = [*(KIT / "ci").glob("github-*.yml"), *(ROOT / ".github" / "workflows").glob("*.yml")]
    done = subprocess.run([program, "-no-color", *map(str, workflows)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(workflows[0].read_text(encoding="utf-8").replace("${{ ", "${{ nothing.", 1), encoding="utf-8")
    done = subprocess.run([program, "-no-color", str(wrong)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "nothing" in done.stdout


def test_no_right_that_is_not_needed() -> None:
    """The scheduled and the applying workflow read the repository, and do no more there."""
    for name in ("github-apply.yml", "github-drift.yml"):
        assert read(name)["permissions"] == {"contents": "read"}
