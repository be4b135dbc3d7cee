"""What `kt policy test` prints: text and JSON; the XML of JUnit is made by `junit`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from keeptrusts.cli.junit import junit
from keeptrusts.cli.output import emit_value, table
from keeptrusts.flow.trials import Tried, spoke

if TYPE_CHECKING:
    from keeptrusts.cli.policy_test import SuiteResult, Tested


def show(tested: Tested, form: str, *, coverage: bool, mutate: bool) -> None:
    """Write the result in one of the formats."""
    if form == "json":
        emit_value(_as_json(tested, coverage=coverage, mutate=mutate), form)
        return
    for line in junit(tested) if form == "junit" else _text(tested, coverage=coverage, mutate=mutate):
        click.echo(line)


def _as_json(tested: Tested, *, coverage: bool, mutate: bool) -> dict[str, Any]:
    told: dict[str, Any] = {
        "ok": tested.ok,
        "results": [_result(result, tried) for result in tested.suites for tried in result.tried],
    }
    if coverage:
        told["coverage"] = {"kinds": _kinds(tested), "rules": _changes(tested, rules=True)}
    if mutate:
        told["mutation"] = {"score": round(tested.score, 1), "changes": _changes(tested, rules=False)}
    return told


def _result(result: SuiteResult, tried: Tried) -> dict[str, Any]:
    return {
        "suite": result.suite.name,
        "name": tried.name,
        "verdict": tried.verdict,
        "reason_code": tried.reason_code,
        "passed": tried.passed,
        "details": list(tried.details),
    }


def _kinds(tested: Tested) -> list[dict[str, Any]]:
    """Of each kind of the chain: in how many cases it did more than let pass, and for which reasons."""
    every = [tried for result in tested.suites for tried in result.tried]
    counts = Counter(kind for tried in every for kind in spoke(tried.results))
    reasons: dict[str, set[str]] = {}
    for tried in every:
        for one in tried.results:
            if one.kind in spoke([one]):
                reasons.setdefault(one.kind, set()).add(one.reason_code)
    return [
        {"kind": kind, "cases": counts[kind], "reason_codes": sorted(reasons.get(kind, ()))}
        for kind in (one.kind for one in tested.policy.chain.policies if not one.records_only)
    ]


def _changes(tested: Tested, *, rules: bool) -> list[dict[str, Any]]:
    return [
        {"path": one.change.path, "change": one.change.words, "noticed_by": list(one.by)}
        for one in tested.noticed or ()
        if one.change.rule or not rules
    ]


def _text(tested: Tested, *, coverage: bool, mutate: bool) -> Iterator[str]:
    for result in tested.suites:
        yield click.style(result.suite.name, bold=True)
        for tried in result.tried:
            mark = click.style("ok  ", fg="green") if tried.passed else click.style("FAIL", fg="red", bold=True)
            yield f"  {mark}  {tried.name}  ({tried.verdict}, {tried.reason_code})"
            yield from (f"        {detail}" for detail in tried.details)
        if result.needed < 1:
            yield f"  {result.passed} of {len(result.tried)} passed; {result.needed:.0%} are needed"
    yield ""
    if coverage:
        yield from _coverage(tested)
    if mutate:
        yield from _mutation(tested)
    count, passed = sum(len(one.tried) for one in tested.suites), sum(one.passed for one in tested.suites)
    verdict = click.style("OK", fg="green", bold=True) if tested.ok else click.style("FAILED", fg="red", bold=True)
    yield f"{verdict}: {passed} of {count} cases passed"


def _coverage(tested: Tested) -> Iterator[str]:
    yield from table(_kinds(tested), ("kind", "cases", "reason_codes"), width=None)
    rules = _changes(tested, rules=True)
    lost = [one for one in rules if not one["noticed_by"]]
    yield f"rules that a case depends on: {len(rules) - len(lost)} of {len(rules)}"
    yield from (f"  no case depends on {one['path']}: {one['change'].removesuffix(' dropped')}" for one in lost)
    yield ""


def _mutation(tested: Tested) -> Iterator[str]:
    every = _changes(tested, rules=False)
    lost = [one for one in every if not one["noticed_by"]]
    yield f"changes that a case notices: {len(every) - len(lost)} of {len(every)}, a score of {tested.score:.0f}"
    yield from (f"  not noticed: {one['path']}: {one['change']}" for one in lost)
    yield ""
