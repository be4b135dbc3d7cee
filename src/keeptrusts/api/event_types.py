"""
Which messages a webhook wants: exact types, `*` for all, and globs such as `event.*`.

Pure, because the provider checks a plan with it and the control plane a request.
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from keeptrusts.api.webhooks import EVENT_TYPES


def matches(pattern: str, event_type: str) -> bool:
    """Whether a webhook that names `pattern` wants `event_type`. Only `*` is special."""
    if any(sign in pattern for sign in "?["):
        return False
    return fnmatchcase(event_type, pattern)


def wants(patterns: Iterable[str], event_type: str) -> bool:
    """Whether any of the patterns fits."""
    return any(matches(pattern, event_type) for pattern in patterns)


def is_known(pattern: str) -> bool:
    """Whether there is a type that this pattern can ever fit."""
    return any(matches(pattern, one) for one in EVENT_TYPES)


def suggest_type(pattern: str) -> str | None:
    """The type, or the glob, that was probably meant."""
    from difflib import get_close_matches

    globs = sorted({one.partition(".")[0] + ".*" for one in EVENT_TYPES})
    close = get_close_matches(pattern.lower(), [*EVENT_TYPES, *globs], n=1, cutoff=0.6)
    return close[0] if close else None
