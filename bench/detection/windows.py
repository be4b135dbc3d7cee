"""Texts as the classifier reads them: features counted as `keeptrusts.detect.classifier.Model` counts them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.sparse
from vectors import Vectors

from keeptrusts.detect import classifier
from keeptrusts.detect.fold import fold_text


@dataclass(frozen=True)
class Windows:
    """
    Rows of features: windows of two blocks, and blocks alone.

    Args:
        features: Hashed ones, and the mean vector of the words.
        owner: Which text a row is of.
        wide: Which rows are windows; the only block of a text is one.
        narrow: Which rows are blocks.
    """

    features: Any
    owner: Any
    wide: Any
    narrow: Any

    def logits(self, model: Any) -> Any:
        """What a model says of each text, as `Model.worst` does."""
        said = model.decision_function(self.features)
        return (_worst(said[self.wide], self.owner[self.wide]) + _worst(said[self.narrow], self.owner[self.narrow])) / 2


def windows(texts: Sequence[str], known: Vectors) -> Windows:
    rows = [(owner, *row) for owner, text in enumerate(texts) for row in _rows(text)]
    owner, wide, narrow, counts, words = zip(*rows, strict=True)
    sizes = [max(sum(counted.values()), classifier.LEAST) ** -0.5 for counted in counts]
    met = [Counter({known.rows[word]: n for word, n in said.items() if word in known.rows}) for said in words]
    hashed = _matrix(counts, sizes, classifier.BUCKETS)
    meant = _matrix(met, sizes, len(known.rows)) @ known.matrix
    features = scipy.sparse.hstack([hashed, scipy.sparse.csr_matrix(meant)]).tocsr()
    return Windows(features, np.array(owner), np.array(wide), np.array(narrow))


def _worst(said: Any, owner: Any) -> Any:
    worst = np.full(owner.max() + 1, -np.inf)
    np.maximum.at(worst, owner, said)
    return worst


def _rows(text: str) -> Iterator[tuple[bool, bool, Counter[int], Counter[str]]]:
    """Whether each is a window and a block, its features and its words."""
    tokens = classifier.tokens_of(fold_text(text, lower=True))
    size = classifier.BLOCK
    blocks = [_block(tokens[at : at + size + 1]) for at in range(0, max(len(tokens), 1), size)]
    if len(blocks) == 1:
        yield True, True, *blocks[0]
        return
    for (first, said_first), (second, said_second) in pairwise(blocks):
        yield True, False, first + second, said_first + said_second
    for counts, said in blocks:
        yield False, True, counts, said


def _block(tokens: Sequence[str]) -> tuple[Counter[int], Counter[str]]:
    counts, words = Counter(classifier.pairs_of(tokens)), set(tokens[: classifier.BLOCK])
    for token in words:
        counts.update(classifier.features_of(token))
    return counts, Counter(words)


def _matrix(counts: Sequence[Counter[int]], sizes: Sequence[float], width: int) -> Any:
    columns = np.fromiter((column for counted in counts for column in counted), dtype=np.int64)
    ends = np.cumsum([0, *map(len, counts)])
    values = np.fromiter(
        (n * size for counted, size in zip(counts, sizes, strict=True) for n in counted.values()), dtype=np.float32
    )
    matrix = scipy.sparse.csr_matrix((values, columns, ends), shape=(len(counts), width))
    matrix.sort_indices()  # sets of words have another order each time, and sums of floats depend on it
    return matrix
