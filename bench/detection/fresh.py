"""Personal data in fresh texts, which an interpreter with Faker makes: how well it is found, and how exactly."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import personal


def section(python: Path | None) -> Iterator[str]:
    """Nothing without an interpreter that can make the texts."""
    if not python:
        return
    rows = _rows(python)
    yield "### Fresh texts\n"
    yield (
        "Made by a program: values by Faker, `phonenumbers` and `python-stdnum` for 44 locales, in sentences of 20\n"
        "languages, fields, forms, tables and logs, and 36 kinds of harmless lines with numbers. No rule had seen\n"
        "these texts when they were made first: F1 was 0.81 then, and 41 of the harmless lines were flagged. What\n"
        "was missed has been looked at since.\n"
    )
    yield from personal.compared(rows, python)
    exact, found = _exact(rows)
    yield f"Keeptrusts: {exact} of {found} values that are found have exactly the span of their label.\n"


def _rows(python: Path) -> list[dict[str, Any]]:
    command = [python, Path(__file__).with_name("fresh_values.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def _exact(rows: list[dict[str, Any]]) -> tuple[int, int]:
    """How many labelled values are found to the letter, and how many at all."""
    exact = found = 0
    for row in rows:
        spans = personal.ours(row["text"])
        for start, end, kind in row["spans"]:
            same = [one for one in spans if one[2] == kind and one[0] < end and start < one[1]]
            found += bool(same)
            exact += (start, end, kind) in same
    return exact, found
