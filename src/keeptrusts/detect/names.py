"""How the name of an organisation is also written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from keeptrusts.detect.fold import fold_text, is_word

_LEGAL_FORMS: Final = frozenset(
    {"co", "company", "corp", "corporation", "inc", "incorporated", "llc", "llp", "lp", "ltd", "limited", "plc", "pte"}
    | {"pty", "gmbh", "ag", "kg", "se", "sa", "sas", "sarl", "spa", "srl", "bv", "nv", "oy", "ab", "as", "aps", "jsc"}
    | {"ojsc", "pjsc", "ooo", "oao", "zao", "fze", "fzco", "kk", "sdn", "bhd"}
)
_FEWEST_WORDS: Final = 2


def spellings(name: str) -> Iterator[str]:
    """The words of a name, and the same without the legal form at its end when two words or more are left."""
    folded = fold_text(name, lower=True)
    words = "".join(letter if is_word(letter) or letter > "\u0e00" else " " for letter in folded).split()
    if not words:
        return
    yield " ".join(words)
    shorter = list(words)
    while len(shorter) > _FEWEST_WORDS and shorter[-1] in _LEGAL_FORMS:
        shorter.pop()
    if shorter != words:
        yield " ".join(shorter)
