"""`/v1/events`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, cast

from keeptrusts.api.events import Event
from keeptrusts.api.page import Page
from keeptrusts.client.calls import Calls, Query, pairs
from keeptrusts.client.collection import at, each, page
from keeptrusts.client.exchange import LostError, Request
from keeptrusts.client.sse import frames
from keeptrusts.core.errors import ApiError, ApiUnreachableError

PATH: Final = "/v1/events"
SILENCE_S: Final = 45.0
"""The control plane says something every 15 s; after three times that the connection is dead."""


class Events:
    """Recorded decisions."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def page(self, query: Query | None = None, *, limit: int | None = None, cursor: str | None = None) -> Page[Event]:
        """One page, newest first; `query` filters by `api.events.FILTERS`."""
        return page(self._calls, PATH, query, limit=limit, cursor=cursor)

    def each(self, query: Query | None = None) -> Iterator[Event]:
        """Newest first."""
        return each(self._calls, PATH, query)

    def get(self, identifier: str) -> Event:
        return cast(Event, self._calls.get(at(PATH, identifier)).value)

    def stats(self, query: Query | None = None) -> dict[str, Any]:
        """Decisions by verdict, of the last 24 h or of `since` to `until`."""
        return cast(dict[str, Any], self._calls.get(at(PATH, "stats"), query).value)

    def stream(self, query: Query | None = None, *, last_event_id: str | None = None) -> Iterator[Event]:
        """
        Events as they are stored, without end; a lost connection is taken up where it broke off.

        Ends when the client's `stop` says so.

        Raises:
            ApiUnreachableError: As many tries in a row as the client has brought no event.
        """
        place, failures = last_event_id, 0
        while not self._calls.stopped:
            try:
                for identifier, event in self._connected(query, place):
                    place, failures = identifier or place, 0
                    yield event
            except ApiUnreachableError as lost:
                self._calls.wait(failures, lost)
            failures += 1

    def _connected(self, query: Query | None, place: str | None) -> Iterator[tuple[str | None, Event]]:
        headers = {"accept": "text/event-stream"} | ({"last-event-id": place} if place else {})
        request = Request("GET", at(PATH, "stream"), pairs(query), headers, repeatable=True, wait_seconds=SILENCE_S)
        with self._calls.opened(request) as answer:
            try:
                for frame in frames(answer.chunks()):
                    yield frame.id, cast(Event, frame.data)
            except LostError as lost:
                raise ApiUnreachableError(f"the stream of events was lost: {lost}") from None
            except ValueError:
                raise ApiError("the stream of events is not JSON", code="unreadable_answer") from None
