"""Personal data out of requests and answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from keeptrusts.core.exchange import Exchange, Phase
from keeptrusts.core.verdict import Verdict
from keeptrusts.policy.checks import Regex
from keeptrusts.policy.kind import Policy
from keeptrusts.policy.reading import suggest
from keeptrusts.policy.redaction import Redaction, block_or_redact, edits_for, matches_in, numbered_edits
from keeptrusts.policy.schema import Attr, Fault

if TYPE_CHECKING:
    from keeptrusts.detect.scan import Hit
    from keeptrusts.detect.tenant import TenantPatterns

CUSTOM = "custom"


@dataclass(frozen=True)
class PiiDetector(Policy):
    """
    Redact or refuse personal data.

    Found are: e-mail addresses, phone numbers, social security and taxpayer numbers, IBANs, IP and MAC addresses,
    crypto wallets, national identifiers, and behind their labels passports, driver's licences, bank accounts, routing
    numbers and dates of birth; with `pci_mode` payment cards; with `healthcare_mode` medical record, health plan, NPI,
    DEA and Medicare numbers. Numbers that carry a check digit are checked. Names and postal addresses are not found.
    """

    kind: ClassVar[str] = "pii-detector"
    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.INPUT, Phase.TOOL, Phase.OUTPUT})
    example: ClassVar[str] = """
        action: redact
        healthcare_mode: true
        detect_patterns: ["EMP-[0-9]{6}"]
        redaction: {marker_format: partial}
    """

    action: Annotated[
        Literal["redact", "block"], Attr("Put a marker in its place, or refuse.", stronger=("redact", "block"))
    ] = "redact"
    healthcare_mode: Annotated[bool, Attr("Look for health identifiers too.", stronger="on")] = False
    pci_mode: Annotated[bool, Attr("Look for payment cards and their security codes.", stronger="on")] = True
    detect_patterns: Annotated[
        tuple[Regex, ...], Attr("Further patterns; their category is `custom`.", stronger="more")
    ] = ()
    entities: Annotated[
        tuple[str, ...], Attr("Only these categories, whatever the modes say; empty means all.", stronger="among")
    ] = ()
    redaction: Annotated[Redaction, Attr("What stands in the place of a value.")] = field(default_factory=Redaction)
    restore: Annotated[
        bool,
        Attr("Values get numbered markers, and the caller gets its own values back in the answer.", stronger="neutral"),
    ] = False

    def faults(self) -> Iterable[Fault]:
        if self.entities or self.redaction.custom_markers:
            yield from self._unknown_categories()
        if self.entities and self.healthcare_mode:
            message = "`healthcare_mode` does nothing beside `entities`, which names what is looked for"
            yield Fault("W003", ("healthcare_mode",), message, "remove it, or name the categories in `entities`")
        if self.restore and (self.action == "block" or self.redaction != Redaction()):
            message = "`restore` needs markers of its own, so it goes with `action: redact` and no `redaction`"
            yield Fault("E009", ("restore",), message, "remove `redaction`, or `restore`")

    def _unknown_categories(self) -> Iterable[Fault]:
        from keeptrusts.detect.pii import CATEGORIES

        for index, category in enumerate(self.entities):
            if category not in CATEGORIES:
                message = f"`{category[:60]}` is not a category"
                yield Fault("E003", ("entities", index), message, suggest(category, CATEGORIES, "categories"))
        for category in self.redaction.custom_markers:
            if category not in {*CATEGORIES, CUSTOM}:
                message = f"`{category[:60]}` is not a category"
                hint = suggest(category, [*CATEGORIES, CUSTOM], "categories")
                yield Fault("E006", ("redaction", "custom_markers", category), message, hint)

    def beside(self, other: Self) -> Self:
        """The categories by name, where one of the two names them: the modes say nothing then."""
        if not (self.entities or other.entities):
            return self
        return replace(self, entities=tuple(sorted(self.categories)), healthcare_mode=False, pci_mode=False)

    @cached_property
    def categories(self) -> frozenset[str]:
        """What is looked for."""
        from keeptrusts.detect.pii import BASE_CATEGORIES, CARD_CATEGORIES, HEALTH_CATEGORIES

        if self.entities:
            return frozenset(self.entities)
        cards = CARD_CATEGORIES if self.pci_mode else ()
        health = HEALTH_CATEGORIES if self.healthcare_mode else ()
        return frozenset((*BASE_CATEGORIES, *cards, *health))

    def judge(self, exchange: Exchange) -> Verdict:
        found = matches_in(exchange.texts, lambda text: self._find(text, answered=exchange.answered))
        if self.restore and not exchange.answered:
            edits = numbered_edits(found, exchange)
        else:
            edits = edits_for(found, self.redaction)
        return block_or_redact(self.action, "pii_detector", "personal data may not be sent", edits)

    def is_silent(self, text: str) -> bool:
        if self.detect_patterns:
            return False
        from keeptrusts.detect.pii import rules_for

        return rules_for(self.categories).is_silent(text)

    def _find(self, text: str, *, answered: bool) -> list[Hit]:
        found = self._find_pii(text, self.categories, limited=answered)
        if not self.detect_patterns:
            return found
        found += self._patterns.find(text, limited=answered)
        return sorted(found, key=lambda hit: (hit.start, -hit.end))

    @cached_property
    def _find_pii(self) -> Callable[..., list[Hit]]:
        from keeptrusts.detect.pii import find_pii

        return find_pii

    @cached_property
    def _patterns(self) -> TenantPatterns:
        from keeptrusts.detect.tenant import TenantPatterns

        return TenantPatterns(self.detect_patterns, CUSTOM)

    def holdback(self) -> int | None:
        from keeptrusts.detect.pattern import widest
        from keeptrusts.detect.pii import rules_for

        own = widest(self.detect_patterns)
        return None if own is None else max(own, rules_for(self.categories).width)
