"""`kt policy`: what it prints and how it ends."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import click
import pytest
import yaml
from click.testing import Result
from jsonschema import Draft202012Validator
from syrupy.assertion import SnapshotAssertion

from keeptrusts.cli.policy import policy
from keeptrusts.flow.explaining import FORMATS
from keeptrusts.policy.registry import KINDS
from support.documents import blocks_of, follow
from support.policy_cases import document
from support.reports import check_junit, check_sarif
from support.served import run_kt

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "policy.md"
CONTEXT = click.Context(policy, info_name="kt policy", terminal_width=100, help_option_names=["-h", "--help"])
NAMES = policy.list_commands(CONTEXT)


def kt(*arguments: str, stdin: str = "") -> Result:
    return run_kt("policy", *arguments, env={}, stdin=stdin)


def write(folder: Path, name: str, blocks: Mapping[str, Any], **sections: Any) -> str:
    """A document in a file, by its path."""
    path = folder / name
    path.write_text(document(blocks, **sections), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("name", ["", *NAMES])
def test_help_of_each_command_of_policies(name: str, snapshot: SnapshotAssertion) -> None:
    """The help changes only on purpose."""
    context = CONTEXT
    if name:
        command = policy.get_command(CONTEXT, name)
        assert command is not None
        context = click.Context(command, parent=CONTEXT, info_name=name, terminal_width=100)
    assert context.command.get_help(context) == snapshot


def test_diff_names_each_change(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    """One line each and a count; 3."""
    before = write(tmp_path, "a.yaml", {"pii-detector": {}, "topic-filter": {"blocked_topics": ["a", "b"]}})
    after = write(
        tmp_path, "b.yaml", {"pii-detector": {"action": "block"}, "topic-filter": {"blocked_topics": ["b"]}, "rbac": {}}
    )
    result = kt("diff", before, after)
    assert result.exit_code == 3
    assert result.stdout == snapshot


def test_diff_of_what_means_the_same(tmp_path: Path) -> None:
    """0, also when one comes from standard input."""
    path = write(tmp_path, "a.yaml", {"rbac": {}})
    result = kt("diff", "-", path, stdin=document({"rbac": {"require_auth": False}}))
    assert (result.exit_code, result.stdout) == (0, "the documents mean the same\n")


def test_diff_for_machines(tmp_path: Path) -> None:
    """Counts, and every field of every change."""
    before, after = (write(tmp_path, name, {"rbac": {"require_auth": name == "b"}}) for name in "ab")
    result = kt("diff", before, after, "--json")
    assert result.exit_code == 3
    assert json.loads(result.stdout) == {
        "same": False, "strengthens": 1, "weakens": 0, "neutral": 0,
        "changes": [
            {"path": "policy.rbac.require_auth", "change": "changed", "effect": "strengthens",
             "before": False, "after": True, "secret": False, "reason": ""},
        ],
    }  # fmt: skip


def test_diff_of_what_is_no_document(tmp_path: Path) -> None:
    """2 when one is not valid, 1 when one cannot be read; the file is named."""
    good = write(tmp_path, "a.yaml", {"rbac": {}})
    bad = write(tmp_path, "b.yaml", {"rbac": {"x": 1}})
    broken = tmp_path / "c.yaml"
    broken.write_bytes(b"\xff")
    for path, status in ((bad, 2), (str(broken), 2), (str(tmp_path / "none"), 1)):
        result = kt("diff", good, path)
        assert result.exit_code == status
        assert path in result.stderr


def test_lint_without_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is `policy-config.yaml` of the folder, as for the tests; without one it says how to get it."""
    monkeypatch.chdir(tmp_path)
    missing = kt("lint")
    assert (missing.exit_code, "`kt init`" in missing.stderr) == (1, True)
    write(tmp_path, "policy-config.yaml", {"rbac": {}})
    assert kt("lint").stdout.startswith("OK\n")


def test_lint_beside_a_base(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    """What is weaker is a warning at its place, and an error where warnings are."""
    base = write(tmp_path, "base.yaml", {"pii-detector": {"action": "block"}, "rbac": {}})
    path = tmp_path / "new.yaml"
    path.write_text(
        "pack: {name: p, version: 1.0.0, enabled: true}\npolicies: {chain: [pii-detector]}\n"
        "policy:\n  pii-detector:\n    action: redact\n",
        encoding="utf-8",
    )
    result = kt("lint", "--file", str(path), "--base", base)
    assert result.exit_code == 0
    assert result.stdout.replace(str(path), "new.yaml") == snapshot
    assert kt("lint", "--file", str(path), "--base", base, "--strict").exit_code == 2
    assert kt("lint", "--file", base, "--base", base, "--strict").exit_code == 0
    told = json.loads(kt("lint", "--file", str(path), "--base", base, "--json").stdout)
    assert [(one["code"], one["path"], one["line"]) for one in told["warnings"]] == [
        ("W004", "policies.chain", 2), ("W004", "policy.pii-detector.action", 5),
    ]  # fmt: skip


def test_lint_shows_the_place_in_a_long_line() -> None:
    """A document may be one line: what is shown of it is short and holds what is wrong."""
    text = document({"dlp-filter": {"blocked_terms": [f"term number {number}" for number in range(200)], "acton": 1}})
    lines = kt("lint", "--file", "-", stdin=text).stdout.splitlines()
    shown, mark = next(pair for pair in pairwise(lines) if pair[1].strip(" |") == "^")

    assert shown[mark.index("^") :].startswith('"acton": 1')
    assert max(map(len, lines)) < 200


@pytest.mark.parametrize("form", ["text", "json", "sarif", "github", "gitlab"])
@pytest.mark.parametrize(
    "fields",
    [
        {"api_key": "hush-hush-1", "id": "a"},
        {"base_url": "https://u:hush-hush-1@x"},
        {"secret_key_ref": {"env": "sk-proj-hush-hush-1-0123456789abcdefgh"}},
    ],
)
def test_lint_shows_no_secret(form: str, fields: dict[str, Any]) -> None:
    """It is found, and its place is shown; the log of a pipeline does not get it."""
    targets = [{"id": "a", "provider": "openai", **fields}]
    text = document({"rbac": {}}, providers={"targets": targets})
    done = kt("lint", "--file", "-", "--format", form, stdin=text)
    assert (done.exit_code, "E008" in done.stdout, "hush" in done.output) == (2, True, False)


def test_lint_beside_a_base_with_secrets_in_both(tmp_path: Path) -> None:
    """Where secrets may stand in documents, what is weaker is found all the same; and they are not shown."""
    targets = [{"id": "a", "provider": "openai", "api_key": f"hush-hush-{one}"} for one in range(2)]
    older = write(tmp_path, "a.yaml", {"rbac": {}, "token-limit": {}}, providers={"targets": targets[:1]})
    newer = write(tmp_path, "b.yaml", {"rbac": {}}, providers={"targets": targets[1:]})
    done = kt("lint", "--file", newer, "--base", older, "--strict", "--allow-literal-secrets")
    assert (done.exit_code, "W004" in done.stdout, "hush" in done.output) == (2, True, False)
    assert kt("lint", "--file", newer, "--base", older, "--strict").exit_code == 1


def test_lint_beside_a_base_that_is_none(tmp_path: Path) -> None:
    """1: it could not be compared. A document that is not valid itself is told why, and no more."""
    good, bad = write(tmp_path, "a.yaml", {"rbac": {}}), write(tmp_path, "b.yaml", {"rbac": {"x": 1}})
    assert kt("lint", "--file", good, "--base", bad).exit_code == 1
    assert kt("lint", "--file", good, "--base", str(tmp_path / "none")).exit_code == 1
    result = kt("lint", "--file", bad, "--base", good, "--json")
    assert result.exit_code == 2
    assert [one["code"] for one in json.loads(result.stdout)["errors"]] == ["E002"]


def test_lint_as_sarif(tmp_path: Path) -> None:
    """The result fits the schema of SARIF 2.1.0, with the file as a URI."""
    path = write(tmp_path, "a b#.yaml", {"rbac": {"x": 1}, "token-limit": {}}, policies={"chain": ["rbac", "dlp"]})
    result = kt("lint", "--file", path, "--format", "sarif")
    log = json.loads(result.stdout)
    check_sarif(log)
    (run,) = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert [one["ruleId"] for one in run["results"]] == [rules[one["ruleIndex"]] for one in run["results"]]
    assert {one["ruleId"]: one["level"] for one in run["results"]} == {
        "E001": "error", "E002": "error", "W002": "warning",
    }  # fmt: skip
    marks = [one["partialFingerprints"]["finding/v1"] for one in run["results"]]
    assert len(set(marks)) == len(marks)
    (uri,) = {one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in run["results"]}
    assert uri.endswith("/a%20b%23.yaml")


def test_lint_of_a_sound_document_as_sarif(tmp_path: Path) -> None:
    """A run without results."""
    result = kt("lint", "--file", "-", "--format", "sarif", stdin=document({"rbac": {}}))
    log = json.loads(result.stdout)
    check_sarif(log)
    assert (result.exit_code, log["runs"][0]["results"]) == (0, [])


def test_lint_as_workflow_commands(tmp_path: Path) -> None:
    """One for each finding, its separators escaped."""
    path = write(tmp_path, "a,b.yaml", {"rbac": {"x": 1}})
    result = kt("lint", "--file", path, "--format", "github")
    assert result.stdout.startswith(f"::error file={path.replace(',', '%2C')},line=1,col=")
    assert ",title=E002::unknown key `x` (valid keys: " in result.stdout


def test_lint_as_a_code_quality_report(tmp_path: Path) -> None:
    """GitLab's list: each finding at its line, and known again when lines move above it, even beside its like."""
    path = write(tmp_path, "a.yaml", {"rbac": {"x": 1}, "token-limit": {}}, policies={"chain": ["rbac", "dlp", "dlp"]})
    issues = json.loads(kt("lint", "--file", path, "--format", "gitlab").stdout)
    assert {one["check_name"]: one["severity"] for one in issues} == {
        "E001": "major", "E002": "major", "E005": "major", "W002": "minor",
    }  # fmt: skip
    assert all(one["location"] == {"path": path, "lines": {"begin": 1}} for one in issues)
    marks = [one["fingerprint"] for one in issues]
    assert len(set(marks)) == len(marks)
    Path(path).write_text("# moved\n" + Path(path).read_text(encoding="utf-8"), encoding="utf-8")
    moved = json.loads(kt("lint", "--file", path, "--format", "gitlab").stdout)
    assert [one["fingerprint"] for one in moved] == marks
    assert {one["location"]["lines"]["begin"] for one in moved} == {2}


TESTED = """
pack: {name: tested, version: 1.0.0, enabled: true}
policies: {chain: [pii-detector, topic-filter]}
policy:
  pii-detector: {action: redact}
  topic-filter: {blocked_topics: [gambling, weapons]}
testing:
  suites:
    - name: inline
      threshold: 0.5
      cases:
        - {name: hello, input: {messages: [{role: user, content: hi}]}, expected: {verdict: allow, text: hi}}
        - {name: no hello, input: {messages: [{role: user, content: hi}]}, expected: {verdict: block}}
"""
CASES = """
- name: an address is taken out
  input: {messages: [{role: user, content: write to ada@acme.io}]}
  expected: {verdict: redact, reason_code: pii_detector.email, text: "write to [EMAIL]"}
- name: no <gambling>
  input: {messages: [{role: user, content: how?}], upstream_response: gambling tips}
  expected: {verdict: block, reason_code: topic_filter.blocked_topic}
"""


def governed(folder: Path, cases: str = CASES, name: str = "privacy.yaml") -> Path:
    """A folder with a document and a file of cases."""
    (folder / "policy-config.yaml").write_text(TESTED, encoding="utf-8")
    (folder / "tests").mkdir(exist_ok=True)
    (folder / "tests" / name).write_text(cases, encoding="utf-8")
    return folder


def test_tests_of_a_document(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    """Inline suites and files, what no case depends on, and which changes nobody notices."""
    result = kt("test", "--dir", str(governed(tmp_path)), "--coverage", "--mutate")
    assert result.exit_code == 0
    assert result.stdout == snapshot
    assert kt("test", "--dir", str(tmp_path), "--mutate", "--min-score", "90").exit_code == 3


def test_tests_that_fail(tmp_path: Path) -> None:
    """3, and the details say what was not as expected."""
    governed(tmp_path, CASES.replace("write to [EMAIL]", "x"))
    result = kt("test", "--dir", str(tmp_path), "--json")
    assert result.exit_code == 3
    told = json.loads(result.stdout)
    assert told["ok"] is False
    assert told["results"][2] == {
        "suite": "privacy", "name": "an address is taken out", "verdict": "redact",
        "reason_code": "pii_detector.email", "passed": False, "details": ['the client reads "write to [EMAIL]"'],
    }  # fmt: skip


def test_tests_as_junit(tmp_path: Path) -> None:
    """XML that fits Jenkins's schema: suites with their files and times, cases, failures."""
    result = kt("test", "--dir", str(governed(tmp_path)), "--format", "junit")
    check_junit(result.stdout)
    root = ET.fromstring(result.stdout)
    inline, privacy = root
    assert (inline.get("file"), privacy.get("file")) == tuple(
        str(tmp_path / name) for name in ("policy-config.yaml", "tests/privacy.yaml")
    )
    assert all(float(one.get("time", "-1")) > 0 for one in (root, *root, *root.iter("testcase")))
    assert (root.tag, root.get("tests"), root.get("failures")) == ("testsuites", "4", "1")
    assert [(case.get("classname"), case.get("name"), len(case)) for case in root.iter("testcase")] == [
        ("inline", "hello", 0), ("inline", "no hello", 1), ("privacy", "an address is taken out", 0),
        ("privacy", "no <gambling>", 0),
    ]  # fmt: skip


def test_a_score_that_is_too_low_is_a_failed_case(tmp_path: Path) -> None:
    """Whoever reads the report alone sees why the command failed; with a score that does, the case passes."""
    folder = str(governed(tmp_path))
    counts = []
    for least in ("100", "1"):
        result = kt("test", "--dir", folder, "--format", "junit", "--mutate", "--min-score", least)
        check_junit(result.stdout)
        root = ET.fromstring(result.stdout)
        counts.append((result.exit_code, root.get("tests"), root.get("failures")))
        (case,) = root.findall("testsuite[@name='mutation']/testcase")
        assert [failure.get("type") for failure in case] == (["score"] if least == "100" else [])
    assert counts == [(3, "5", "2"), (0, "5", "1")]


def test_tests_that_cannot_be_read(tmp_path: Path) -> None:
    """2, with the file and the place; so it is when there is no test at all."""
    governed(tmp_path, "- {name: a}", "broken.json")
    result = kt("test", "--dir", str(tmp_path))
    assert result.exit_code == 2
    assert f"{tmp_path / 'tests' / 'broken.json'}:1:3: E004 at `[0].input`" in result.stderr
    lonely = write(tmp_path, "lonely.yaml", {"rbac": {}})
    assert kt("test", "--file", lonely, "--dir", str(tmp_path / "none")).exit_code == 2
    assert kt("test", "--dir", str(tmp_path / "none")).exit_code == 1


def test_the_schema_is_one() -> None:
    """JSON Schema 2020-12, that a document fits."""
    schema = json.loads(kt("schema").stdout)
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(json.loads(document({"rbac": {}})))


def test_explain_a_document(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    """Its kinds with its settings, and the chain as a whole."""
    blocks = {"token-limit": {}, "topic-filter": {"blocked_topics": ["a"]}, "dlp-filter": {"detect_patterns": ["b+"]}}
    path = write(tmp_path, "a.yaml", blocks)
    assert kt("explain", "--file", path).stdout.replace(", ".join(FORMATS), "every format") == snapshot
    rows = json.loads(kt("explain", "--file", path, "--json").stdout)
    assert {"kind": "token-limit", "api_format": "openai_chat", "mode": "strict_stream", "enforcement": "request",
            "holdback_chars": 0, "description": "before the request is sent"} in rows  # fmt: skip


def test_explain_every_kind() -> None:
    """Without a document, each kind as on its page."""
    rows = json.loads(kt("explain", "--json").stdout)
    assert {row["kind"] for row in rows} == set(KINDS)


def recorded(text: str, number: int) -> str:
    """A line of an export: a request that was let pass."""
    kept = [{"role": "user", "part": "content", "text": text}]
    return json.dumps({"id": f"evt_{number}", "verdict": "allowed", "content": {"request": kept, "answer": []}})


def test_simulate_a_candidate(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    """What it would have changed, in words and in JSON; 3 when that is too much."""
    events = tmp_path / "events.jsonl"
    lines = [*(recorded(f"mail ada{number}@acme.io", number) for number in range(6)), recorded("hello", 7), "{}"]
    events.write_text("\n".join(lines) + "\n\n", encoding="utf-8")
    candidate = write(tmp_path, "new.yaml", {"pii-detector": {"action": "block"}})
    run = ("simulate", "--file", candidate, "--against", str(events))
    assert kt(*run).stdout == snapshot
    told = json.loads(kt(*run, "--json").stdout)
    assert (told["newly_blocked"]["count"], told["unchanged"], told["events"]) == (6, 1, 8)
    assert [kt(*run, "--max-newly-blocked-ratio", ratio).exit_code for ratio in ("0.5", "0.9")] == [3, 0]
    assert kt("simulate", "--file", candidate, "--base", candidate, "--against", "-", stdin=lines[6]).exit_code == 0


def test_simulate_against_what_are_no_events(tmp_path: Path) -> None:
    """2 with the line, 1 when there is no such file."""
    candidate = write(tmp_path, "new.yaml", {"rbac": {}})
    result = kt("simulate", "--file", candidate, "--against", "-", stdin="{}\n[]\n")
    assert (result.exit_code, "line 2" in result.stderr) == (2, True)
    assert kt("simulate", "--file", candidate, "--against", str(tmp_path / "none")).exit_code == 1


def test_convert_an_older_document(tmp_path: Path) -> None:
    """To stdout or into a file, what changes on stderr; what is not clear is 2 and writes nothing."""
    result = kt("convert", "--file", "-", stdin="name: a\npolicies: [pii-detector]\n")
    assert (result.exit_code, yaml.safe_load(result.stdout)["policies"]) == (0, {"chain": ["pii-detector"]})
    assert "note: comments are not carried over" in result.stderr
    written = tmp_path / "new.yaml"
    assert kt("convert", "--file", "-", "--output", str(written), stdin="policies: [rbac]").exit_code == 0
    assert kt("lint", "--file", str(written), "--strict").exit_code == 0
    result = kt("convert", "--file", "-", "--output", str(tmp_path / "none"), stdin="policies: [pii]\n")
    assert (result.exit_code, (tmp_path / "none").exists()) == (2, False)
    assert "error[E010]: -:1:12: unknown policy kind `pii`" in result.stderr
    broken = tmp_path / "broken.yaml"
    broken.write_bytes(b"\xff")
    assert kt("convert", "--file", str(broken)).exit_code == 2


def test_the_guide_does_what_it_says(tmp_path: Path) -> None:
    """Each file and each command of the guide, and what it shows is what is printed."""
    blocks = blocks_of(GUIDE)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    reading = follow(blocks, tmp_path, {"PATH": path, "HOME": str(tmp_path)})
    assert reading.status == 0, reading.last()
    for command, shown in pairwise(blocks):
        if shown.info == "output":
            assert reading.outputs[command.line].strip() == shown.text.strip()
