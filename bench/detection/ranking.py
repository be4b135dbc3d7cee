"""Scores of texts, and what they say of a detector."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from labelled import Prompt

from keeptrusts.detect.injection import assess
from keeptrusts.detect.topics import INJECTION_THRESHOLD


@dataclass(frozen=True, slots=True)
class Scored:
    """A text's score, without the text."""

    label: int
    source: str
    score: float

    @property
    def flagged(self) -> bool:
        return self.score >= INJECTION_THRESHOLD


def scored(one: Prompt, *, classify: bool) -> Scored:
    return Scored(one.label, one.source, assess(one.text, classify=classify).score)


def rates(said: Sequence[Scored]) -> str:
    """One line: how well the scores tell attacks from harmless texts."""
    attacks = sorted(one.score for one in said if one.label)
    harmless = sorted(one.score for one in said if not one.label)
    if not attacks or not harmless:
        return "there are not both kinds of texts."
    above, far_above = (
        sum(score > harmless[-max(len(harmless) // part, 1)] for score in attacks) / len(attacks)
        for part in (100, 1000)
    )
    missed = sum(one.flagged for one in said if one.label) / len(attacks)
    alarms = sum(one.flagged for one in said if not one.label) / len(harmless)
    return (
        f"AUROC {area(attacks, harmless):.3f}, TPR at 1 % FPR {above:.3f}, at 0.1 % {far_above:.3f};"
        f" at the default threshold FPR {alarms:.2%} and TPR {missed:.3f}."
    )


def area(attacks: Sequence[float], harmless: Sequence[float]) -> float:
    """Area under the ROC curve, by ranks (Mann and Whitney 1947); both in order."""
    from bisect import bisect_left, bisect_right

    ranks = sum(bisect_left(harmless, score) + bisect_right(harmless, score) for score in attacks)
    return ranks / (2 * len(attacks) * len(harmless))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    yield from ("| " + " | ".join(row) + " |" for row in rows)
    yield ""
