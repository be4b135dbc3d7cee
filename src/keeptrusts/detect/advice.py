"""How legal advice is worded, and the words by which a text about law is told."""

from __future__ import annotations

from typing import Final

from keeptrusts.detect.pattern import read_pattern
from keeptrusts.detect.scan import Rule, RuleSet

_GAP: Final = r"[ \t\r\n]{1,3}"
_ACTS: Final = (
    r"(?:file|sue|countersue|appeal|plead|settle|sign|refuse|reject|dispute|contest|withhold|terminate|evict|testify"
    r"|claim|demand|seek_damages|press_charges|take_legal_action|take_(?:him|her|them|it|this)_to_court)"
)

_WORDED: Final[tuple[tuple[str, str, str], ...]] = (
    (
        r"(?:you_(?:should|must|need_to|ought_to|have_to|had_better)|i_would)_(?:not_|never_|also_)?",
        _ACTS,
        "whether to act in such a matter depends on the case; people may ",
    ),
    (r"(?:i|we)_(?:strongly_)?(?:advise|counsel|recommend_that)_", r"you", "a lawyer can advise "),
    (r"your_(?:legal_)?(?:rights|claims|remedies)_", r"are", "generally, rights in such matters "),
    (
        r"you_(?:clearly_|definitely_)?have_an?_(?:strong|valid|good|solid|winning)_",
        r"(?:case|claim|defen[cs]e)",
        "a court decides whether there is a ",
    ),
    (r"my_legal_(?:advice|opinion)_", r"is", "general legal information "),
    (r"you_(?:will|would|are_going_to|can_expect_to)_", r"win", "a court decides who may "),
    (r"as_your_", r"(?:lawyer|attorney|counsel|legal_advisor)", "not as a "),
    (
        r"you_are_(?:not_)?legally_",
        r"(?:liable|responsible|required|obligated|obliged|entitled|bound)",
        "the law says when somebody is ",
    ),
)
"""
Advice: its head, its tail, and what stands in the place of the head where an answer is reframed as information.

In lower case; `_` is a gap of blanks.
"""

INSTEAD: Final = {f"advice_{number}": frame for number, (_, _, frame) in enumerate(_WORDED)}
"""By the category of a rule."""


def _rule(category: str, head: str, tail: str) -> Rule:
    """Looked for by its tail, which few texts hold."""
    head, tail = head.replace("_", _GAP), tail.replace("_", _GAP)
    most = read_pattern(head + tail).most
    assert most is not None
    return Rule(category, tail, head, whole=True, sieve=tail, back=most)


RULES: Final = RuleSet([_rule(f"advice_{number}", head, tail) for number, (head, tail, _) in enumerate(_WORDED)])

LEGAL_WORDS: Final = (
    "law", "lawyer", "attorney", "legal", "court", "lawsuit", "litigation", "plaintiff", "defendant", "statute",
    "jurisdiction", "liability", "tort", "breach of contract", "tenancy", "eviction", "custody", "divorce", "alimony",
    "probate", "felony", "misdemeanor", "subpoena", "affidavit", "injunction", "damages", "copyright", "trademark",
    "patent", "settlement", "arbitration", "bankruptcy", "immigration", "deportation", "parole", "power of attorney",
    "last will", "landlord", "tenant", "sue", "prosecutor", "criminal charge", "small claims", "civil rights",
)  # fmt: skip
"""Any of them makes an answer one about law."""
