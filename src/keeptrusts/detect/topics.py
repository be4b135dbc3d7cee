"""What the detectors together can say of a text: the categories that `human-oversight` may name."""

from __future__ import annotations

from typing import Final

from keeptrusts.detect.injection import assess
from keeptrusts.detect.pii import DEFAULT, FINANCIAL, HEALTH_CATEGORIES, find_pii
from keeptrusts.detect.scan import Hit
from keeptrusts.detect.secret import find_secrets

INJECTION_THRESHOLD: Final = 0.75
"""As `embedding_threshold` of `prompt-injection` when nobody sets it."""


def recognise(category: str, text: str, threshold: float = 0.0) -> list[Hit]:
    """
    Where the text belongs to a category.

    Args:
        threshold: Hits of less confidence do not count.
    """
    match category:
        case "pii":
            hits = find_pii(text, DEFAULT)
        case "financial":
            hits = find_pii(text, FINANCIAL)
        case "health":
            hits = find_pii(text, HEALTH_CATEGORIES)
        case "credentials":
            hits = find_secrets(text)
        case "injection":
            said = assess(text, classify=True)
            return list(said.hits) if said.score >= max(threshold, INJECTION_THRESHOLD) else []
        case _:
            raise ValueError(category)
    return [hit for hit in hits if hit.confidence >= threshold]
