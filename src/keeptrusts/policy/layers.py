"""Policy documents laid over each other: a later layer replaces what it names, and leaves the rest."""

from __future__ import annotations

from typing import Any

import yaml

from keeptrusts.core.errors import InputError
from keeptrusts.policy.source import SourceError, plain, read_source


def read_layer(text: str, name: str) -> dict[str, Any]:
    """
    A part of a document, as plain values.

    Args:
        name: What it is called in errors.

    Raises:
        InputError: It is no YAML, or no mapping.
    """
    try:
        root, findings = read_source(text)
    except SourceError as broken:
        root, findings = None, [broken.finding]
    if findings:
        first = findings[0]
        raise InputError(f"`{name}:{first.line}:{first.column}`: {first.message}")
    found = plain(root) if root is not None else None
    if not isinstance(found, dict):
        raise InputError(f"`{name}` is not a mapping: a layer is a part of a policy document")
    return found


def merge(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`over` laid on `under`: mappings are merged, everything else is replaced."""
    merged = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def written(document: dict[str, Any]) -> str:
    """A document as YAML, its keys in their order."""
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
