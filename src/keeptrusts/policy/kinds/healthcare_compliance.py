"""What an answer about health may not say, and what it has to say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, ClassVar, Literal

from keeptrusts.core.exchange import Exchange, Phase
from keeptrusts.core.verdict import Verdict
from keeptrusts.policy.kind import Additions, Policy
from keeptrusts.policy.schema import Attr, Fault
from keeptrusts.policy.wording import BlockedPatterns, RequiredDisclaimers, Wording, disclaimer_faults, missing


@dataclass(frozen=True)
class HealthcareCompliance(Policy):
    """
    Refuse answers with listed wording, and end the others with the required disclaimers.

    A disclaimer that the answer says itself, in any case and spacing, is not added again. It is added to what the model
    says to its reader, also to an answer that is JSON; not to tool calls, reasoning or an empty answer. Without
    settings nothing is refused or added.
    """

    kind: ClassVar[str] = "healthcare-compliance"
    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.OUTPUT})
    adds: ClassVar[bool] = True
    example: ClassVar[str] = """
        blocked_patterns: ["you (?:have|should take)"]
        required_disclaimers: [Consult a doctor before you act on this.]
        fda_class: II
    """

    blocked_patterns: BlockedPatterns = ()
    required_disclaimers: RequiredDisclaimers = ()
    fda_class: Annotated[
        Literal["I", "II", "III"] | None,
        Attr(
            "Class of the device that the answers come from (21 CFR 860.3): they end with a sentence that names it and"
            " leaves the decision to a professional.",
            stronger="given",
        ),
    ] = None

    def faults(self) -> Iterable[Fault]:
        return disclaimer_faults("required_disclaimers", self.required_disclaimers)

    def judge(self, exchange: Exchange) -> Verdict:
        return self._wording.judge(exchange, "healthcare_compliance", "health")

    def ending(self, text: str) -> Additions:
        return missing(text, (*self.required_disclaimers, *self._device()))

    def _device(self) -> tuple[str, ...]:
        if self.fda_class is None:
            return ()
        device = f"This comes from device software (FDA class {self.fda_class})"
        return (f"{device}; a health care professional makes the decision.",)

    @cached_property
    def _wording(self) -> Wording:
        return Wording(self.blocked_patterns)

    def holdback(self) -> int | None:
        return self._wording.holdback
