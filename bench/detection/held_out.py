"""What models said of sources that they had not seen; written by `train.py`, shown by `evaluate.py`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ranking import table

KEPT = Path(__file__).with_name("held_out.json")


COLUMNS = {
    "auroc": "AUROC", "tpr_at_1": "TPR at 1 % FPR", "tpr_at_01": "TPR at 0.1 % FPR",
    "fpr": "FPR at 0.75", "tpr": "TPR at 0.75",
}  # fmt: skip


def keep(figures: Any) -> None:
    KEPT.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def section() -> Iterator[str]:
    """The honest figures: those of unseen sources."""
    if not KEPT.exists():
        return
    kept = json.loads(KEPT.read_text(encoding="utf-8"))
    yield "### Sources held out\n"
    yield (
        "For each family of sources (those of one project, or of the same texts) a model was trained without it and\n"
        "then scored it; the scores are pooled. Sources with a star hold attacks that are attacks by their context\n"
        "alone, such as an ordinary question in a language that the system prompt forbids; no reader of the text\n"
        "could tell. `by wording` leaves them out. `text held out` is the same with a fifth of all texts left out:\n"
        "new texts of known sources. Strength, weights of sources and the phrasebook were chosen by these figures for\n"
        "`compass_zh`, `deepset_train`, `giskard`, `gptfuzz`, `langkit_jb`, `cyberseceval_frr`,\n"
        "`gpteacher`, `presidio_synth` and `wildguard_benign`; the other families were looked at less, but were\n"
        "looked at. The phrasebook has kinds of attacks that were seen among what was missed, above all of\n"
        "`deepset_train` and `compass_zh`: for these two the figures flatter. The aims were an AUROC of 0.96 and a\n"
        "TPR of 0.75 at 1 % FPR; what was tried to reach them, and how collections fared that nothing was trained\n"
        "with, is in the decisions [0200](../decisions/0200-what-the-classifier-learns-from.md),\n"
        "[0201](../decisions/0201-false-alarms-count-more.md) and\n"
        "[0243](../decisions/0243-words-count-by-their-meaning.md).\n"
    )
    rows = [
        (name, *(f"{figures[key]:.3f}" for key in COLUMNS if key in figures))
        for name, figures in kept["pooled"].items()
    ]
    known = [head for key, head in COLUMNS.items() if all(key in figures for figures in kept["pooled"].values())]
    yield from table(("texts", *known), rows)
    sources = [
        (one["source"] + ("*" if one["by_context"] else ""), "attacks" if one["label"] else "harmless",
         str(one["number"]), f"{one['flagged']:.3f}")
        for one in kept["sources"]
    ]  # fmt: skip
    yield from table(("source held out", "texts", "number", "flagged at 0.75"), sources)
