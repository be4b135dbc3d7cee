"""JUnit's XML, as Jenkins, GitLab and others read it: each case of a policy's tests is one of theirs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

if TYPE_CHECKING:
    from keeptrusts.cli.policy_test import SuiteResult, Tested
    from keeptrusts.flow.trials import Tried


def junit(tested: Tested) -> Iterator[str]:
    """The report, line by line. What a suite may do without is a failure all the same: its case did not pass."""
    tests = sum(len(one.tried) for one in tested.suites)
    failures = tests - sum(one.passed for one in tested.suites)
    seconds = sum(sum(one.seconds) for one in tested.suites)
    scored = tested.noticed is not None and not tested.rules_only
    counts = _counts(tests + scored, failures + (scored and not tested.is_noticed))
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield f'<testsuites name="kt policy test" {counts} time="{seconds:.3f}">'
    for result in tested.suites:
        yield from _suite(tested, result)
    if scored:
        yield from _mutation(tested)
    yield "</testsuites>"


def _counts(tests: int, failures: int) -> str:
    return f'tests="{tests}" failures="{failures}" errors="0"'


def _suite(tested: Tested, result: SuiteResult) -> Iterator[str]:
    name, pack = _quoted(result.suite.name), tested.policy
    counts = _counts(len(result.tried), len(result.tried) - result.passed)
    when = result.started.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    times = f'skipped="0" time="{sum(result.seconds):.3f}" timestamp="{when}" file={_quoted(result.file)}'
    yield f"  <testsuite name={name} {counts} {times}>"
    yield "    <properties>"
    yield f'      <property name="pack" value={_quoted(pack.name)}/>'
    yield f'      <property name="version" value={_quoted(pack.version)}/>'
    yield "    </properties>"
    for tried, seconds in zip(result.tried, result.seconds, strict=True):
        yield from _case(name, tried, seconds)
    yield "  </testsuite>"


def _case(suite: str, tried: Tried, seconds: float) -> Iterator[str]:
    head = f'    <testcase classname={suite} name={_quoted(tried.name)} time="{seconds:.3f}"'
    if tried.passed:
        yield f"{head}/>"
        return
    yield f"{head}>"
    message, details = _quoted(tried.details[0]), escape(_plain("\n".join(tried.details)))
    yield f'      <failure type="expectation" message={message}>{details}</failure>'
    yield "    </testcase>"


def _mutation(tested: Tested) -> Iterator[str]:
    """One case more: whether enough of the changes to the document were noticed."""
    lost = [one.change for one in tested.noticed or () if not one.by]
    yield f'  <testsuite name="mutation" {_counts(1, not tested.is_noticed)} skipped="0" time="0.000">'
    yield '    <testcase classname="mutation" name="changes are noticed" time="0.000">'
    if not tested.is_noticed:
        message = _quoted(f"a score of {tested.score:.1f}, {tested.least_score:g} are needed")
        details = escape(_plain("\n".join(f"not noticed: {one.path}: {one.words}" for one in lost)))
        yield f'      <failure type="score" message={message}>{details}</failure>'
    yield "    </testcase>"
    yield "  </testsuite>"


def _quoted(text: str) -> str:
    return quoteattr(_plain(text))


def _plain(text: str) -> str:
    """Without the characters that XML 1.0 does not allow."""
    return "".join(
        letter if letter in "\n\t" or (letter >= " " and letter not in "\ufffe\uffff") else "?" for letter in text
    )
