"""Material information that is not public."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, ClassVar

from keeptrusts.core.exchange import Exchange, Phase
from keeptrusts.core.verdict import Verdict
from keeptrusts.policy.checks import Regex
from keeptrusts.policy.kind import Policy
from keeptrusts.policy.schema import Attr
from keeptrusts.policy.wordlist import Wordlist, block_or_escalate


@dataclass(frozen=True)
class MnpiFilter(Policy):
    """
    Refuse texts that give material non-public information away, or ask for it.

    Built in are phrases of the categories `marking`, `earnings`, `deals`, `events` and `trading`. The reason names the
    category. Add what your own projects and documents are called.
    """

    kind: ClassVar[str] = "mnpi-filter"
    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.INPUT, Phase.OUTPUT})
    example: ClassVar[str] = """
        detect_patterns: ["(?i)project (falcon|osprey)"]
    """

    detect_patterns: Annotated[
        tuple[Regex, ...], Attr("Patterns besides the built-in phrases; their category is `pattern`.", stronger="more")
    ] = ()

    def judge(self, exchange: Exchange) -> Verdict:
        found = self._words.matches(exchange)
        return block_or_escalate("block", "mnpi_filter", "the text holds information that is not public", found)

    @cached_property
    def _words(self) -> Wordlist:
        from keeptrusts.detect.wordlists.insider_information import MNPI

        return Wordlist({}, MNPI, {"pattern": self.detect_patterns})

    def holdback(self) -> int | None:
        return self._words.width
