"""Formats of texts by the names of JSON Schema (draft 2020-12, validation, section 7.3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from keeptrusts.policy.checks import email


def _reads(read: Callable[[str], Any]) -> Callable[[str], bool]:
    """Whether it can be read so."""

    def check(text: str) -> bool:
        try:
            read(text)
        except ValueError:
            return False
        return True

    return check


def _is_date(text: str) -> bool:
    return len(text) == len("2026-01-31") and text.isascii() and _reads(date.fromisoformat)(text)


def _is_moment(text: str) -> bool:
    """RFC 3339: a date, a time and an offset."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return False
    return text.isascii() and text[10:11] in {"T", "t", " "} and text[4:5] == "-" and read.tzinfo is not None


def _is_uri(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return bool(parts.scheme and (parts.netloc or parts.path)) and not any(letter.isspace() for letter in text)


FORMATS: Final[Mapping[str, Callable[[str], bool]]] = {
    "date": _is_date,
    "date-time": _is_moment,
    "email": lambda text: email(text) is None,
    "ipv4": _reads(IPv4Address),
    "ipv6": _reads(IPv6Address),
    "uri": _is_uri,
    "uuid": lambda text: len(text) == len("00000000-0000-0000-0000-000000000000") and _reads(UUID)(text),
}
"""Name to whether a text has the format."""
