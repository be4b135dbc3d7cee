"""
The values that came last, by their bytes.

Terraform sends each object several times in a row: what was read is then the prior state, the proposed one, and often
what is answered. Each is decoded once, and given back as the bytes that it came as; nobody may change what was decoded.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MOST = 256
"""Objects of as many calls as Terraform makes at a time, by default ten."""
LONGEST = 65_536
"""Longer ones are not kept, so that all of them together stay small."""

_values: dict[bytes, Any] = {}
_bytes: dict[int, tuple[Any, bytes]] = {}
"""By identity, which lasts as long as the value is kept here."""


def keep(encoded: bytes, value: Any) -> None:
    """Only objects: anything else is as quickly read again, and is the same object for many bytes."""
    if isinstance(value, dict) and len(encoded) <= LONGEST:
        if len(_values) >= MOST:
            _values.clear()
            _bytes.clear()
        _values[encoded] = value
        _bytes[id(value)] = value, encoded


def decoded(encoded: bytes) -> Any:
    """None: it did not come lately."""
    return _values.get(encoded)


def encoded_as(value: Any) -> bytes | None:
    """The bytes that this very object came as; None where that is not known."""
    found = _bytes.get(id(value))
    return found[1] if found is not None and found[0] is value else None
