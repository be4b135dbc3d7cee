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
_LEAST_CHARS: Final = 64
"""No signature is shorter; what is may be a key of somebody's."""


def legible(value: Any) -> Any:
    """Without what only the provider can read. The places of all else stay."""
    if isinstance(value, list):
        return [legible(item) for item in value]
    if isinstance(value, dict):
        return {name: legible(member) for name, member in value.items() if not _is_sealed(value, name, member)}
    return value


def _is_sealed(beside: Mapping[str, Any], name: str, member: Any) -> bool:
    if name in _NAMES:
        return is_opaque(member)
    kind = beside.get("type")
    of_thoughts = name in _OF_THOUGHTS and isinstance(kind, str) and kind.startswith("reasoning.")
    if name == "thought_signature" or of_thoughts:
        return isinstance(member, str) and len(member) >= _LEAST_CHARS and is_opaque(member)
    return False
