"""The conformance cases of the kinds, held against the engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from keeptrusts.core.verdict import NAMES
from keeptrusts.policy.asking import Tally, finish
from keeptrusts.policy.compiled import CompiledPolicy
from keeptrusts.policy.document import compile_document
from keeptrusts.policy.engine import Judgement
from keeptrusts.policy.lint import lint_document
from keeptrusts.policy.reference import page
from keeptrusts.policy.registry import KINDS
from support.policy_cases import CASES, Case, answers_of, cases, document, exchange_of

PAGES = Path(__file__).parents[2] / "docs" / "reference" / "kinds"
ALL = list(cases())


def name_of(case: Case) -> str:
    return f"{case.kind}: {case.note}"


@pytest.mark.parametrize("case", ALL, ids=name_of)
def test_a_kind_does_what_its_cases_say(case: Case) -> None:
    """Each case comes out as it wants."""
    targets = case.exchange.get("targets")
    case = case.at("http://asked.example")
    text = document(case.blocks, **({"providers": {"targets": targets}} if targets else {}))
    if isinstance(case.want, dict) and "invalid" in case.want:
        assert [finding.code for finding in lint_document(text).errors][:1] == [case.want["invalid"]]
        return
    compiled = compile_document(text)
    assert (_routed(compiled) if targets else _judged(compiled, case)) == case.want


def _routed(compiled: CompiledPolicy) -> dict[str, Any]:
    left, results = compiled.chain.admitted(one.target for one in compiled.targets)
    ids: dict[str, Any] = {"targets": [target.id for target in left]}
    return ids if left else ids | {"block": results[0].reason_code}


def _judged(compiled: CompiledPolicy, case: Case) -> Any:
    exchange = exchange_of(case.exchange)
    steps = compiled.chain.answer_steps if exchange.answered else compiled.chain.request_steps
    tally = Tally()
    for _ in range(case.before):
        finish(steps(exchange, lambda: 0), answers_of(case), tally)
    said = finish(steps(exchange, lambda: 0), answers_of(case), tally)
    match NAMES[type(said.verdict)]:
        case "allowed":
            return _allowed(said, case.want)
        case "redacted":
            texts = [said.changed.get(text.place, text.value) for text in exchange.texts]
            told = {"told": list(said.instructions)} if said.instructions else {}
            return {"redact": said.verdict.code, "texts": texts, **told}
        case name:
            return {name.removesuffix("ed").replace("escalat", "escalate"): said.verdict.code}


def _allowed(said: Judgement, want: Any) -> Any:
    if said.max_tokens is not None:
        return {"cap": said.max_tokens}
    if isinstance(want, dict):
        word = "degraded" if said.degraded else "record"
        return {word: next(one.reason_code for one in said.results if one.reason_code != "all_policies_passed")}
    return "degraded" if said.degraded else "allow"


def test_every_kind_has_cases_and_a_page() -> None:
    """Kinds, case files and reference pages are the same set."""
    assert {path.stem for path in CASES.glob("*.yaml")} == set(KINDS)
    assert {path.stem for path in PAGES.glob("*.md")} - {"README"} == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_says_what_the_declaration_says(kind: str) -> None:
    """`kt policy kinds --pages docs/reference/kinds` changes nothing."""
    assert (PAGES / f"{kind}.md").read_text(encoding="utf-8") == page(kind)


MISSING = {"external-moderation": "endpoint", "flagged-review": "provider"}
"""Kinds that can do nothing without a key of their block: it has no default."""


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_block_lints(kind: str) -> None:
    """`{}` means all defaults, and says so without a warning; where there is none, lint says what is missing."""
    report = lint_document(document({kind: {}}))
    missing = MISSING.get(kind)
    found = [(finding.code, finding.path) for finding in report.errors]
    assert found == ([("E004", f"policy.{kind}.{missing}")] if missing else [])
    assert report.warnings == ()
