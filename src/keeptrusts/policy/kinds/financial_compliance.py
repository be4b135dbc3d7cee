"""What an answer about money may not say, and what it has to say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from keeptrusts.core.exchange import Exchange, Phase
from keeptrusts.core.verdict import Verdict
from keeptrusts.policy.kind import Additions, Policy
from keeptrusts.policy.schema import Fault
from keeptrusts.policy.wording import BlockedPatterns, RequiredDisclaimers, Wording, disclaimer_faults, missing


@dataclass(frozen=True)
class FinancialCompliance(Policy):
    """
    Refuse answers with listed wording, and end the others with the required disclaimers.

    A disclaimer that the answer says itself, in any case and spacing, is not added again. It is added to what the model
    says to its reader, also to an answer that is JSON; not to tool calls, reasoning or an empty answer. Without
    settings nothing is refused or added.
    """

    kind: ClassVar[str] = "financial-compliance"
    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.OUTPUT})
    adds: ClassVar[bool] = True
    example: ClassVar[str] = """
        blocked_patterns: ["guaranteed returns?", buy this stock]
        required_disclaimers:
          - This is not financial advice.
          - Past performance does not guarantee future results.
    """

    blocked_patterns: BlockedPatterns = ()
    required_disclaimers: RequiredDisclaimers = ()

    def faults(self) -> Iterable[Fault]:
        return disclaimer_faults("required_disclaimers", self.required_disclaimers)

    def judge(self, exchange: Exchange) -> Verdict:
        return self._wording.judge(exchange, "financial_compliance", "money")

    def ending(self, text: str) -> Additions:
        return missing(text, self.required_disclaimers)

    @cached_property
    def _wording(self) -> Wording:
        return Wording(self.blocked_patterns)

    def holdback(self) -> int | None:
        return self._wording.holdback
