"""
How the shipped detectors do on labelled text, as a page.

    python bench/detection/evaluate.py FOLDER [--out docs/reference/detection.md] [--compare PYTHON] [--limit N]

FOLDER holds `injection*.jsonl` and `pii*.jsonl`. Nothing is trained. With `--compare` an interpreter that has Presidio
and detect-secrets says what these find in the same lines; it makes fresh lines with Faker, too.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).parents[2]
sys.path += [str(Path(__file__).parent), str(ROOT / "tests")]

import disguised  # noqa: E402
import fresh  # noqa: E402
import held_out  # noqa: E402
import personal  # noqa: E402
import secret_lines  # noqa: E402
from labelled import objects, prompts  # noqa: E402
from ranking import Scored, rates, scored, table  # noqa: E402

Item = TypeVar("Item")
INTRO = """\
# Detection

What the detectors of this version find in labelled text, and what they do not. `make eval` makes this page again from
the folder that `EVAL_DATA` names; nothing is trained for it. `kt detect` gives the same answers for text of your own.
What looking costs, for prose and for hostile text, is among the [figures of speed](performance.md#detection).
"""

LIMITS = """\
## What is not found

- Attacks by context alone: an ordinary question that the system prompt forbids; `topic-filter` says what is allowed.
- Wording that neither the rules nor the training sources know, above all in languages other than English: about a
  fifth of the attacks of unseen sources, and two fifths of those of `deepset_train`.
- Instructions hidden in a document that read like a part of it ("the reader should visit ...").
- Encrypted text, ciphers with a key, and two encodings on top of each other, but for base64 in base64.
- Harmless text about prompt injection is flagged more often than other text: see `docs_aisec` above.
- Names, postal addresses, and numbers that have neither a check digit, a form of their own nor a label beside them. In
  a table a label is known in the same row, not at the head of the column.
- Numbers of orders, parcels and parts that are written like a telephone number of some country, or that pass the check
  of a payment card in its issuer's range (one in ten of these does), are taken for one.
- Credentials without a form of their own that are shorter than 32 characters and do not stand behind a name like
  `password=`, `service_key=` or `token=`; documentation's own examples of keys are meant to be left.
"""


def main() -> None:
    options = _options()
    page = "\n".join(_page(options.folder, options.compare, options.limit)) + "\n"
    if options.out:
        options.out.write_text(page, encoding="utf-8")
    else:
        sys.stdout.write(page)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--compare", type=Path)
    parser.add_argument("--limit", type=int, help="about so many texts of each kind")
    return parser.parse_args()


def _page(folder: Path, compare: Path | None, limit: int | None) -> Iterator[str]:
    texts = [one for path in sorted(folder.glob("injection*.jsonl")) for one in prompts(path)]
    texts = _some(texts, limit)
    yield INTRO
    yield "## Prompt injection\n"
    yield from held_out.section()
    yield "### The shipped weights\n"
    yield "The weights were trained on the sources named above: on these, the figures flatter.\n"
    yield from _injection([scored(one, classify=True) for one in texts], "local")
    yield from _injection([scored(one, classify=False) for one in texts], "rules")
    yield from disguised.section(texts)
    rows = [one for path in sorted(folder.glob("pii*.jsonl")) for one in objects(path)]
    yield from personal.section(_some(rows, limit), compare)
    yield from fresh.section(compare)
    yield from secret_lines.section([one.text for one in texts if not one.label], compare)
    yield LIMITS


def _some(items: list[Item], limit: int | None) -> list[Item]:
    """So many of them, from everywhere in the list."""
    return items[:: max(len(items) // limit, 1)] if limit else items


def _injection(said: Sequence[Scored], backend: str) -> Iterator[str]:
    yield f"Backend `{backend}`: {rates(said)}\n"
    sources = sorted({(one.label, one.source) for one in said}, reverse=True)
    rows = [
        (
            source,
            "attacks" if label else "harmless",
            str(len(these)),
            f"{sum(one.flagged for one in these) / len(these):.3f}",
        )
        for label, source in sources
        for these in [[one for one in said if (one.label, one.source) == (label, source)]]
    ]
    yield from table(("source", "texts", "number", "flagged at 0.75"), rows)


if __name__ == "__main__":
    main()
