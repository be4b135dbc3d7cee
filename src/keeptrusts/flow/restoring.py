"""Placeholders that stand for the caller's own values go back to them on the way out (`pii-detector.restore`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from keeptrusts.core.verdict import Allow, Edit, Redact, Verdict, apply_edits
from keeptrusts.flow.window import Stage


def find_placeholders(restorable: Mapping[str, str]) -> Callable[[str], Verdict]:
    """A judge that gives each placeholder back for what it stands for."""

    def judge(text: str) -> Verdict:
        edits = [edit for held, value in restorable.items() for edit in _each(text, held, value)]
        return Redact("restored", tuple(edits)) if edits else Allow()

    return judge


def restoring_stage(restorable: Mapping[str, str]) -> Stage | None:
    """The last stage of a stream; None when there is nothing to give back."""
    if not restorable:
        return None
    return Stage(find_placeholders(restorable), max(len(held) for held in restorable))


def restored(text: str, restorable: Mapping[str, str]) -> str:
    """A whole text with its placeholders given back."""
    verdict = find_placeholders(restorable)(text)
    return apply_edits(text, verdict.edits) if isinstance(verdict, Redact) else text


def _each(text: str, placeholder: str, value: str) -> list[Edit]:
    found: list[Edit] = []
    at = text.find(placeholder)
    while at >= 0:
        found.append(Edit((), at, at + len(placeholder), "restored", value))
        at = text.find(placeholder, at + 1)
    return found
