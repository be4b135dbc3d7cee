"""Unsafe code and credentials in it, taken out of answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Literal

from keeptrusts.core.exchange import Exchange, Phase
from keeptrusts.core.verdict import Allow, Verdict
from keeptrusts.policy.checks import Regex
from keeptrusts.policy.kind import Policy
from keeptrusts.policy.redaction import Redaction, block_or_redact, edits_for, matches_in
from keeptrusts.policy.schema import Attr

if TYPE_CHECKING:
    from keeptrusts.detect.scan import Hit
    from keeptrusts.detect.tenant import TenantPatterns

CUSTOM: Final = "custom"


class _Marker(Redaction):
    def marker(self, category: str, value: str) -> str:
        del category, value
        return "[REDACTED]"


@dataclass(frozen=True)
class CodeSanitizer(Policy):
    """
    Take unsafe code out of answers, or refuse them.

    Found are calls that run commands or code from text, unsafe deserialisation, commands that destroy data, scripts run
    from the network, verification switched off, queries and pages put together from text, world-writable files, and
    credentials written into code. Each gives way to `[REDACTED]`; the record names the category. Patterns are looked
    for in the whole answer, not only between fences: a fence is easily left out. `code-sanitation` is another name of
    this kind.
    """

    kind: ClassVar[str] = "code-sanitizer"
    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.OUTPUT})
    example: ClassVar[str] = """
        additional_patterns: ["corp-[a-z0-9]{12}"]
    """

    enabled: Annotated[bool, Attr("False: it looks at nothing.", stronger="on")] = True
    block_on_match: Annotated[bool, Attr("Refuse the answer instead of taking the code out.", stronger="on")] = False
    additional_patterns: Annotated[
        tuple[Regex, ...], Attr("Further patterns; their category is `custom`.", stronger="more")
    ] = ()

    def judge(self, exchange: Exchange) -> Verdict:
        if not self.enabled:
            return Allow()
        found = matches_in(exchange.texts, lambda text: self._find(text, answered=exchange.answered))
        action: Literal["redact", "block"] = "block" if self.block_on_match else "redact"
        return block_or_redact(action, "code_sanitizer", "the answer holds unsafe code", edits_for(found, _Marker()))

    def is_silent(self, text: str) -> bool:
        return not self.enabled or (not self.additional_patterns and self._is_harmless(text))

    def _find(self, text: str, *, answered: bool) -> list[Hit]:
        found = self._find_code(text, limited=answered)
        if not self.additional_patterns:
            return found
        found += self._patterns.find(text, limited=answered)
        return sorted(found, key=lambda hit: (hit.start, -hit.end))

    @cached_property
    def _find_code(self) -> Callable[..., list[Hit]]:
        from keeptrusts.detect.code import find_code

        return find_code

    @cached_property
    def _is_harmless(self) -> Callable[[str], bool]:
        from keeptrusts.detect.code import is_harmless

        return is_harmless

    @cached_property
    def _patterns(self) -> TenantPatterns:
        from keeptrusts.detect.tenant import TenantPatterns

        return TenantPatterns(self.additional_patterns, CUSTOM)

    def changes_texts(self) -> bool:
        return self.enabled and not self.block_on_match

    def holdback(self) -> int | None:
        from keeptrusts.detect.code import RULES
        from keeptrusts.detect.pattern import widest

        own = widest(self.additional_patterns)
        if not self.enabled:
            return 0
        return None if own is None else max(own, RULES.width)
