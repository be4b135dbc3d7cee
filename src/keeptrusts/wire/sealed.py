"""
What a provider seals for itself is no text (ADR-0151): it says nothing to a reader, and has to come back unchanged.

A provider takes back only what it sealed itself, so nothing can be said to its model in there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from keeptrusts.wire.texts import is_opaque

_NAMES: Final = frozenset({"encrypted_content", "encrypted_index", "encrypted_stdout"})
_OF_THOUGHTS: Final = frozenset({"data", "signature"})
"""Beside a `type` that begins with `reasoning.`, as routers of several providers write it."""
LEAST_CHARS: Final = 64
"""No signature of a thought is shorter; what is may be a key of somebody's."""


def legible(value: Any, least: int = 0) -> Any:
    """
    Without what only the provider can read. The places of all else stay.

    Args:
        least: Characters that it has, but for thoughts; more than none where the provider may be anybody.
    """
    if isinstance(value, list):
        return [legible(item, least) for item in value]
    if isinstance(value, dict):
        kept = {name: member for name, member in value.items() if not _is_sealed(value, name, member, least)}
        return {name: legible(member, least) for name, member in kept.items()}
    return value


def _is_sealed(beside: Mapping[str, Any], name: str, member: Any, least: int) -> bool:
    kind = beside.get("type")
    if name == "thought_signature" or (
        name in _OF_THOUGHTS and isinstance(kind, str) and kind.startswith("reasoning.")
    ):
        least = LEAST_CHARS
    elif name not in _NAMES:
        return False
    return is_opaque(member) and (member is None or len(member) >= least)
