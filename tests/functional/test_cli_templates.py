"""`kt init --template`: each policy lints clean, passes its tests, and its tests notice when it is weakened."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from keeptrusts.cli.templates import summary, templates
from keeptrusts.policy.lint import lint_document
from support.served import run_kt, shown

NAMES = templates()
LEAST_SCORE = 100


def test_the_templates_are_these() -> None:
    """Eight for what people ask for, and the one of `kt dev`; each says in a line what it is for."""
    assert NAMES == [
        "starter", "agents", "education", "eu-ai-act", "finance", "healthcare", "injection", "pii", "zero-retention",
    ]  # fmt: skip
    listed = shown(run_kt("init", "--template", "list", env={}))
    assert [line.split()[0] for line in listed] == NAMES
    assert all(summary(name).endswith(".") for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_template_lints_clean_and_passes_its_tests(name: str, tmp_path: Path) -> None:
    """Without a warning; and nothing in it can be weakened unnoticed."""
    assert run_kt("init", str(tmp_path), "--template", name, env={}).exit_code == 0
    report = lint_document((tmp_path / "policy-config.yaml").read_text(encoding="utf-8"))
    assert (report.errors, report.warnings) == ((), ())
    result = run_kt("policy", "test", "--dir", str(tmp_path), "--mutate", "--json", env={})
    told = json.loads(result.stdout)
    assert [one for one in told["results"] if not one["passed"]] == []
    assert told["mutation"]["score"] >= LEAST_SCORE, [
        one for one in told["mutation"]["changes"] if not one["noticed_by"]
    ]
    assert len(told["mutation"]["changes"]) >= 4
    assert result.exit_code == 0


def test_a_template_that_is_none(tmp_path: Path) -> None:
    """2, with the name that was meant; nothing is written."""
    result = run_kt("init", str(tmp_path), "--template", "helthcare", env={})
    assert result.exit_code == 2
    assert "did you mean `healthcare`?" in result.stderr
    assert list(tmp_path.iterdir()) == []
