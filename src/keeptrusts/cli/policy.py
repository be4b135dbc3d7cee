"""`kt policy`: check policy documents. Nothing leaves this machine."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import click

from keeptrusts.cli.documents import read_document, sound_text
from keeptrusts.cli.failure import Exit
from keeptrusts.cli.lazy import Entry, LazyGroup
from keeptrusts.policy.findings import TITLES, Finding, Report
from keeptrusts.policy.lint import lint_document, weakened
from keeptrusts.policy.source import SourceError, decode_document

FORMATS: Final = ("text", "json", "sarif", "github", "gitlab")
NOT_VALID: Final = 2
_COLOURS: Final = {"error": "red", "warning": "yellow"}
_WIDEST: Final = 160
"""Characters that are shown of a line."""
_AHEAD: Final = 80
"""Of a longer line: those before the place."""


@dataclass(frozen=True, slots=True)
class Linted:
    """A report and the file that it is about."""

    file: str
    text: str
    report: Report


COMMANDS: Final = {
    "test": Entry("keeptrusts.cli.policy_test:policy_test", "Hold a document against its tests."),
    "explain": Entry("keeptrusts.cli.policy_describe:explain", "How each kind is enforced, whole and streamed."),
    "schema": Entry("keeptrusts.cli.policy_describe:schema", "The JSON Schema of a document, for editors."),
    "simulate": Entry("keeptrusts.cli.policy_simulate:policy_simulate", "Judge recorded decisions again."),
    "convert": Entry("keeptrusts.cli.policy_convert:policy_convert", "An older shape of the document in today's."),
    "diff": Entry("keeptrusts.cli.policy_diff:diff", "What changed between two documents, by meaning."),
}


@click.group(cls=LazyGroup, entries=COMMANDS)
def policy() -> None:
    """Check policy documents. Nothing leaves this machine."""


@policy.command()
@click.option("--file", "path", default="policy-config.yaml", show_default=True, metavar="FILE",
              help="The document; `-` reads standard input.")  # fmt: skip
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="text", show_default=True, help="Form of the result."
)
@click.option("--json", "as_json", is_flag=True, help="Short for --format json.")
@click.option("--base", metavar="FILE", help="An older document: what is weaker than there is a warning, W004.")
@click.option("--strict", is_flag=True, help="Warnings are errors.")
@click.option("--allow-literal-secrets", is_flag=True, help="Let secrets stand in the document; a gateway refuses it.")
def lint(path: str, form: str, *, base: str | None, as_json: bool, strict: bool, allow_literal_secrets: bool) -> None:
    """
    Check a policy document.

    With `--base` also against the document that it is to follow: `--base main.yaml --strict` refuses what weakens it.

    \b
      kt policy lint
      kt policy lint --file policies/production.yaml --strict
      kt policy lint --file - --format sarif < policy-config.yaml > lint.sarif

    Exit status: 0 valid, warnings allowed; 2 not valid; 1 a file could not be read, or the base is not valid.
    """
    try:
        text = decode_document(read_document(path))
        report = lint_document(text, allow_literal_secrets=allow_literal_secrets)
    except SourceError as fault:
        text, report = "", Report(errors=(fault.finding,))
    if base is not None:
        report = _beside(base, text, report, allow_literal_secrets=allow_literal_secrets)
    linted = Linted(path, text, _strictly(report) if strict else report)
    forms = {"text": _text, "json": _json, "sarif": _sarif, "github": _github, "gitlab": _gitlab}
    forms["json" if as_json else form](linted)
    sys.exit(0 if linted.report.valid else NOT_VALID)


def _beside(base: str, text: str, report: Report, *, allow_literal_secrets: bool) -> Report:
    """The report with what is weaker than the base. A document that is not valid has no meaning to compare."""
    older = sound_text(base, otherwise=Exit.FAILED, allow_literal_secrets=allow_literal_secrets)
    if not report.valid:
        return report
    found = (*report.warnings, *weakened(text, older, allow_literal_secrets=allow_literal_secrets))
    return replace(report, warnings=tuple(sorted(found, key=lambda one: (one.line, one.column))))


@policy.command()
@click.option("--format", "form", type=click.Choice(("text", "json")), default="text", show_default=True,
              help="Form of the result.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Short for --format json.")
@click.option("--pages", metavar="DIRECTORY", help="Write the reference page of each kind there instead.")
def kinds(*, form: str, as_json: bool, pages: str | None) -> None:
    """
    List the policy kinds that this version enforces.

    \b
      kt policy kinds
      kt policy kinds --json
    """
    from keeptrusts.policy.reference import page, summaries

    rows = summaries()
    if pages is not None:
        Path(pages).mkdir(parents=True, exist_ok=True)
        for row in rows:
            Path(pages, f"{row.kind}.md").write_text(page(row.kind), encoding="utf-8")
        return
    if as_json or form == "json":
        click.echo(
            json.dumps([{"kind": row.kind, "phases": row.phases, "summary": row.summary} for row in rows], indent=2)
        )
        return
    wide = max(len(row.kind) for row in rows)
    for row in rows:
        click.echo(f"{click.style(row.kind.ljust(wide), bold=True)}  {', '.join(row.phases)}: {row.summary}")


def _strictly(report: Report) -> Report:
    errors = (*report.errors, *(replace(one, severity="error") for one in report.warnings))
    return replace(report, errors=tuple(sorted(errors, key=lambda one: (one.line, one.column))), warnings=())


def _findings(report: Report) -> list[Finding]:
    return sorted((*report.errors, *report.warnings), key=lambda one: (one.line, one.column))


def _shown_lines(linted: Linted) -> list[str]:
    """The lines of the document, each only as far as to a secret that stands in it: logs of CI are read by many."""
    lines = linted.text.splitlines()
    for finding in linted.report.errors:
        if finding.code == "E008" and finding.line <= len(lines):
            line = lines[finding.line - 1]
            lines[finding.line - 1] = line[: finding.column - 1] + ("***" if len(line) >= finding.column else "")
    return lines


def _text(linted: Linted) -> None:
    lines = _shown_lines(linted)
    for finding in _findings(linted.report):
        for line in _block(finding, linted.file, lines):
            click.echo(line)
        click.echo()
    click.echo(_verdict(linted.report))
    if linted.report.valid:
        for line in _summary(linted.report):
            click.echo(line)


def _block(finding: Finding, file: str, lines: Sequence[str]) -> Iterable[str]:
    colour = _COLOURS[finding.severity]
    head = click.style(f"{finding.severity}[{finding.code}]", fg=colour, bold=True)
    yield f"{head}: {finding.message}"
    margin = " " * len(str(finding.line))
    yield f"{margin}{_dim('-->')} {file}:{finding.line}:{finding.column}"
    if finding.line <= len(lines):
        first = max(finding.column - _AHEAD, 0) if finding.column > _WIDEST else 0
        line = lines[finding.line - 1].replace("\t", " ")[first : first + _WIDEST]
        yield f"{margin} {_dim('|')}"
        yield f"{_dim(f'{finding.line} |')} {line}"
        if finding.column <= first + len(line):
            yield f"{margin} {_dim('|')} {' ' * (finding.column - 1 - first)}{click.style('^', fg=colour, bold=True)}"
    if finding.path:
        yield f"{margin} {_dim('=')} at: {finding.path}"
    if finding.suggestion:
        yield f"{margin} {_dim('=')} help: {finding.suggestion}"


def _dim(text: str) -> str:
    return click.style(text, fg="blue")


def _verdict(report: Report) -> str:
    counts = ", ".join(
        f"{len(found)} {noun}{'' if len(found) == 1 else 's'}"
        for noun, found in (("error", report.errors), ("warning", report.warnings))
        if found
    )
    if report.valid:
        return click.style("OK", fg="green", bold=True) + (f" ({counts})" if counts else "")
    return click.style("NOT VALID", fg="red", bold=True) + f" ({counts})"


def _summary(report: Report) -> Iterable[str]:
    if report.pack:
        yield f"pack:     {report.pack['name']} {report.pack['version']}"
    yield f"chain:    {' -> '.join(report.chain)}"
    yield f"policies: {len(report.chain)}"


def _json(linted: Linted) -> None:
    click.echo(json.dumps(linted.report.as_json(linted.file), indent=2, ensure_ascii=False))


def _github(linted: Linted) -> None:
    """Workflow commands, which GitHub shows beside the line."""
    for finding in _findings(linted.report):
        help_text = f" ({finding.suggestion})" if finding.suggestion else ""
        place = f"file={_property(linted.file)},line={finding.line},col={finding.column},title={finding.code}"
        message = f"{finding.message}{help_text}".replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
        click.echo(f"::{finding.severity} {place}::{message}")


def _gitlab(linted: Linted) -> None:
    """A Code Quality report."""
    issues = [
        {
            "description": f"{finding.message}; {finding.suggestion}" if finding.suggestion else finding.message,
            "check_name": finding.code,
            "fingerprint": fingerprint,
            "severity": "major" if finding.severity == "error" else "minor",
            "location": {"path": linted.file.removeprefix("./"), "lines": {"begin": finding.line}},
        }
        for finding, fingerprint in _known_again(linted)
    ]
    click.echo(json.dumps(issues, indent=2, ensure_ascii=False))


def _known_again(linted: Linted) -> Iterator[tuple[Finding, str]]:
    """Findings, each with a mark of what it says and where in the document, not of its line."""
    from hashlib import sha256

    seen: Counter[str] = Counter()
    for finding in _findings(linted.report):
        mark = f"{linted.file}\0{finding.code}\0{finding.path}\0{finding.message}"
        seen[mark] += 1
        yield finding, sha256(f"{mark}\0{seen[mark]}".encode()).hexdigest()


def _property(text: str) -> str:
    return text.replace("%", "%25").replace(":", "%3A").replace(",", "%2C").replace("\n", "%0A")


def _sarif(linted: Linted) -> None:
    """SARIF 2.1.0 (OASIS), as code scanning reads it."""
    from keeptrusts.core.version import VERSION

    found = _findings(linted.report)
    codes = sorted({finding.code for finding in found})
    rules = [{"id": code, "shortDescription": {"text": TITLES[code]}} for code in codes]
    driver = {"name": "keeptrusts", "version": VERSION, "rules": rules}
    document = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "columnKind": "unicodeCodePoints",
                "results": [_result(one, linted.file, codes, mark) for one, mark in _known_again(linted)],
            }
        ],
    }
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


def _uri(file: str) -> str:
    """RFC 3986; standard input has a name of its own."""
    from urllib.parse import quote

    return "stdin" if file == "-" else quote(file, safe="/.-_~")


def _result(finding: Finding, file: str, codes: Sequence[str], fingerprint: str) -> dict[str, object]:
    text = f"{finding.message}; {finding.suggestion}" if finding.suggestion else finding.message
    region = {"startLine": finding.line, "startColumn": finding.column}
    location = {"physicalLocation": {"artifactLocation": {"uri": _uri(file)}, "region": region}}
    return {
        "ruleId": finding.code,
        "ruleIndex": codes.index(finding.code),
        "level": finding.severity,
        "message": {"text": text},
        "locations": [location],
        "partialFingerprints": {"finding/v1": fingerprint},
    }
