"""Personal data: each type against its labels, and the harmless lines that look like it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from others import said_by
from ranking import table

from keeptrusts.detect.pii import CATEGORIES, find_pii
from keeptrusts.detect.spans import values
from keeptrusts.detect.type_names import TYPES

Span: TypeAlias = tuple[int, int, str]
Counts: TypeAlias = Counter[tuple[str, str, str]]

PRESIDIO = {
    "EMAIL_ADDRESS": "EMAIL", "PHONE_NUMBER": "PHONE", "CREDIT_CARD": "CREDIT_CARD", "IBAN_CODE": "IBAN",
    "IP_ADDRESS": "IP", "US_SSN": "US_SSN", "US_ITIN": "US_SSN", "US_DRIVER_LICENSE": "US_DL",
    "US_PASSPORT": "PASSPORT",
    "CRYPTO": "CRYPTO", "US_BANK_NUMBER": "BANK_ACCOUNT", "ABA_ROUTING_NUMBER": "ABA", "MEDICAL_LICENSE": "NPI",
    "US_NPI": "NPI",
}  # fmt: skip
STRUCTURED = set(TYPES.values())
UNLABELLED = {"DATE"}
"""Labels that say less than a detector may: a date of birth that a set calls a date is no false alarm."""
HARD = "hard_negatives"


def section(rows: Sequence[dict[str, Any]], compare: Path | None) -> Iterator[str]:
    if not rows:
        return
    yield "## Personal data\n"
    yield (
        "A span is found where a finding of its type overlaps it. Names and postal addresses are not looked for.\n"
        "The rules were repaired on these sets, so the figures flatter. Presidio is asked for patterns alone, with\n"
        "the scores that they have without the words around them; what needs these words is not found so.\n"
    )
    yield from compared(rows, compare)


def compared(rows: Sequence[dict[str, Any]], compare: Path | None) -> Iterator[str]:
    """What each tool finds in labelled texts, by type, and in the harmless ones among them."""
    texts = [row["text"] for row in rows]
    tools: list[tuple[str, list[list[Span]]]] = [("Keeptrusts", [ours(text) for text in texts])]
    if compare:
        theirs = said_by(compare, "presidio", texts)
        tools.append(
            (
                "Presidio, patterns only",
                [[(a, b, PRESIDIO[kind]) for a, b, kind in spans if kind in PRESIDIO] for spans in theirs],
            )
        )
    yield from _table([(name, _counted(rows, found)) for name, found in tools])
    for name, found in tools:
        hard = [bool(spans) for row, spans in zip(rows, found, strict=True) if row["set"] == HARD]
        if hard:
            yield f"{name}: {sum(hard)} of {len(hard)} harmless lines that look like personal data are flagged.\n"


def ours(text: str) -> list[Span]:
    found = values(find_pii(text, CATEGORIES))
    return [(hit.start, hit.end, TYPES[hit.category]) for hit in found if hit.category in TYPES]


def _counted(rows: Sequence[dict[str, Any]], found: Sequence[Sequence[Span]]) -> Counts:
    counts: Counts = Counter()
    for row, spans in zip(rows, found, strict=True):
        labelled = [(start, end, kind) for start, end, kind in row["spans"]]
        excused = [one for one in labelled if one[2] in UNLABELLED]
        for one in labelled:
            if one[2] in STRUCTURED:
                counts["all", one[2], "found" if any(map(_same(one), spans)) else "missed"] += 1
        for span in spans:
            if not any(map(_same(span), labelled)) and not any(_overlap(span, one) for one in excused):
                counts["all", span[2], "alarm"] += 1
    return counts


def _same(one: Span) -> Callable[[Span], bool]:
    return lambda other: other[2] == one[2] and _overlap(one, other)


def _overlap(one: Span, other: Span) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def _table(tools: Sequence[tuple[str, Counts]]) -> Iterator[str]:
    head = ["type", "labelled", *(f"{name}: {figure}" for name, _ in tools for figure in ("precision", "recall", "F1"))]
    kinds = sorted({kind for _, counts in tools for _, kind, _ in counts})
    rows = []
    for kind in [*kinds, "all"]:
        chosen = kinds if kind == "all" else [kind]
        cells = [cell for _, counts in tools for cell in _figures(counts, chosen)]
        number = sum(tools[0][1]["all", one, what] for one in chosen for what in ("found", "missed"))
        rows.append([kind, str(number), *cells])
    yield from table(head, rows)


def _figures(counts: Counts, kinds: Sequence[str]) -> tuple[str, str, str]:
    found, missed, alarms = (sum(counts["all", kind, what] for kind in kinds) for what in ("found", "missed", "alarm"))
    precision, recall = (f"{found / total:.3f}" if total else "-" for total in (found + alarms, found + missed))
    return precision, recall, f"{2 * found / (2 * found + missed + alarms):.3f}" if found + missed + alarms else "-"
