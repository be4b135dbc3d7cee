"""The policy document inside a plan: findings on the attribute, and whether two texts mean the same."""

from __future__ import annotations

from dataclasses import asdict
from functools import lru_cache
from typing import Any

from keeptrusts.terraform.diagnostics import Diagnostics
from keeptrusts.terraform.failures import item_text

ATTRIBUTE = "policy_yaml"
_MOST_TOLD = 50


def lint(text: str, diagnostics: Diagnostics) -> None:
    """One diagnostic for each finding. Nothing leaves this machine."""
    from keeptrusts.policy.lint import lint_document

    report = lint_document(text)
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


@lru_cache(maxsize=16)
def _meaning(text: str) -> dict[str, Any]:
    from keeptrusts.policy.document import normalise

    return normalise(text)
