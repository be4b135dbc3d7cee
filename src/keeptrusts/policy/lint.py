"""Findings of a document. The standard library and PyYAML suffice; an installed RE2 is asked about patterns."""

from __future__ import annotations

from keeptrusts.policy.analysis import Analysis, analyse
from keeptrusts.policy.findings import Report
from keeptrusts.policy.reading import members_of


def lint_document(text: str, *, allow_literal_secrets: bool = False) -> Report:
    """
    Everything that is wrong with a document, in its order.

    Args:
        allow_literal_secrets: A literal `api_key` is let pass here; a gateway refuses it all the same.
    """
    analysis = analyse(text, allow_literal_secrets=allow_literal_secrets)
    return Report(_pack(analysis), analysis.chain, analysis.errors, analysis.warnings)


def _pack(analysis: Analysis) -> dict[str, str] | None:
    if analysis.document:
        return {"name": analysis.document.pack.name, "version": analysis.document.pack.version}
    pack = (members_of(analysis.root) or {}).get("pack") if analysis.root else None
    said = members_of(pack) or {} if pack else {}
    values = {name: said[name].value for name in ("name", "version") if name in said}
    found = {name: value for name, value in values.items() if isinstance(value, str)}
    return found if len(found) == 2 else None
