"""
Ids: a type prefix and 32 hexadecimal digits of a UUIDv7 (RFC 9562), so that ids sort by time of making.

Nothing here draws randomness; callers bring the UUID.
"""

from __future__ import annotations

from typing import Final

CONFIGURATION: Final = "cfg"
CONFIGURATION_VERSION: Final = "cfgv"
GATEWAY: Final = "gw"
INSTANCE: Final = "gwi"
WEBHOOK: Final = "wh"
DELIVERY: Final = "dlv"
EVENT: Final = "evt"
ESCALATION: Final = "esc"
EXPORT: Final = "exp"
KEY: Final = "key"
AUDIT: Final = "aud"
REQUEST: Final = "req"
ORGANISATION: Final = "org"
VARIABLE: Final = "var"
LETTER: Final = "ltr"

_DIGITS = frozenset("0123456789abcdef")


def make_id(prefix: str, uuid: bytes) -> str:
    """`evt_0193...`: `prefix`, an underscore and the 16 bytes of `uuid` in lower-case hexadecimal."""
    if len(uuid) != 16:
        raise ValueError("a uuid has 16 bytes")
    return f"{prefix}_{uuid.hex()}"


def is_id(text: str, prefix: str) -> bool:
    """Whether `text` has the form of an id of this type."""
    head, _, tail = text.partition("_")
    return head == prefix and len(tail) == 32 and _DIGITS.issuperset(tail)


def made_at_ms(identifier: str) -> int:
    """Milliseconds since the epoch at which a UUIDv7 id was made."""
    return int(identifier.partition("_")[2][:12], 16)


def lowest_id(prefix: str, at_ms: int) -> str:
    """The smallest id that can be made at this millisecond; turns a time filter into a bound on ids."""
    return f"{prefix}_{max(0, at_ms):012x}{'0' * 20}"
