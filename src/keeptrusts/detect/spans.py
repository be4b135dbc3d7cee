"""What a list of hits says of a text, told once: values that do not overlap and leave out nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from heapq import heappop, heappush
from itertools import groupby

from keeptrusts.detect.scan import Hit


def values(hits: Iterable[Hit]) -> list[Hit]:
    """
    The values, by start, without the labels that gave them away.

    Values of one category that overlap are united; of two categories the surer one stands, then the longer one, and
    what it does not cover of the other stays that other's.
    """
    bare = [replace(hit, start=hit.value) for hit in hits]
    by_category = groupby(sorted(bare, key=lambda hit: (hit.category, hit.start)), key=lambda hit: hit.category)
    united = [one for _, same in by_category for one in _united(same)]
    return list(_told_apart(sorted(united, key=lambda hit: hit.start)))


def _united(hits: Iterable[Hit]) -> Iterator[Hit]:
    """Of hits of one category by start, those that overlap as one."""
    last: Hit | None = None
    for hit in hits:
        if last and hit.start < last.end:
            last = replace(last, end=max(last.end, hit.end), confidence=max(last.confidence, hit.confidence))
            continue
        if last:
            yield last
        last = hit
    if last:
        yield last


def _told_apart(hits: list[Hit]) -> Iterator[Hit]:
    """Hits by start, each without what a surer one covers."""
    pieces: list[tuple[int, Hit]] = []
    for number, start, end in _surest(hits):
        goes_on = pieces and pieces[-1][0] == number and pieces[-1][1].end == start
        first = pieces.pop()[1].start if goes_on else start
        pieces.append((number, replace(hits[number], start=first, value=first, end=end)))
    return (piece for _, piece in pieces)


def _surest(hits: list[Hit]) -> Iterator[tuple[int, int, int]]:
    """Stretches that lie one behind the other, each with the number of the surest hit over it."""
    waiting: list[tuple[float, int, int]] = []
    at = following = 0
    while following < len(hits) or waiting:
        if not waiting:
            at = max(at, hits[following].start)
        while following < len(hits) and hits[following].start <= at:
            hit = hits[following]
            heappush(waiting, (-hit.confidence, hit.start - hit.end, following))
            following += 1
        number = waiting[0][2]
        if hits[number].end <= at:
            heappop(waiting)
            continue
        end = hits[number].end
        if following < len(hits):
            end = min(end, hits[following].start)
        yield number, at, end
        at = end
