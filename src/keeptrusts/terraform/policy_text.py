"""The policy document inside a plan: findings on the attribute, and whether two texts mean the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from keeptrusts.terraform.diagnostics import Diagnostics
from keeptrusts.terraform.failures import item_text
from keeptrusts.terraform.sound import Sound, of_this_provider

if TYPE_CHECKING:
    from keeptrusts.api.simulations import Simulation
    from keeptrusts.policy.comparing import Change
    from keeptrusts.policy.findings import Report

ATTRIBUTE = "policy_yaml"
_MOST_TOLD = 50
_FEW = 3


def lint(text: str, diagnostics: Diagnostics) -> None:
    """One diagnostic for each finding. Nothing leaves this machine."""
    sound = _sound()
    if text in sound:
        return
    report = _linted(text)
    if not report.errors and not report.warnings:
        sound.add(text)
    for finding in report.errors[:_MOST_TOLD]:
        diagnostics.error("Invalid policy document", item_text(asdict(finding)), ATTRIBUTE)
    for finding in report.warnings[:_MOST_TOLD]:
        diagnostics.warn("Policy document", item_text(asdict(finding)), ATTRIBUTE)


def means_the_same(older: str, newer: str) -> bool:
    """Whether the documents are equal with every default filled in. A text that does not lint equals only itself."""
    if older == newer:
        return True
    from keeptrusts.policy.findings import InvalidPolicyError

    try:
        return _meaning(older) == _meaning(newer)
    except InvalidPolicyError:
        return False


def tell_changes(older: str, newer: str, diagnostics: Diagnostics, *, may_weaken: bool) -> bool:
    """
    What a planned change of the document means, as a warning; an error when it weakens it and may not: then False.

    Both texts mean something else, and the newer one lints.
    """
    from keeptrusts.policy.diff import diff_documents, weakenings
    from keeptrusts.policy.findings import InvalidPolicyError

    try:
        changes = diff_documents(older, newer)
    except InvalidPolicyError:
        detail = "The document in the state does not lint with this version of the provider, so they are not compared."
        diagnostics.warn("The policy changes", detail, ATTRIBUTE)
        return True
    weaker = weakenings(changes)
    if weaker and not may_weaken:
        detail = f"{_lines(weaker)}\n\n`allow_weakening` is false: set it to true for this change, or leave it out."
        diagnostics.error("The policy would be weakened", detail, ATTRIBUTE)
        return False
    if changes:
        title = "The policy is weakened" if weaker else "The policy changes"
        diagnostics.warn(title, _lines((*weaker, *(one for one in changes if one not in weaker))), ATTRIBUTE)
    return True


def impact_text(impact: Simulation) -> str:
    """Counts of what would change, and a few decisions to look at."""
    moved = {
        "blocked": impact["newly_blocked"],
        "escalated": impact["newly_escalated"],
        "redacted": impact["newly_redacted"],
        "allowed": impact["newly_allowed"],
    }
    counts = ", ".join(f"{one['count']} newly {name}" for name, one in moved.items() if one["count"])
    looked_at = f"Of the newest {impact['replayed']} decisions that could be judged again"
    if not counts:
        return f"{looked_at}, none would change."
    shown = ", ".join(f"`{one}`" for some in moved.values() for one in some["sample_event_ids"][:_FEW])
    return f"{looked_at}: {counts}. For example {shown}; see `kt events why`."


def _lines(changes: Sequence[Change]) -> str:
    """Weakenings come first; there may be more than anybody reads."""
    lines = [change.as_line() for change in changes[:_MOST_TOLD]]
    more = len(changes) - len(lines)
    return "\n".join((*lines, *([f"... and {more} more"] if more else ())))


@lru_cache(maxsize=1)
def _sound() -> Sound:
    return of_this_provider()


@lru_cache(maxsize=16)
def _linted(text: str) -> Report:
    """Kept, because modules often give many configurations one document."""
    from keeptrusts.policy.lint import lint_document

    return lint_document(text)


@lru_cache(maxsize=16)
def _meaning(text: str) -> dict[str, Any]:
    from keeptrusts.policy.document import normalise

    return normalise(text)
