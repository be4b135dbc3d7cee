"""
Trains the classifier of `keeptrusts.detect.classifier` and writes its weights.

    python bench/detection/train.py injection-dev.jsonl --packages FOLDER [--write] [--scores held-out.npz]

Without `--write` it says how it does and changes nothing. It trains once for each family of sources that is left out,
and five times without a fifth of all texts; how the classifier is added to the rules is fitted on what these models say
of what they have not seen, since on its own training texts the classifier would look surer than it is. Packages with
harmless text and with word vectors are fetched to FOLDER. Needs numpy, scipy, scikit-learn, pip and npm.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import held_out
import interfaces
import numpy as np
from labelled import BY_CONTEXT, Prompt, prompts
from phrasebook import ENGLISH, LANGUAGES, sentences
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score, roc_curve
from vectors import Vectors, vectors
from windows import Windows, windows

from keeptrusts.detect import classifier
from keeptrusts.detect.fold import fold_text
from keeptrusts.detect.injection import assess

WEIGHTS = Path(classifier.__file__).with_name("injection.weights")
OWN = (ENGLISH, LANGUAGES, *(f"{interfaces.NAME}_{package}" for package in interfaces.PACKAGES))
"""Sources that are trained with and never judged."""
STRENGTH = 0.3
"""Inverse of the regularisation."""
DOUBT = 4.0
"""How much more than attacks all harmless texts together count: what a false alarm looks like matters more."""
DOUBTED = 0.1
"""What an attack of a public set counts that neither the rules nor our own attacks take for one."""
BY_RULES = 1.2
"""How far the rules count when this is asked."""
THRESHOLD = 0.75
FALSE_ALARMS = 0.0095
"""Of harmless texts, at the threshold, half of them from unseen sources."""
PARTS = 5
TELLING = {
    "ignore_previous_instructions": 1.0, "system_mode": 1.0, "mixed_techniques": 0.7, "virtualization": 0.5,
    "hypothetical_scenario": 0.4, "overload_with_information": 0.4, "output_formatting_manipulation": 0.4,
    "persuasion": 0.3, "token_smuggling": 0.3,
}  # fmt: skip
"""How far the wording gives the technique away (CyberSecEval); others, attacks by context alone, do not count."""
TRUSTED = {
    ENGLISH: 6.0, LANGUAGES: 12.0, **{f"{interfaces.NAME}_{package}": 8.0 for package in interfaces.PACKAGES},
    "cyberseceval_pi": 0.3, "cyberseceval_pi_multi": 0.1,
}  # fmt: skip
"""Sources that count for more or for less than others of their size: some of many ways, some of few prompts."""


@dataclass(frozen=True)
class Data:
    """Texts, what is known of each, and what words mean."""

    texts: Sequence[Prompt]
    windows: Windows
    known: Vectors
    labels: Any
    weights: Any
    ruled: Any


def main() -> None:
    options = _options()
    own = _own(options.packages)
    data = _data([*prompts(options.path), *own], _vectors(options.packages, own))
    by_source, by_text = _held_out_scores(data, options.scores)
    mixture = _mixture(data, by_source, by_text)
    known = _report(data, "text held out", by_text, mixture)
    unknown = _report(data, "sources held out", by_source, mixture)
    if options.write:
        held_out.keep({"pooled": unknown["pooled"] | known["pooled"], "sources": unknown["sources"]})
        WEIGHTS.write_bytes(_packed(_fit(data, np.ones(len(data.texts), dtype=bool)), data.known, mixture))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("path", type=Path)
    parser.add_argument("--packages", type=Path, required=True, help="where packages are kept")
    parser.add_argument("--scores", type=Path, help="where the logits of held-out texts are kept between two runs")
    parser.add_argument("--write", action="store_true")
    return parser.parse_args()


def _own(packages: Path) -> list[Prompt]:
    """What is trained with and never judged."""
    written = [Prompt(text, label, source) for text, label, source in sentences()]
    return written + [Prompt(text, 0, source) for text, source in interfaces.passages(packages)]


def _held_out_scores(data: Data, kept: Path | None) -> tuple[Any, Any]:
    if kept and kept.exists():
        known = np.load(kept)
        return known["by_source"], known["by_text"]
    families = np.array([one.family for one in data.texts])
    by_source = _held_out(data, [families == family for family in sorted({*families} - {*OWN})])
    parts = np.random.default_rng(0).integers(0, PARTS, len(families))
    by_text = _held_out(data, [parts == part for part in range(PARTS)])
    if kept:
        np.savez(kept, by_source=by_source, by_text=by_text)
    return by_source, by_text


def _vectors(packages: Path, own: Sequence[Prompt]) -> Vectors:
    """English is what our English sentences are in, other languages are what interfaces are translated into."""
    english = frozenset(word for one in own if one.source == ENGLISH for word in _words(one))
    others = frozenset(word for one in own if one.source not in {ENGLISH, LANGUAGES} for word in _words(one))
    return vectors(packages, english, others)


def _words(one: Prompt) -> Sequence[str]:
    return classifier.tokens_of(fold_text(one.text, lower=True))


def _data(texts: Sequence[Prompt], known: Vectors) -> Data:
    labels = np.array([one.label for one in texts])
    judged = (assess(one.text).score if one.source not in OWN else 0.0 for one in texts)
    ruled = np.array([-np.log(max(1 - score, 1e-4)) for score in judged])
    return Data(texts, windows([one.text for one in texts], known), known, labels, _weights(texts), ruled)


def _weights(texts: Sequence[Prompt]) -> Any:
    """A source counts as the root of its size, so that none outweighs the others."""
    sizes = Counter((one.source, one.label) for one in texts)
    return np.array([_said(one) * sizes[one.source, one.label] ** -0.5 for one in texts])


def _said(one: Prompt) -> float:
    """How far to trust what this text says of others."""
    telling = TELLING.get(one.category.split("|")[0], 0.0) if one.source.startswith("cyberseceval_pi") else 1.0
    return telling * TRUSTED.get(one.source, 1.0)


def _fit(data: Data, chosen: Any) -> LogisticRegression:
    """
    A model of these texts, trained twice.

    Public sets call things attacks that anybody may ask for, such as "Generate C++". The first model has seen no
    attacks but ours; what it does not take for one hardly counts for the second.
    """
    public = (data.labels == 1) & ~np.isin([one.source for one in data.texts], OWN)
    ours = _regression(data, chosen & ~public, data.weights)
    said = data.windows.logits(ours) + BY_RULES * data.ruled
    return _regression(data, chosen, np.where(public & (said < 0), DOUBTED, 1.0) * data.weights)


def _regression(data: Data, chosen: Any, counted: Any) -> LogisticRegression:
    owner = data.windows.owner
    mine = chosen[owner]
    each = np.bincount(owner, minlength=len(data.texts))
    labels = data.labels[owner]
    weights = counted[owner] / np.where(labels == 1, each[owner], each[owner] ** 0.5)
    for label in (0, 1):
        of_label = mine & (labels == label)
        share = 0.5 if label else 0.5 * DOUBT
        weights[of_label] *= share * mine.sum() / weights[of_label].sum()
    model = LogisticRegression(C=STRENGTH, max_iter=150, tol=1e-5)
    return model.fit(data.windows.features[mine], labels[mine], sample_weight=weights[mine])


def _held_out(data: Data, parts: Sequence[Any]) -> Any:
    """What models say of the part that each has not seen; of what is ours, what one that has seen it says."""
    logits = data.windows.logits(_fit(data, np.ones(len(data.texts), dtype=bool)))
    for number, part in enumerate(parts, 1):
        print(f"without part {number} of {len(parts)}", file=sys.stderr)
        logits[part] = data.windows.logits(_fit(data, ~part))[part]
    return logits


def _mixture(data: Data, by_source: Any, by_text: Any) -> tuple[float, float, float]:
    """
    How the logit and the rules add up, and the constant that puts the threshold where it belongs.

    Texts of sources like the known ones and of others are both to be expected, so both kinds of scores are fitted.
    The threshold is that of both together.
    """
    public = np.array([one.source not in {*OWN, *BY_CONTEXT} for one in data.texts])
    both = np.r_[np.c_[by_source, data.ruled][public], np.c_[by_text, data.ruled][public]]
    labels, weights = np.tile(data.labels[public], 2), np.tile(data.weights[public], 2)
    for label in (0, 1):
        weights[labels == label] /= weights[labels == label].sum()
    fitted = LogisticRegression(C=10).fit(both, labels, sample_weight=weights * 5000)
    steep, ruled = fitted.coef_[0]
    said = (both @ fitted.coef_[0])[labels == 0]
    rest = np.log(THRESHOLD / (1 - THRESHOLD)) - np.quantile(said, 1 - FALSE_ALARMS)
    return float(steep), float(ruled), float(rest)


def _report(data: Data, name: str, logits: Any, mixture: tuple[float, float, float]) -> dict[str, Any]:
    steep, ruled, rest = mixture
    by_rules = 1 - np.exp(-data.ruled)
    scores = np.maximum(1 / (1 + np.exp(-(steep * logits + ruled * data.ruled + rest))), by_rules)
    sources = np.array([one.source for one in data.texts])
    everything = ~np.isin(sources, OWN)
    by_wording = everything & ~np.isin(sources, sorted(BY_CONTEXT))
    figures = {
        "pooled": {
            f"{name}, all": _rates(data.labels[everything], scores[everything]),
            f"{name}, by wording": _rates(data.labels[by_wording], scores[by_wording]),
        },
        "sources": [
            {
                "source": source, "label": label, "by_context": source in BY_CONTEXT, "number": int(these.sum()),
                "flagged": round(float((scores[these] >= THRESHOLD).mean()), 4),
            }
            for label in (1, 0)
            for source in sorted({*sources[everything]})
            if (these := (sources == source) & (data.labels == label)).any()
        ],
    }  # fmt: skip
    print(json.dumps(figures, indent=1))
    print(mixture)
    return figures


def _rates(labels: Any, scores: Any) -> dict[str, float]:
    rates, found, _ = roc_curve(labels, scores)
    fired = scores >= THRESHOLD
    figures = {
        "auroc": roc_auc_score(labels, scores), "tpr_at_1": found[rates <= 0.01].max(),
        "tpr_at_01": found[rates <= 0.001].max(),
        "fpr": fired[labels == 0].mean(), "tpr": fired[labels == 1].mean(),
    }  # fmt: skip
    return {name: round(float(figure), 4) for name, figure in figures.items()}


def _packed(model: LogisticRegression, known: Vectors, mixture: tuple[float, float, float]) -> bytes:
    """As `classifier.Model` reads it. Words that mean nothing to it are left out."""
    weights, meant = np.split(model.coef_[0], [classifier.BUCKETS])
    unit = np.quantile(np.abs(weights), 0.9995) / 127
    numbers = (unit, model.intercept_[0], *mixture)
    head = b"".join(round(number * 1e6).to_bytes(8, "big", signed=True) for number in numbers)
    counted = _bytes(known.matrix @ meant / (unit * classifier.STEP))
    words = {classifier.hash_of(word): counted[row] for word, row in known.rows.items() if counted[row]}
    hashes = np.array(sorted(words), dtype="<u4")
    meanings = np.array([words[hashed] for hashed in sorted(words)], dtype=np.int8)
    return head + _bytes(weights / unit).tobytes() + hashes.tobytes() + meanings.tobytes()


def _bytes(weights: Any) -> Any:
    return np.clip(np.round(weights), -127, 127).astype(np.int8)


if __name__ == "__main__":
    main()
