"""
Databases of Hyperscan: compiled once, and taken from where an earlier process has put them when a place is given.

An image holds for one version of the engine and one processor; both are tried before it is used.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import hyperscan


class Place(Protocol):
    """Where images lie. What it gives is trusted: an image is read by the engine, not checked by it."""

    def take(self, name: str) -> bytes | None:
        """The image of this name, if there is a sound one."""
        ...

    def keep(self, name: str, image: bytes) -> None:
        """Put an image there, if that can be done."""
        ...


@dataclass
class _Kept:
    place: Place | None = None


_kept = _Kept()


def keep_databases(place: Place | None) -> None:
    """From now on, for this process."""
    _kept.place = place


def compiled(expressions: Sequence[bytes], flags: Sequence[int]) -> hyperscan.Database:
    """The database of these expressions; a match tells the place of its expression among them."""
    place = _kept.place
    if place is None:
        return _compile(expressions, flags)
    import hyperscan

    name = _name(expressions, flags)
    image = place.take(name)
    found = _loaded(image) if image is not None else None
    if found is None:
        found = _compile(expressions, flags)
        place.keep(name, hyperscan.dumpb(found))
    return found


def _compile(expressions: Sequence[bytes], flags: Sequence[int]) -> hyperscan.Database:
    import hyperscan

    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(expressions=expressions, ids=list(range(len(expressions))), flags=list(flags))
    return database


def _loaded(image: bytes) -> hyperscan.Database | None:
    """None when the image is of another engine or processor, or no image."""
    import hyperscan

    try:
        database = hyperscan.loadb(image, hyperscan.HS_MODE_BLOCK)
        database.scratch = hyperscan.Scratch(database)
        database.scan(b"", match_event_handler=lambda *_: None)
    except hyperscan.error:
        return None
    return database


def _name(expressions: Sequence[bytes], flags: Sequence[int]) -> str:
    whole = hashlib.sha256(_engine())
    for expression, flag in zip(expressions, flags, strict=True):
        whole.update(b"%d:%d:" % (flag, len(expression)))
        whole.update(expression)
    return whole.hexdigest()


@cache
def _engine() -> bytes:
    """What an image depends on besides its expressions."""
    from importlib.metadata import version

    return f"{version('hyperscan')}:{_compile([b'a'], [0]).info()!r}".encode()
