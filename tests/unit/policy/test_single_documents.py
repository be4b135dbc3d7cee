"""Kinds that may stand alone in a document."""

from __future__ import annotations

import pytest

from keeptrusts.policy.document import compile_document

HEADER = "policy: {name: alone, version: 1.0.0, enabled: true}\n"


@pytest.mark.parametrize(
    ("sections", "kind"),
    [
        ("require_sources: true\nmin_groundedness: 0.5\n", "citation-verifier"),
        ("min_output_chars: 40\nassertions: [{type: is-json}]\n", "quality-scorer"),
    ],
)
def test_a_document_of_one_kind_is_a_chain_of_it(sections: str, kind: str) -> None:
    """It is told by its sections."""
    assert compile_document(HEADER + sections).kinds == (kind,)
