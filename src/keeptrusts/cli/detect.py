"""`kt detect`: what the detectors say of lines of text. Nothing leaves this machine."""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeAlias

import click

from keeptrusts.cli.databases import use_cache
from keeptrusts.cli.failure import Exit
from keeptrusts.cli.output import say
from keeptrusts.cli.spreading import cores, in_order

Detector: TypeAlias = Callable[[str], dict[str, Any]]
Answer: TypeAlias = tuple[str, str]
"""A line of ours, and what is wrong with theirs; empty: nothing."""
KINDS: Final = ("injection", "pii", "secrets")
STEP: Final = 2000
"""Lines between two words about how far it has come."""
ALONE: Final = 1000
"""Lines that are not worth to start processes for."""
BATCH: Final = 128
BATCH_BYTES: Final = 1 << 18
"""So much is answered by one process at once."""
SHOWN: Final = 10
"""Bad lines that are named one by one."""


class LineError(ValueError):
    """What is wrong with a line; never what it says."""


@click.command()
@click.option("--kind", type=click.Choice(KINDS), required=True, help="What is looked for.")
@click.option("--jsonl", "path", required=True, metavar="FILE", help="Lines with `text`; `-` reads standard input.")
@click.option(
    "--threshold", type=click.FloatRange(0, 1), default=0.75, show_default=True, help="Injection: flagged from here on."
)
@click.option(
    "--backend",
    type=click.Choice(["local", "rules"]),
    default="local",
    show_default=True,
    help="Injection: who scores.",
)
@click.option(
    "--names",
    type=click.Choice(["types", "policy"]),
    default="types",
    show_default=True,
    help="Personal data: how it is called.",
)
def detect(kind: str, path: str, *, threshold: float, backend: str, names: str) -> None:
    """
    Say what the detectors find in lines of text. Nothing leaves this machine.

    Each line of FILE is a JSON object with the text in `text`. Each gives one line on stdout, in the same order:

    \b
      injection      {"score": 0.97, "flagged": true}
      pii, secrets   {"spans": [[start, end, "TYPE"], ...]}  in code points, none over another
      a bad line     {"error": "..."}

    Personal data has the types of labelled sets, such as PHONE or US_SSN; `--names policy` gives the words that a
    policy's `entities` takes. Secrets have the policy's words.

    Exit status: 0 done; 2 a line could not be read, the others were; 1 the file could not be read.
    """
    use_cache()
    detector = _detector(kind, threshold, classify=backend == "local", typed=names == "types")
    bad = 0
    with _lines(path) as lines:
        for number, (answer, fault) in enumerate(_answers(lines, detector), 1):
            if fault:
                bad += 1
                if bad <= SHOWN:
                    say(f"line {number}: {fault}")
            sys.stdout.write(answer)
            if number % STEP == 0 and sys.stderr.isatty():
                click.echo(f"\r{number} lines", nl=False, err=True)
    if bad:
        say("1 line could not be read" if bad == 1 else f"{bad} lines could not be read")
        sys.exit(Exit.WRONG_INPUT)


@contextmanager
def _lines(path: str) -> Iterator[BinaryIO]:
    """Lines end at a line feed and nowhere else: JSON text may hold every other separator."""
    if path == "-":
        yield sys.stdin.buffer
        return
    with Path(path).open("rb") as file:
        yield file


def _answers(lines: BinaryIO, detector: Detector) -> Iterator[Answer]:
    """
    What is said of each line.

    A file of many lines is read by all cores. Whoever writes into a pipe may wait for an answer before the next line.
    """
    answer = partial(_answer, detector)
    yield from map(answer, islice(lines, ALONE))
    if not (_is_file(lines) and (first := next(batches := _batches(lines), None))):
        yield from map(answer, lines)
        return
    for said in in_order(lambda batch: list(map(answer, batch)), chain([first], batches), cores()):
        yield from said


def _is_file(lines: BinaryIO) -> bool:
    try:
        return stat.S_ISREG(os.fstat(lines.fileno()).st_mode)
    except OSError:
        return False


def _batches(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    batch, size = list[bytes](), 0
    for line in lines:
        batch.append(line)
        size += len(line)
        if len(batch) == BATCH or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _answer(detector: Detector, line: bytes) -> Answer:
    fault = ""
    try:
        said = detector(_text(line))
    except LineError as error:
        fault = str(error)
        said = {"error": fault}
    return json.dumps(said, separators=(", ", ": ")) + "\n", fault


def _text(line: bytes) -> str:
    """
    The text of one line.

    Raises:
        LineError: It has none.
    """
    try:
        value = json.loads(line)
    except UnicodeDecodeError:
        raise LineError("not UTF-8") from None
    except ValueError as fault:
        place = f" at column {fault.colno}" if isinstance(fault, json.JSONDecodeError) else ""
        raise LineError(f"not JSON{place}") from None
    except RecursionError:
        raise LineError("nested too deep") from None
    if not isinstance(value, dict) or not isinstance(text := value.get("text"), str):
        raise LineError("write an object whose `text` is a string")
    return text


def _detector(kind: str, threshold: float, *, classify: bool, typed: bool) -> Detector:
    match kind:
        case "injection":
            return _injection(threshold, classify=classify)
        case "pii":
            from keeptrusts.detect.pii import CATEGORIES, find_pii
            from keeptrusts.detect.type_names import type_name

            name = type_name if typed else str
            return lambda text: {"spans": _spans(find_pii(text, CATEGORIES), name)}
        case _:
            from keeptrusts.detect.secret import find_secrets

            return lambda text: {"spans": _spans(find_secrets(text), str)}


def _injection(threshold: float, *, classify: bool) -> Detector:
    from keeptrusts.detect.injection import assess

    def detector(text: str) -> dict[str, Any]:
        score = assess(text, classify=classify).score
        return {"score": score, "flagged": score >= threshold}

    return detector


def _spans(hits: list[Any], name: Callable[[str], str]) -> list[tuple[int, int, str]]:
    from keeptrusts.detect.spans import values

    return [(hit.start, hit.end, name(hit.category)) for hit in values(hits)]
