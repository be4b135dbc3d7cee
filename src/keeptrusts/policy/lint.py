"""Findings of a document. The standard library and PyYAML suffice; an installed RE2 is asked about patterns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from keeptrusts.policy.analysis import Analysis, analyse
from keeptrusts.policy.findings import Finding, Report
from keeptrusts.policy.reading import members_of
from keeptrusts.policy.source import Node, Spot

if TYPE_CHECKING:
    from keeptrusts.policy.comparing import Change


def lint_document(text: str, *, allow_literal_secrets: bool = False) -> Report:
    """
    Everything that is wrong with a document, in its order.

    Args:
        allow_literal_secrets: A literal `api_key` is let pass here; a gateway refuses it all the same.
    """
    analysis = analyse(text, allow_literal_secrets=allow_literal_secrets)
    return Report(_pack(analysis), analysis.chain, analysis.errors, analysis.warnings)


def weakened(text: str, base: str, *, allow_literal_secrets: bool = False) -> tuple[Finding, ...]:
    """
    A warning for each change from the base that makes the document more lenient.

    Raises:
        InvalidPolicyError: One of them does not lint.
    """
    from keeptrusts.policy.diff import diff_documents, weakenings

    root = analyse(text).root
    assert root is not None
    changes = diff_documents(base, text, allow_literal_secrets=allow_literal_secrets)
    return tuple(_weaker(change, root) for change in weakenings(changes))


def _weaker(change: Change, root: Node) -> Finding:
    message = f"weaker than the base: {change.as_line().removesuffix(' (weakens)')}"
    return Finding("W004", change.path, *_spot(change.path, root), message, _REVIEW, "warning")


_REVIEW = "keep what the base says, or have the change reviewed"


def _spot(path: str, root: Node) -> Spot:
    """Where a path of a change stands, as deep as the document goes."""
    node, spot = root, root.spot
    while path:
        found = _step(path, node)
        if found is None:
            break
        node, spot, path = found
    return spot


def _step(path: str, node: Node) -> tuple[Node, Spot, str] | None:
    """One step along a path: what is there, where it stands, and the rest of the path."""
    if isinstance(node.value, Mapping):
        # a key may hold dots itself, so the longest that fits
        key = max((key for key in node.value if f"{path}.".startswith((f"{key}.", f"{key}["))), key=len, default=None)
        return None if key is None else (node.value[key], node.keys[key], path[len(key) :].removeprefix("."))
    from keeptrusts.policy.comparing import NAMED_BY

    name, _, rest = path.removeprefix("[").partition("]")
    for item in node.value if isinstance(node.value, tuple) and path.startswith("[") else ():
        members = item.value if isinstance(item.value, Mapping) else {}
        if name in (item.value, *(members[key].value for key in NAMED_BY if key in members)):
            return item, item.spot, rest.removeprefix(".")
    return None


def _pack(analysis: Analysis) -> dict[str, str] | None:
    if analysis.document:
        return {"name": analysis.document.pack.name, "version": analysis.document.pack.version}
    pack = (members_of(analysis.root) or {}).get("pack") if analysis.root else None
    said = members_of(pack) or {} if pack else {}
    values = {name: said[name].value for name in ("name", "version") if name in said}
    found = {name: value for name, value in values.items() if isinstance(value, str)}
    return found if len(found) == 2 else None
