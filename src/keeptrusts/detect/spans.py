"""What a list of hits says of a text, told once: values that do not overlap."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from keeptrusts.detect.scan import Hit


def values(hits: Iterable[Hit]) -> list[Hit]:
    """
    The values, by start, without the labels that gave them away.

    Values of one category that overlap are united; of two categories the surer one stands, then the longer one.
    """
    kept: list[Hit] = []
    for hit in sorted((replace(hit, start=hit.value) for hit in hits), key=lambda hit: (hit.start, -hit.end)):
        last = kept[-1] if kept else None
        if last is None or hit.start >= last.end:
            kept.append(hit)
        elif hit.category == last.category:
            kept[-1] = replace(last, end=max(last.end, hit.end), confidence=max(last.confidence, hit.confidence))
        elif (hit.confidence, hit.end - hit.start) > (last.confidence, last.end - last.start):
            kept[-1] = hit
    return kept
