"""Where `kt events` reads: the control plane, or the spool of a gateway on this machine."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

import click

from keeptrusts.api.limits import MAX_PAGE
from keeptrusts.cli.connection import make_client
from keeptrusts.cli.files import Existing
from keeptrusts.cli.settings import Settings
from keeptrusts.core.errors import InputError, NotFoundError

if TYPE_CHECKING:
    from keeptrusts.client import Client

EventRow: TypeAlias = Mapping[str, Any]
POLL_S: Final = 0.5
SPOOL: Final = click.option(
    "--spool",
    type=Existing(folder=True),
    help="Read the spool directory of a gateway instead of a control plane.",
)


def find_event(settings: Settings, event_id: str, spool: Path | None) -> EventRow:
    """
    One event, of a spool directory or of the control plane.

    Raises:
        KeeptrustsError: It is not there, or nobody can be asked.
    """
    if spool is not None:
        return Spooled(spool, lambda _: True).find(event_id)
    with make_client(settings) as client:
        return {**client.events.get(event_id)}


class Feed(Protocol):
    def newest(self, limit: int) -> list[EventRow]:
        """The newest, oldest of them first."""

    def coming(self, started: Callable[[], None]) -> Iterator[EventRow]:
        """What is stored from now on, without end. `started` is called when nothing can be missed any more."""


class Stored:
    """
    Events of a control plane.

    Args:
        query: Filters of `/v1/events`.
    """

    def __init__(self, client: Client, query: Mapping[str, str | None]) -> None:
        self._events = client.events
        self._query = query

    def newest(self, limit: int) -> list[EventRow]:
        if limit <= MAX_PAGE:
            found: list[EventRow] = list(self._events.page(self._query, limit=limit)["data"]) if limit else []
        else:
            found = list(islice(self._events.each(self._query), limit))
        return found[::-1]

    def coming(self, started: Callable[[], None]) -> Iterator[EventRow]:
        # a stream begins at now; `since` in the past would only be refused or ignored
        query = {name: value for name, value in self._query.items() if name != "since"}
        return self._events.stream(query, connected=started)


class Spooled:
    """
    Events in a spool directory, or in those right below it (one for each worker).

    Args:
        fits: Which to show.

    Raises:
        InputError: There is no spool.
    """

    def __init__(self, directory: Path, fits: Callable[[EventRow], bool]) -> None:
        from keeptrusts.gateway.segments import segments

        self._fits = fits
        places = [directory, *sorted(path for path in directory.iterdir() if path.is_dir())]
        self._spools = [place for place in places if segments(place)]
        if not self._spools:
            raise InputError(
                f"`{directory}` holds no spool; give the `--spool-dir` of `kt gateway run`", code="no_spool"
            )
        self._read = dict.fromkeys(self._spools, 0)

    def newest(self, limit: int) -> list[EventRow]:
        kept: deque[EventRow] = deque(maxlen=limit)
        for event in self._unread():
            kept.append(event)
        return list(kept)

    def find(self, event_id: str) -> EventRow:
        """
        The event of this id.

        Raises:
            NotFoundError: It is not here, or no more.
        """
        for spool in self._spools:
            for event in self._after(spool):
                if event.get("id") == event_id:
                    return event
        raise NotFoundError(f"`{event_id}` is not in this spool; what was shipped is at the control plane")

    def chained(self) -> list[EventRow]:
        """Every record that is here, in the order of the chains."""
        return [event for spool in self._spools for event in self._after(spool)]

    def coming(self, started: Callable[[], None]) -> Iterator[EventRow]:
        started()
        while True:
            yield from self._unread()
            time.sleep(POLL_S)

    def _unread(self) -> list[EventRow]:
        """What was not read before, of all spools, in the order of time."""
        found = [event for spool in self._spools for event in self._after(spool)]
        return sorted(filter(self._fits, found), key=lambda event: str(event.get("timestamp")))

    def _after(self, spool: Path) -> Iterator[EventRow]:
        from keeptrusts.gateway.segments import first_sequence, read_segment, segments

        paths = segments(spool)
        # only the segment that holds the next record, and those after it, are read again
        skipped = max((at for at, path in enumerate(paths) if first_sequence(path) <= self._read[spool] + 1), default=0)
        for path in paths[skipped:]:
            for stored in read_segment(path):
                if stored.sequence > self._read[spool]:
                    self._read[spool] = stored.sequence
                    yield stored.event()
