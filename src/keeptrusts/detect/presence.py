"""Whether something is in a text at all: asked first of what nearly no text has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from keeptrusts.detect.databases import compiled


def presence(pattern: str) -> Callable[[bytes], bool]:
    """Tells whether this pattern is somewhere in a text, in any case of letters."""
    import hyperscan

    database = compiled([pattern.encode()], [hyperscan.HS_FLAG_CASELESS | hyperscan.HS_FLAG_SINGLEMATCH])

    def is_in(data: bytes) -> bool:
        found: list[int] = []
        database.scan(data, match_event_handler=handler, context=found)
        return bool(found)

    def note(number: int, _start: int, _end: int, _flags: int, found: list[int]) -> None:
        found.append(number)

    handler = cast("Any", note)  # it stays referenced while a scan runs
    return is_in
