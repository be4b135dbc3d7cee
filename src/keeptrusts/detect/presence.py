"""Which of some things are in a text at all: asked first of what nearly no text has."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, cast

from keeptrusts.detect.databases import compiled


def presence(patterns: Sequence[str]) -> Callable[[bytes], Collection[int]]:
    """Tells the places of those patterns that are somewhere in a text, in any case of letters."""
    import hyperscan

    flag = hyperscan.HS_FLAG_CASELESS | hyperscan.HS_FLAG_SINGLEMATCH
    database = compiled([pattern.encode() for pattern in patterns], [flag] * len(patterns))

    def present(data: bytes) -> Collection[int]:
        found: list[int] = []
        database.scan(data, match_event_handler=handler, context=found)
        return found

    def note(number: int, _start: int, _end: int, _flags: int, found: list[int]) -> None:
        found.append(number)

    handler = cast("Any", note)  # it stays referenced while a scan runs
    return present
