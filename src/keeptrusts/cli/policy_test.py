"""`kt policy test`: reading the cases, holding them against the document, and the exit status."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from keeptrusts.cli.documents import sound_text
from keeptrusts.cli.failure import Exit, Failure, stop
from keeptrusts.cli.output import format_option
from keeptrusts.flow.mutation import MOST, Noticed, changes, notice
from keeptrusts.flow.trials import Tried, try_case
from keeptrusts.policy.analysis import Analysis, sound
from keeptrusts.policy.cases import CasesError, Suite, Testing, read_suite
from keeptrusts.policy.compiled import CompiledPolicy
from keeptrusts.policy.findings import Finding
from keeptrusts.policy.source import SourceError, decode_document

POLICY: Final = "policy-config.yaml"
SUFFIXES: Final = {".json", ".yaml", ".yml"}


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """
    A suite with what came of its cases.

    Args:
        file: Where it is written.
        needed: Share of them that must pass.
        seconds: What each of them took.
    """

    suite: Suite
    file: str
    needed: float
    started: datetime
    tried: tuple[Tried, ...]
    seconds: tuple[float, ...]

    @property
    def passed(self) -> int:
        return sum(one.passed for one in self.tried)

    @property
    def ok(self) -> bool:
        return self.passed >= self.needed * len(self.tried)


@dataclass(frozen=True, slots=True)
class Tested:
    """Everything that was found out. `noticed` is None where nothing was changed."""

    policy: CompiledPolicy
    suites: tuple[SuiteResult, ...]
    noticed: tuple[Noticed, ...] | None
    rules_only: bool
    least_score: float

    @property
    def ok(self) -> bool:
        return all(one.ok for one in self.suites) and self.is_noticed

    @property
    def is_noticed(self) -> bool:
        """Whether enough of what was changed is."""
        return self.score >= self.least_score

    @property
    def score(self) -> float:
        """Percent of the changes that some case notices; 100 where nothing was changed."""
        noticed = self.noticed or ()
        return 100 * sum(bool(one.by) for one in noticed) / len(noticed) if noticed else 100.0


@click.command("test")
@click.option(
    "--dir",
    "folder",
    default=".",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder with the document and its `tests`.",
)
@click.option("--file", "path", metavar="FILE", help=f"The document.  [default: {POLICY} in the folder]")
@click.option("--coverage", is_flag=True, help="Also which kinds spoke, and which rules no case depends on.")
@click.option("--mutate", is_flag=True, help="Also which cases notice a rule dropped or a threshold moved.")
@click.option(
    "--min-score",
    type=click.FloatRange(0, 100),
    default=0.0,
    help="With --mutate: percent of the changes that must be noticed.",
)
@format_option("text", "json", "junit")
def policy_test(folder: Path, path: str | None, *, coverage: bool, mutate: bool, min_score: float, form: str) -> None:
    """
    Hold a document against its tests: the files `tests/*.json` and `tests/*.yaml` and the suites in `testing`.

    Each case runs through the engine and the flow of a gateway, whole and streamed in several cuts. Nothing leaves
    this machine: the provider answers what the case says, or repeats the last user message as it received it.

    \b
      kt policy test
      kt policy test --dir governance --mutate --min-score 80
      kt policy test --format junit > results.xml

    Exit status: 0 all passed; 3 some failed, or the score is too low; 2 the document or a test is not valid, or there
    is no test; 1 a file could not be read.
    """
    from keeptrusts.cli import policy_test_output
    from keeptrusts.policy.document import compile_document

    document = path or str(folder / POLICY)
    text = sound_text(document)
    analysis, _ = sound(text)
    testing = analysis.testing or Testing()
    suites = [*((document, suite) for suite in testing.suites), *_files(folder / "tests")]
    if not suites:
        message = f"there are no tests in `{folder / 'tests'}` and none in `testing.suites`"
        raise stop(message, "write one; `kt init` shows how", status=Exit.WRONG_INPUT, code="no_tests")
    policy = compile_document(text)
    results = tuple(_run(policy, suite, file, testing.default_threshold) for file, suite in suites)
    noticed = _notice(analysis, policy, results, rules_only=not mutate) if mutate or coverage else None
    tested = Tested(policy, results, noticed, rules_only=not mutate, least_score=min_score if mutate else 0)
    policy_test_output.show(tested, form, coverage=coverage, mutate=mutate)
    sys.exit(0 if tested.ok else Exit.FOUND)


def _run(policy: CompiledPolicy, suite: Suite, file: str, default: float) -> SuiteResult:
    needed = default if suite.threshold is None else suite.threshold
    started, tried, seconds = datetime.now(UTC), [], []
    for case in suite.cases:
        begun = time.perf_counter()
        tried.append(try_case(policy, case))
        seconds.append(time.perf_counter() - begun)
    return SuiteResult(suite, file, needed, started, tuple(tried), tuple(seconds))


def _notice(
    analysis: Analysis, policy: CompiledPolicy, results: tuple[SuiteResult, ...], *, rules_only: bool
) -> tuple[Noticed, ...]:
    passing = [
        case for result in results for case, tried in zip(result.suite.cases, result.tried, strict=True) if tried.passed
    ]
    wanted = [change for change in changes(analysis) if change.rule or not rules_only]
    return tuple(notice(policy, change, passing) for change in wanted[:MOST])


def _files(folder: Path) -> Iterator[tuple[str, Suite]]:
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.suffix in SUFFIXES and path.is_file():
            try:
                yield str(path), read_suite(decode_document(path.read_bytes()), path.stem)
            except SourceError as fault:
                raise _unreadable(path, fault.finding) from None
            except CasesError as fault:
                raise _unreadable(path, fault.findings[0]) from None


def _unreadable(path: Path, finding: Finding) -> Failure:
    place = f"{path}:{finding.line}:{finding.column}"
    where = f" at `{finding.path}`" if finding.path else ""
    message = f"{place}: {finding.code}{where}: {finding.message}"
    return stop(message, finding.suggestion, status=Exit.WRONG_INPUT, code="invalid_test")
