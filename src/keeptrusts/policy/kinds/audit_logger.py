"""What a record keeps, and for how long."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal, Self

from keeptrusts.core.exchange import Exchange, Phase
from keeptrusts.core.verdict import PASS, Verdict
from keeptrusts.policy.kind import Policy
from keeptrusts.policy.schema import Attr, Fault

_HOURS_A_DAY = 24
_DAYS = 365
_HIPAA_DAYS = 6 * 365
"""45 CFR 164.316(b)(2)(i): six years."""


@dataclass(frozen=True)
class AuditLogger(Policy):
    """
    Set what the record of a decision keeps of the texts, and how long the control plane keeps the record.

    It never objects. Every decision is recorded with or without it; records are never changed.
    """

    kind: ClassVar[str] = "audit-logger"
    phases: ClassVar[frozenset[Phase]] = frozenset(Phase)
    records_only: ClassVar[bool] = True
    example: ClassVar[str] = """
        retention_days: 2190
        content: redacted
    """

    retention_days: Annotated[
        int | None, Attr("Days; 365 when no retention is given.", minimum=1, maximum=36_500, stronger="higher")
    ] = None
    retention_hours: Annotated[
        int | None,
        Attr("Instead of `retention_days`, in hours.", minimum=1, maximum=36_500 * _HOURS_A_DAY, stronger="higher"),
    ] = None
    immutable: Annotated[
        Literal[True], Attr("Records are chained and never changed; it cannot be switched off.", stronger="on")
    ] = True
    hipaa_audit_controls: Annotated[bool, Attr("Refuse a retention under six years.", stronger="on")] = False
    log_all_access: Annotated[
        Literal[True], Attr("Every request is recorded; it cannot be switched off.", stronger="on")
    ] = True
    content: Annotated[
        Literal["none", "digest", "redacted", "full"],
        Attr(
            "Texts in the record: none, their digest, as redacted, or as they came.",
            stronger=("none", "digest", "redacted"),
        ),
    ] = "redacted"

    def judge(self, exchange: Exchange) -> Verdict:
        del exchange
        return PASS

    def holdback(self) -> int:
        return 0

    def kept_hours(self) -> int:
        """The retention in hours."""
        if self.retention_hours is not None:
            return self.retention_hours
        return (self.retention_days or _DAYS) * _HOURS_A_DAY

    def beside(self, other: Self) -> Self:
        """Retention in the unit that both use, or in hours."""
        if self.retention_days is not None and other.retention_days is not None:
            return self
        return replace(self, retention_days=None, retention_hours=self.kept_hours())

    def faults(self) -> Iterable[Fault]:
        if self.retention_days is not None and self.retention_hours is not None:
            message = "`retention_days` and `retention_hours` are both given"
            yield Fault("E003", ("retention_hours",), message, "keep one of the two")
        if self.hipaa_audit_controls and self.kept_hours() < _HIPAA_DAYS * _HOURS_A_DAY:
            message = "`hipaa_audit_controls` wants a retention of six years"
            yield Fault("E009", ("hipaa_audit_controls",), message, f"write `retention_days: {_HIPAA_DAYS}` or more")
