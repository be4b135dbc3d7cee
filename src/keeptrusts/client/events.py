"""`/v1/events`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from keeptrusts.client.calls import Calls, Query, pairs
from keeptrusts.client.collection import at, each, page
from keeptrusts.client.exchange import LostError, Opened, Request
from keeptrusts.client.sse import frames
from keeptrusts.core.errors import ApiError, ApiUnreachableError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keeptrusts.api.events import ContentKeys, Erasure, ErasureDraft, Event
    from keeptrusts.api.page import Page

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
        return cast("Event", self._calls.get(at(PATH, identifier)).value)

    def stats(self, query: Query | None = None) -> dict[str, Any]:
        """Decisions by verdict, of the last 24 h or of `since` to `until`."""
        return cast(dict[str, Any], self._calls.get(at(PATH, "stats"), query).value)

    def erase(self, draft: ErasureDraft) -> Erasure:
        """Erase events, or their contents, up to 1000; again, while the answer says `has_more`."""
        return cast("Erasure", self._calls.post(at(PATH, "erasures"), draft).value)

    def content_keys(self, event_ids: Sequence[str]) -> ContentKeys:
        """Keys of contents in archives, of up to 1000 events."""
        return cast("ContentKeys", self._calls.post(at(PATH, "content-keys"), {"event_ids": list(event_ids)}).value)

    def stream(
        self,
        query: Query | None = None,
        *,
        last_event_id: str | None = None,
        connected: Callable[[], None] | None = None,
    ) -> Iterator[Event]:
        """
        Events as they are stored, without end; a lost connection is taken up where it broke off.

        Ends when the client's `stop` says so.

        Args:
            connected: Called once, when nothing stored from now on can be missed: what was before can be listed then.

        Raises:
            ApiUnreachableError: As many tries in a row as the client has brought no event.
        """
        position = _Position(last_event_id)
        while not self._calls.stopped:
            try:
                with self._calls.opened(_request(query, position.id)) as answer:
                    if connected is not None and not position.begun:
                        connected()
                    position.begun = True
                    yield from position.follow(answer)
            except ApiUnreachableError as lost:
                if not position.begun:
                    raise
                self._calls.wait(position.failures, lost)
                position.failures += 1


@dataclass(slots=True)
class _Position:
    """How far a stream was read; `failures`: connections lost since the last event."""

    id: str | None
    begun: bool = False
    failures: int = 0

    def follow(self, answer: Opened) -> Iterator[Event]:
        """The events of one connection; it always ends with an error, for the stream itself has no end."""
        try:
            for frame in frames(answer.chunks()):
                self.id = frame.id or self.id
                self.failures = 0
                yield cast("Event", frame.data)
        except LostError as lost:
            raise ApiUnreachableError(f"the stream of events was lost: {lost}") from None
        except ValueError:
            raise ApiError("the stream of events is not JSON", code="unreadable_answer") from None
        raise ApiUnreachableError("the control plane ended the stream of events")


def _request(query: Query | None, place: str | None) -> Request:
    headers = {"accept": "text/event-stream"} | ({"last-event-id": place} if place else {})
    return Request("GET", at(PATH, "stream"), pairs(query), headers, repeatable=True, wait_seconds=SILENCE_S)
