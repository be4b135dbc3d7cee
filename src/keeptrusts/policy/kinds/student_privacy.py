"""Data of students out of requests and answers, and children out of conversations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from keeptrusts.core.exchange import Exchange, Phase, Role
from keeptrusts.core.verdict import Block, Match, Verdict
from keeptrusts.policy.kind import Policy
from keeptrusts.policy.redaction import LABELS, RedactOrBlock, block_or_redact, edits_for, matches_in
from keeptrusts.policy.schema import Attr


@dataclass(frozen=True)
class StudentPrivacy(Policy):
    """
    Redact or refuse what identifies a student (FERPA, 34 CFR 99.3), and refuse children when asked to.

    Found are student numbers and names of students and their family behind a label (`Student ID: 00451234`,
    `Student: Ann Lee`), grade averages, ranks and scores behind theirs, e-mail addresses, telephone and social
    security numbers, dates and places of birth, street addresses and other identifiers. Names elsewhere are not found.

    With `age_gate` a request in which somebody says to be younger than 13 (16 CFR 312.2) is refused, whatever
    `action` is.
    """

    kind: ClassVar[str] = "student-privacy"
    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.INPUT, Phase.OUTPUT})
    example: ClassVar[str] = """
        action: redact
        age_gate: true
    """

    action: RedactOrBlock = "redact"
    age_gate: Annotated[bool, Attr("Refuse who says to be younger than 13.", stronger="on")] = False

    def judge(self, exchange: Exchange) -> Verdict:
        from keeptrusts.detect.school import find_students

        if self.age_gate and not exchange.answered and (children := _children(exchange)):
            return Block("student_privacy.age_gate", "this service is not for children under 13", children)
        limited = exchange.answered
        found = matches_in(exchange.texts, lambda text: find_students(text, limited=limited))
        message = "data of students may not be sent"
        return block_or_redact(self.action, "student_privacy", message, edits_for(found, LABELS))

    def holdback(self) -> int | None:
        from keeptrusts.detect.school import student_rules

        return student_rules().width


def _children(exchange: Exchange) -> tuple[Match, ...]:
    from keeptrusts.detect.school import find_children

    said = (text for text in exchange.texts if text.role is Role.USER)
    return tuple(Match(text.place, hit.start, hit.end, "age") for text in said for hit in find_children(text.value))
