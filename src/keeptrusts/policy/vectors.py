"""Texts as vectors of an OpenAI-compatible `/embeddings` endpoint: the question, the answer, and how alike two are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from operator import mul
from typing import Any, Final

from keeptrusts.policy.asking import Credential, Question, amount
from keeptrusts.policy.endpoints import post

PIECE_CHARS: Final = 1_000
MOST_PIECES: Final = 64
MAX_ANSWER_BYTES: Final = 16 * 1024 * 1024


def pieces_of(length: int) -> list[tuple[int, int]]:
    """
    Start and end of pieces of a text that lie over each other. Of a long text they are longer, not more.

    A vector of all of it would say little of each part.
    """
    size = max(PIECE_CHARS, length * 2 // MOST_PIECES)
    step = size * 4 // 5
    return [(start, min(start + size, length)) for start in range(0, max(length - (size - step), 1), step)]


def question(
    url: str, texts: Sequence[str], *, timeout_ms: int, credential: Credential | None, model: str | None = None
) -> Question:
    """Ask for one vector for each text."""
    named = {"model": model} if model else {}
    asked = post(url, {"input": list(texts), **named}, timeout_ms=timeout_ms, credential=credential)
    return replace(asked, max_bytes=MAX_ANSWER_BYTES)


def vectors_of(document: Any, count: int) -> list[list[float]]:
    """
    The vectors of an answer, in the order of the texts.

    Raises:
        ValueError: There are more or fewer, or they are of different lengths, or of none.
        KeyError: It is another document. So does `TypeError`.
    """
    found: dict[int, list[float]] = {}
    for one in document["data"]:
        found[int(amount(one["index"]))] = [amount(value) for value in one["embedding"]]
    if sorted(found) != list(range(count)) or len({len(vector) for vector in found.values()}) != 1:
        raise ValueError
    if not all(any(vector) for vector in found.values()):
        raise ValueError
    return [found[index] for index in range(count)]


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    """-1 to 1; 0 when one of them is nothing."""
    lengths = math.sqrt(sum(map(mul, one, one)) * sum(map(mul, other, other)))
    return sum(map(mul, one, other)) / lengths if lengths else 0.0
