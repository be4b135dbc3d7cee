"""`kt policy schema` and `kt policy explain`: what may stand in a document, and how it is enforced."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from keeptrusts.cli.documents import sound_text
from keeptrusts.cli.output import emit, emit_value, format_option

if TYPE_CHECKING:
    from keeptrusts.flow.explaining import Enforcement
    from keeptrusts.policy.compiled import CompiledPolicy


@click.command()
def schema() -> None:
    """
    Print the JSON Schema (2020-12) of a policy document, for editors.

    It knows every key, type and bound. Patterns, references and what must hold between keys are seen by
    `kt policy lint` alone.

    \b
      kt policy schema > policy.schema.json
      # yaml-language-server: $schema=policy.schema.json   (first line of the document)
    """
    from keeptrusts.policy.json_schema import document_schema

    emit_value(document_schema(), "json")


@click.command()
@click.option("--file", "path", metavar="FILE", help="A document; without one, every kind with its example.")
@format_option("text", "json")
def explain(path: str | None, form: str) -> None:
    """
    Print how each kind is enforced, by API format and stream mode.

    On the fly: the client stays so many characters behind the model, and not a letter of a match leaves. Buffered: the
    whole answer is needed first, and a stream comes at its end. Refused: with `streaming.on_unbounded: reject` such a
    stream is not begun.
    """
    from keeptrusts.flow.explaining import explain as explained

    policies = [_compiled(path)] if path else list(_examples())
    rows = [row for policy in policies for row in explained(policy)]
    if form == "json":
        emit_value([row.as_json() for row in rows], form)
    else:
        emit(list(_lines(rows)), ("kind", "not_streamed", "streamed", "on_unbounded: reject", "api_formats"), "table")


def _lines(rows: Iterable[Enforcement]) -> Iterator[dict[str, str]]:
    """One line for all formats in which a kind is enforced alike."""
    cells: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        cells.setdefault((row.kind, row.api_format), []).append(row.words)
    alike: dict[tuple[str, ...], list[str]] = {}
    for (kind, api_format), words in cells.items():
        alike.setdefault((kind, *words), []).append(api_format)
    for (kind, whole, streamed, strict), formats in alike.items():
        yield {
            "kind": kind,
            "not_streamed": whole,
            "streamed": streamed,
            "on_unbounded: reject": strict,
            "api_formats": ", ".join(formats),
        }


def _compiled(path: str) -> CompiledPolicy:
    from keeptrusts.policy.document import compile_document

    return compile_document(sound_text(path))


def _examples() -> Iterator[CompiledPolicy]:
    """Each kind alone, with the block of its reference page."""
    from dataclasses import replace

    from keeptrusts.cli.first_run import starter_policy
    from keeptrusts.policy.document import compile_document
    from keeptrusts.policy.engine import Chain
    from keeptrusts.policy.reference import example_block
    from keeptrusts.policy.registry import KINDS, load_kind

    usual = compile_document(starter_policy())
    for kind in KINDS:
        yield replace(usual, chain=Chain([example_block(load_kind(kind))]))
