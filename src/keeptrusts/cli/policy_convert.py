"""`kt policy convert`."""

from __future__ import annotations

from pathlib import Path

import click

from keeptrusts.cli.documents import read_document
from keeptrusts.cli.failure import Exit, stop
from keeptrusts.cli.files import write_whole
from keeptrusts.cli.output import say
from keeptrusts.policy.findings import Finding, InvalidPolicyError
from keeptrusts.policy.source import SourceError, decode_document


@click.command("convert")
@click.option(
    "--file", "path", required=True, metavar="FILE", help="A document of an older shape; `-` reads standard input."
)
@click.option(
    "--output", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="Write it there instead."
)
def policy_convert(path: str, output: Path | None) -> None:
    """
    Print a document of an older shape in today's.

    Understood are lists of policies under `policies`, `input_policies` and `output_policies`, and `gateway` with the
    port it listens on. What is not clear is named, and then nothing is written. What changes in meaning is told on
    stderr. The result lints; look at it with `kt policy diff` or hold it against your tests before you use it.

    \b
      kt policy convert --file old.yaml --output policy-config.yaml

    Exit status: 0 converted, or in today's shape already; 2 it is not clear; 1 the file could not be read.
    """
    from keeptrusts.policy.conversion import convert

    try:
        converted = convert(decode_document(read_document(path)))
    except SourceError as fault:
        raise _not_clear(path, (fault.finding,)) from None
    except InvalidPolicyError as fault:
        raise _not_clear(path, fault.findings) from None
    for note in converted.notes:
        say(f"note: {note}")
    if output is None:
        click.echo(converted.text, nl=not converted.text.endswith("\n"))
    else:
        write_whole(output, converted.text)
        click.echo(output)


def _not_clear(path: str, findings: tuple[Finding, ...]) -> click.ClickException:
    for finding in findings:
        say(f"error[{finding.code}]: {path}:{finding.line}:{finding.column}: {finding.message}")
        if finding.suggestion:
            say(f"  help: {finding.suggestion}")
    return stop(f"`{path}` is not converted", status=Exit.WRONG_INPUT, code="not_clear")
