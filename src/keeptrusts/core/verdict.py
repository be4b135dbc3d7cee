"""
What a policy answers. Four outcomes, in rising severity: allow, redact, escalate, block.

A `Match` names what was found and where, never the text itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from keeptrusts.core.exchange import Place, Text

PASSED: Final = "all_policies_passed"


@dataclass(frozen=True, slots=True)
class Match:
    """`category` found in characters `[start, end)` (code points of the original text) of the text at `place`."""

    place: Place
    start: int
    end: int
    category: str


@dataclass(frozen=True, slots=True)
class Edit(Match):
    """
    Characters `[start, end)` give way to `replacement`; none do where it only adds something.

    Args:
        restorable: The caller may get them back in the answer.
    """

    replacement: str = ""
    restorable: bool = False


@dataclass(frozen=True, slots=True)
class Allow:
    """
    Let it pass.

    Args:
        max_tokens: When set, the request is sent with this cap on the answer (token-limit, clamp).
        found: Texts from elsewhere that the kinds after this one judge too. Nobody is sent them.
        degraded: Not everything could be judged, and a setting of the kind lets it pass.
    """

    matches: tuple[Match, ...] = ()
    max_tokens: int | None = None
    code: str = PASSED
    found: tuple[Text, ...] = ()
    degraded: bool = False


PASS: Final = Allow()
"""Nothing was found, and nothing is to be done: what most kinds say of most requests."""


@dataclass(frozen=True, slots=True)
class Redact:
    """
    Let it pass with these edits.

    Args:
        instruction: Told to the model before everything else; empty: nothing is.
    """

    code: str
    edits: tuple[Edit, ...]
    instruction: str = ""

    @property
    def matches(self) -> tuple[Match, ...]:
        return self.edits


@dataclass(frozen=True, slots=True)
class Escalate:
    """Withhold it until somebody decides."""

    code: str
    message: str
    assignee: str | None = None
    timeout_seconds: int = 3600
    matches: tuple[Match, ...] = ()


@dataclass(frozen=True, slots=True)
class Block:
    """Refuse it. `message` is shown to the client and holds none of its text."""

    code: str
    message: str
    matches: tuple[Match, ...] = ()


Verdict: TypeAlias = Allow | Redact | Escalate | Block

SEVERITY: Final[tuple[type[Verdict], ...]] = (Allow, Redact, Escalate, Block)
NAMES: Final[dict[type[Verdict], str]] = {
    Allow: "allowed",
    Redact: "redacted",
    Escalate: "escalated",
    Block: "blocked",
}
_RANKS: Final = {outcome: rank for rank, outcome in enumerate(SEVERITY)}


def severity(verdict: Verdict) -> int:
    """0 allow, 1 redact, 2 escalate, 3 block."""
    return _RANKS[type(verdict)]


def merge_edits(edits: Iterable[Edit]) -> list[Edit]:
    """
    Unite overlapping edits of one text, in order of their start.

    Of edits that overlap, the first (then the longest) lends its category and replacement: nothing that any of them
    covers is left standing. Edits that only touch stay apart, and what is added at a place stands before what begins
    there; inside another edit nothing is added.
    """
    united: list[Edit] = []
    for edit in sorted(edits, key=lambda one: (one.start, one.start < one.end, -one.end)):
        last = united[-1] if united else None
        if last is None or edit.start >= last.end:
            united.append(edit)
        elif edit.end > last.end:
            united[-1] = Edit(last.place, last.start, edit.end, last.category, last.replacement, last.restorable)
    return united


def apply_edits(text: str, edits: Sequence[Edit]) -> str:
    """`text` with the united edits carried out."""
    pieces: list[str] = []
    at = 0
    for edit in merge_edits(edits):
        pieces += (text[at : edit.start], edit.replacement)
        at = edit.end
    pieces.append(text[at:])
    return "".join(pieces)
