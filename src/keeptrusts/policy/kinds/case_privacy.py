"""Court cases and their parties out of requests and answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from keeptrusts.core.exchange import Exchange, Phase
from keeptrusts.core.verdict import Verdict
from keeptrusts.policy.kind import Policy
from keeptrusts.policy.redaction import LABELS, block_or_redact, edits_for, matches_in
from keeptrusts.policy.schema import Attr


@dataclass(frozen=True)
class CasePrivacy(Policy):
    """
    Redact numbers of court cases and dockets, and the names of parties.

    Numbers are found in the forms of federal courts (`1:21-cv-01234-ABC`, `No. 21-1234`), of many state courts
    (`2021-CF-004512`, `21STCV12345`) and behind labels such as `Case No.` and `Docket No.`; parties in captions
    (`Roe v. Acme Corp.`, `In re Roe`) and behind their role (`Plaintiff Ann Roe`). Names elsewhere are not found.
    """

    kind: ClassVar[str] = "case-privacy"
    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.INPUT, Phase.OUTPUT})
    example: ClassVar[str] = """
        detect_patterns: [case_number, docket_number, party_name]
    """

    detect_patterns: Annotated[
        tuple[Literal["case_number", "docket_number", "party_name"], ...],
        Attr("What is looked for.", minimum=1, stronger="more"),
    ] = ("case_number",)

    def judge(self, exchange: Exchange) -> Verdict:
        from keeptrusts.detect.court import find_cases

        limited = exchange.answered
        found = matches_in(exchange.texts, lambda text: find_cases(text, self.detect_patterns, limited=limited))
        return block_or_redact("redact", "case_privacy", "", edits_for(found, LABELS))

    def changes_texts(self) -> bool:
        return True

    def holdback(self) -> int | None:
        from keeptrusts.detect.court import court_rules

        return court_rules(frozenset(self.detect_patterns)).width
