"""How sensitive a text is, by what the detectors find in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

from keeptrusts.core.exchange import Text
from keeptrusts.core.verdict import Match

if TYPE_CHECKING:
    from keeptrusts.detect.scan import Hit
    from keeptrusts.detect.terms import Terms

Sensitivity: TypeAlias = Literal["public", "internal", "confidential", "restricted"]
LEVELS: Final[tuple[Sensitivity, ...]] = get_args(Sensitivity)

_MARKINGS: Final[dict[Sensitivity, tuple[str, ...]]] = {
    "internal": ("internal use only", "for internal use only", "not for distribution", "do not distribute"),
    "confidential": ("company confidential", "proprietary and confidential", "confidential information"),
    "restricted": ("strictly confidential", "highly confidential", "top secret", "restricted data"),
}
_IDENTITY: Final = frozenset(
    {"ssn", "itin", "national_id", "passport", "drivers_license", "credit_card", "cvv", "bank_account", "iban"}
)
"""Personal data that is restricted: with it alone somebody can pass for another, or take their money."""

_CARE: Final = (
    *("patient", "diagnosis", "diagnosed", "prognosis", "prescription", "prescribed", "treatment", "symptom"),
    *("medication", "chemotherapy", "lab result", "blood pressure", "hospital", "discharge summary", "clinical"),
)
"""Words by which a text is about somebody's health."""


def above(texts: Iterable[Text], ceiling: Sensitivity) -> tuple[Match, ...]:
    """What in these texts is more sensitive than the ceiling."""
    highest = LEVELS.index(ceiling)
    return tuple(
        Match(text.place, hit.start, hit.end, level)
        for text in texts
        for level, hit in _found(text.value)
        if LEVELS.index(level) > highest
    )


def health_data(texts: Iterable[Text]) -> tuple[Match, ...]:
    """Health identifiers, and whatever names a person in a text about somebody's health."""
    from keeptrusts.detect.health import find_identifiers
    from keeptrusts.detect.pii import HEALTH_CATEGORIES, find_pii

    found: list[Match] = []
    for text in texts:
        hits = find_pii(text.value, frozenset(HEALTH_CATEGORIES))
        if _care().find(text.value):
            hits = hits + find_identifiers(text.value, limited_data_set=True)
        found += [Match(text.place, hit.start, hit.end, "health_data") for hit in hits]
    return tuple(found)


def _found(text: str) -> Iterator[tuple[Sensitivity, Hit]]:
    from keeptrusts.detect.pii import CATEGORIES, HEALTH_CATEGORIES, find_pii
    from keeptrusts.detect.secret import find_secrets

    for hit in find_secrets(text, entropy=False):
        yield "restricted", hit
    for hit in find_pii(text, frozenset(CATEGORIES)):
        worst = hit.category in _IDENTITY or hit.category in HEALTH_CATEGORIES
        yield "restricted" if worst else "confidential", hit
    for level, terms in _markings().items():
        for hit in terms.find(text):
            yield level, hit


@cache
def _markings() -> dict[Sensitivity, Terms]:
    from keeptrusts.detect.terms import Terms

    return {level: Terms({level: phrases}) for level, phrases in _MARKINGS.items()}


@cache
def _care() -> Terms:
    from keeptrusts.detect.terms import Terms

    return Terms({"care": _CARE}, inflected=True)
