"""From what a detector found to edits: the marker that stands for a value, and the verdict around it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Final, Literal, TypeAlias

from keeptrusts.core.exchange import Exchange, Phase, Text
from keeptrusts.core.verdict import PASS, Block, Edit, Match, Redact, Verdict
from keeptrusts.policy.schema import Attr
from keeptrusts.policy.schema import Block as Section

if TYPE_CHECKING:
    from keeptrusts.detect.scan import Hit

Find: TypeAlias = "Callable[[str], Sequence[Hit]]"
RedactOrBlock: TypeAlias = Annotated[
    Literal["redact", "block"], Attr("Put a marker in its place, or refuse.", stronger=("redact", "block"))
]
_STARS: Final = 8
_KEPT: Final = 4
_HASH_DIGITS: Final = 8


def _digest(value: str) -> str:
    from hashlib import sha256  # lint needs none, and OpenSSL behind it takes long to load

    return sha256(value.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True)
class Redaction(Section):
    marker_format: Annotated[
        Literal["label", "asterisks", "partial", "hash"],
        Attr(
            "`[EMAIL]`, `********`, `****` and the last characters, or `[EMAIL:1f3a9c0d]`.",
            stronger=("partial", "hash", "label", "asterisks"),
        ),
    ] = "label"
    include_metadata: Annotated[
        bool, Attr("A label says how many characters it stands for: `[EMAIL:17]`.", stronger="off")
    ] = False
    preserve_length: Annotated[bool, Attr("The marker is as long as the value.", stronger="off")] = False
    custom_markers: Annotated[
        Mapping[str, Annotated[str, Attr(maximum=200)]], Attr("Category to marker.", stronger="neutral")
    ] = field(default_factory=dict)

    def marker(self, category: str, value: str) -> str:
        """What stands for this value."""
        marker = self.custom_markers.get(category) or self._usual(category, value)
        return marker[: len(value)].ljust(len(value), "*") if self.preserve_length else marker

    def _usual(self, category: str, value: str) -> str:
        match self.marker_format:
            case "asterisks":
                return "*" * (len(value) if self.preserve_length else _STARS)
            case "partial":
                kept = value[-_KEPT:] if len(value) > 2 * _KEPT else ""
                return "*" * (len(value) - len(kept) if self.preserve_length else _KEPT) + kept
            case "hash":
                return f"[{label(category)}:{_digest(value)[:_HASH_DIGITS]}]"
            case "label":
                return f"[{label(category)}:{len(value)}]" if self.include_metadata else f"[{label(category)}]"


LABELS: Final = Redaction()


def label(category: str) -> str:
    """`credit_card` -> `CREDIT_CARD`."""
    return category.upper().replace("-", "_")


def matches_in(texts: Iterable[Text], find: Find) -> list[tuple[Text, Hit]]:
    """Every hit in every text."""
    return [(text, hit) for text in texts for hit in find(text.value)]


def edits_for(found: Iterable[tuple[Text, Hit]], redaction: Redaction) -> tuple[Edit, ...]:
    """One edit for each hit. What stood before the value, its label, is kept."""
    return tuple(
        _edit(text, hit, redaction.marker(hit.category, text.value[hit.value : hit.end])) for text, hit in found
    )


def _edit(text: Text, hit: Hit, marker: str, *, restorable: bool = False) -> Edit:
    kept = text.value[hit.start : hit.value]
    return Edit(text.place, hit.start, hit.end, hit.category, kept + marker, restorable)


def numbered_edits(found: Iterable[tuple[Text, Hit]], exchange: Exchange) -> tuple[Edit, ...]:
    """
    Edits whose markers can be turned back: the same value has the same number, and no two values share one.

    Tool texts are judged apart from the rest of a request, so theirs are numbered apart: `[TOOL_EMAIL_1]`.
    """
    taken = {text.value for text in exchange.texts}
    prefix = "TOOL_" if exchange.phase is Phase.TOOL else ""
    numbers: dict[tuple[str, str], str] = {}
    counts: dict[str, int] = {}
    edits = []
    for text, hit in _united(found):
        value = text.value[hit.value : hit.end]
        key = hit.category, value
        while key not in numbers:
            counts[hit.category] = counts.get(hit.category, 0) + 1
            marker = f"[{prefix}{label(hit.category)}_{counts[hit.category]}]"
            if not any(marker in other for other in taken):
                numbers[key] = marker
        place = Edit(text.place, hit.value, hit.end, hit.category, numbers[key], restorable=True)
        edits.append(place)
    return tuple(edits)


def _united(found: Iterable[tuple[Text, Hit]]) -> list[tuple[Text, Hit]]:
    """Overlapping hits of one text as one, under the category of the first."""
    united: list[tuple[Text, Hit]] = []
    for text, hit in found:
        last = united[-1] if united else None
        if last is None or last[0] is not text or hit.start >= last[1].end:
            united.append((text, hit))
        elif hit.end > last[1].end:
            united[-1] = text, replace(last[1], end=hit.end)
    return united


def block_or_redact(action: Literal["redact", "block"], code: str, message: str, edits: tuple[Edit, ...]) -> Verdict:
    """
    The verdict for what was found.

    Args:
        code: The kind's prefix; the detail is the category of the first edit.
    """
    if not edits:
        return PASS
    reason = f"{code}.{edits[0].category}"
    if action == "block":
        return Block(reason, message, tuple(Match(one.place, one.start, one.end, one.category) for one in edits))
    return Redact(reason, edits)
