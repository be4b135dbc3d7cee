"""What models said of sources that they had not seen; written by `train.py`, shown by `evaluate.py`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ranking import table

KEPT = Path(__file__).with_name("held_out.json")


def keep(figures: Any) -> None:
    KEPT.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def section() -> Iterator[str]:
    """The honest figures: those of unseen sources."""
    if not KEPT.exists():
        return
    kept = json.loads(KEPT.read_text(encoding="utf-8"))
    yield "### Sources held out\n"
    yield (
        "For each source a model was trained without it and then scored it; the scores are pooled. Sources with a\n"
        "star hold attacks that are attacks by their context alone, such as an ordinary question in a language that\n"
        "the system prompt forbids; no reader of the text could tell. `by wording` leaves them out. `text held out`\n"
        "is the same with a fifth of all texts left out: new texts of known sources. A model without\n"
        "`cyberseceval_frr_multi` knows other languages from attacks alone, and one without `bipia_ctx_train` knows\n"
        "such documents from attacks alone: they make most of the false alarms of sources held out.\n"
    )
    rows = [
        (name, *(f"{figures[key]:.3f}" for key in ("auroc", "tpr_at_1", "fpr", "tpr")))
        for name, figures in kept["pooled"].items()
    ]
    yield from table(("texts", "AUROC", "TPR at 1 % FPR", "FPR at 0.75", "TPR at 0.75"), rows)
    sources = [
        (one["source"] + ("*" if one["by_context"] else ""), "attacks" if one["label"] else "harmless",
         str(one["number"]), f"{one['flagged']:.3f}")
        for one in kept["sources"]
    ]  # fmt: skip
    yield from table(("source held out", "texts", "number", "flagged at 0.75"), sources)
