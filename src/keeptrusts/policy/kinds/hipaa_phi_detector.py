"""Protected health information out of requests and answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from keeptrusts.core.exchange import Exchange, Phase
from keeptrusts.core.verdict import Verdict
from keeptrusts.policy.kind import Policy
from keeptrusts.policy.redaction import LABELS, RedactOrBlock, block_or_redact, edits_for, matches_in
from keeptrusts.policy.schema import Attr

if TYPE_CHECKING:
    from keeptrusts.detect.scan import Hit


@dataclass(frozen=True)
class HipaaPhiDetector(Policy):
    """
    Redact or refuse the eighteen identifiers of the HIPAA Privacy Rule (45 CFR 164.514(b)(2)).

    Found are telephone and fax numbers, e-mail, IP and web addresses, social security, medical record, health plan,
    account, licence, vehicle and device numbers, biometric identifiers, street addresses, and names behind a label or
    a title (`Patient: Ann Lee`, `Mrs. Lee`). With `safe_harbor_method` also dates beyond the year, ages of 90 and
    more, ZIP codes, towns behind a label, and other numbers behind a label such as `Encounter ID`; without it these
    stay, as a limited data set may have them (45 CFR 164.514(e)). Names in running text are not found, and neither is
    what only a reader could tell: this supports de-identification and does not certify it.
    """

    kind: ClassVar[str] = "hipaa-phi-detector"
    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.INPUT, Phase.OUTPUT})
    example: ClassVar[str] = """
        action: redact
        safe_harbor_method: true
    """

    mode: Annotated[Literal["hipaa_18"], Attr("The list of identifiers; there is one.", stronger=("hipaa_18",))] = (
        "hipaa_18"
    )
    action: RedactOrBlock = "redact"
    safe_harbor_method: Annotated[
        bool, Attr("All eighteen identifiers; else those that a limited data set may not have.", stronger="on")
    ] = True

    def judge(self, exchange: Exchange) -> Verdict:
        found = matches_in(exchange.texts, lambda text: self._find(text, answered=exchange.answered))
        message = "protected health information may not be sent"
        return block_or_redact(self.action, "hipaa_phi_detector", message, edits_for(found, LABELS))

    def _find(self, text: str, *, answered: bool) -> list[Hit]:
        from keeptrusts.detect.health import find_identifiers

        return find_identifiers(text, limited_data_set=not self.safe_harbor_method, limited=answered)

    def holdback(self) -> int | None:
        from keeptrusts.detect.health import identifiers

        return identifiers(limited_data_set=not self.safe_harbor_method).width
