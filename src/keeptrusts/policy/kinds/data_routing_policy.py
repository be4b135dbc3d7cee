"""Which providers may see the data at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from keeptrusts.core.exchange import Exchange, Phase, Target
from keeptrusts.core.verdict import Allow, Verdict
from keeptrusts.policy.kind import Policy
from keeptrusts.policy.schema import Attr


@dataclass(frozen=True)
class DataRoutingPolicy(Policy):
    """
    Admit only targets that handle data as required. Fallback targets obey it too.

    What a target does not declare counts against it: an unknown retention is not a short one.
    """

    kind: ClassVar[str] = "data-routing-policy"
    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.ROUTE})
    example: ClassVar[str] = """
        require_zero_data_retention: true
        allowed_regions: [eu-west-1]
    """

    require_zero_data_retention: Annotated[bool, Attr("Only targets that keep nothing.", stronger="on")] = False
    require_no_training: Annotated[bool, Attr("Only targets that do not train on the traffic.", stronger="on")] = False
    max_retention_days: Annotated[int | None, Attr("Longest retention of a target.", minimum=0, stronger="lower")] = (
        None
    )
    require_local: Annotated[bool, Attr("Only targets inside your own network.", stronger="on")] = False
    allowed_regions: Annotated[frozenset[str], Attr("Regions; empty means every region.", stronger="only")] = (
        frozenset()
    )
    on_no_compliant_provider: Annotated[
        Literal["block"], Attr("503 `no_compliant_provider` when no target is left.", stronger="neutral")
    ] = "block"
    log_provider_selection: Annotated[
        bool, Attr("Every record names the target that was used, whatever this says.", stronger="neutral")
    ] = True

    def judge(self, exchange: Exchange) -> Verdict:
        del exchange
        return Allow()

    def admits(self, target: Target) -> str | None:
        faults = (
            (self.require_local and not target.local, "local"),
            (bool(self.allowed_regions) and target.region not in self.allowed_regions, "region"),
            (self.require_zero_data_retention and not target.zero_data_retention, "retention"),
            (self.require_no_training and not target.training_opt_out, "training"),
            (self._keeps_too_long(target), "retention_days"),
        )
        return next((f"data_routing_policy.{detail}" for wrong, detail in faults if wrong), None)

    def _keeps_too_long(self, target: Target) -> bool:
        if self.max_retention_days is None or target.zero_data_retention:
            return False
        return target.retention_days is None or target.retention_days > self.max_retention_days
