"""Looks at single values, for `Attr(check=...)`: None, or what is wrong in words that say what to write."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

_UNITS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0}
_LONG_UNITS: Final = {**_UNITS, "d": 86_400.0, "w": 604_800.0}
_PLAIN: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-./")
_SHORTEST_LIFE: Final = 60


def length(least: int, most: int) -> Callable[[Any], str | None]:
    """A text of so many characters."""

    def check(text: Any) -> str | None:
        return None if least <= len(text) <= most else f"it must have {least} to {most} characters, not {len(text)}"

    return check


def between(least: float, most: float) -> Callable[[Any], str | None]:
    def check(number: Any) -> str | None:
        if least <= number <= most:
            return None
        return f"it must be {_digits(least)} to {_digits(most)}, not {_digits(number)}"

    return check


def _digits(number: float) -> str:
    """Whole numbers in full, however large."""
    return f"{int(number)}" if float(number).is_integer() else f"{number:g}"


def http_url(text: Any) -> str | None:
    """An absolute http or https URL without a credential in it."""
    if _is_plain_url(text):
        return None  # no need to import what takes a URL apart
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(text)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return "it is no URL; write it like `https://example.com/path`"
    if not usable or any(ch.isspace() for ch in text):
        return "it must be an absolute URL like `https://example.com/path`"
    if parts.username is not None or parts.password is not None:
        return "a URL must not hold a user or a password"
    return None


def _is_plain_url(text: str) -> bool:
    """A name, perhaps a port and a path, all of letters that mean nothing else."""
    scheme, _, rest = text.partition("://")
    host, _, path = rest.partition("/")
    name, colon, port = host.partition(":")
    plain = name[:1].isalnum() and _PLAIN.issuperset(name) and _PLAIN.issuperset(path)
    return scheme in {"http", "https"} and plain and (not colon or (port.isdecimal() and 0 < int(port) < 65_536))


def signing_secret(text: Any) -> str | None:
    """As the Standard Webhooks specification writes it: `whsec_` and 24 to 64 bytes in base64."""
    from base64 import b64decode

    try:
        size = len(b64decode(text.removeprefix("whsec_"), validate=True))
    except ValueError:
        size = 0
    if text.startswith("whsec_") and 24 <= size <= 64:
        return None
    return 'it must be `whsec_` and 24 to 64 bytes in base64; make one: `echo "whsec_$(openssl rand -base64 32)"`'


def event_types(patterns: Any) -> str | None:
    """Known event types, or patterns such as `event.*` that at least one of them matches."""
    from keeptrusts.api.event_types import is_known, suggest_type

    if not patterns:
        return "at least one event type is needed; `*` means all"
    faults = []
    for pattern in sorted(one for one in patterns if isinstance(one, str)):
        if not is_known(pattern):
            meant = suggest_type(pattern)
            hint = f"did you mean `{meant}`?" if meant else "see the page of `keeptrusts_webhook` for the types"
            faults.append(f"there is no event type `{pattern}`; {hint}")
    return "\n".join(faults) or None


def seconds(text: str) -> float | None:
    """`90s`, `10m`, `1h30m` in seconds; None when it is no such duration."""
    return _seconds(text, _UNITS)


def life_seconds(text: str) -> int | None:
    """The same with days and weeks, `90d`, in whole seconds."""
    total = _seconds(text, _LONG_UNITS)
    return int(total) if total is not None and total.is_integer() else None


def life_text(total: int) -> str:
    """The opposite: `7776000` is `90d`, and `5400` is `90m`."""
    unit = next(unit for unit in "dhms" if total % _LONG_UNITS[unit] == 0)
    return f"{total // int(_LONG_UNITS[unit])}{unit}"


def same_life(older: str, newer: str) -> bool:
    return life_seconds(older) == life_seconds(newer)


def lifetime(text: Any) -> str | None:
    """How long a credential lives."""
    total = life_seconds(text)
    if total is None:
        return "it must be a length of time like `90d`, `12h` or `30m`"
    return None if total >= _SHORTEST_LIFE else "it must be a minute or longer"


def _seconds(text: str, units: Mapping[str, float]) -> float | None:
    total = 0.0
    digits = ""
    for character in text:
        if character.isdigit() or character == ".":
            digits += character
        elif character in units and digits.strip(".") and digits.count(".") <= 1:
            total += float(digits) * units[character]
            digits = ""
        else:
            return None
    return total if total > 0 and not digits else None


def duration(text: Any) -> str | None:
    return None if seconds(text) is not None else "it must be a duration like `90s`, `10m` or `1h30m`"
