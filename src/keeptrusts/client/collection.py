"""What the nouns with reads and writes of single objects have alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast
from urllib.parse import quote

from keeptrusts.api.limits import MAX_PAGE
from keeptrusts.client.calls import Calls, Query

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keeptrusts.api.page import Page

Item = TypeVar("Item")
Draft = TypeVar("Draft", bound=Mapping[str, Any])
Patch = TypeVar("Patch", bound=Mapping[str, Any])


@dataclass(frozen=True, slots=True)
class Fetched(Generic[Item]):
    """An object and the `ETag` it was read with, which goes back as `if_match` with a change."""

    value: Item
    etag: str | None


def at(path: str, *steps: str | int) -> str:
    """`path` and the steps below it, each escaped: an id from a user cannot lead to another route."""
    # a step of dots alone would be resolved away on the wire
    escaped = (quote(str(step), safe="").replace(".", "%2E") if not str(step).strip(".") else quote(str(step), safe="")
               for step in steps)  # fmt: skip
    return "/".join((path, *escaped))


def page(calls: Calls, path: str, query: Query | None, *, limit: int | None, cursor: str | None) -> Page[Item]:
    """One page of a list, newest first."""
    return cast("Page[Item]", calls.get(path, {**(query or {}), "limit": limit, "cursor": cursor}).value)


def each(calls: Calls, path: str, query: Query | None = None) -> Iterator[Any]:
    """Every item of a list, newest first; pages are fetched as they are needed."""
    cursor: str | None = None
    while True:
        found: Page[Any] = page(calls, path, query, limit=MAX_PAGE, cursor=cursor)
        yield from found["data"]
        cursor = found["next_cursor"]
        if not found["has_more"] or cursor is None:
            return


@dataclass(frozen=True, slots=True)
class Made(Generic[Item]):
    """
    A new object.

    Args:
        replayed: An earlier try with the same idempotency key had made it; `value` is what that try was answered.
    """

    value: Item
    replayed: bool


class Collection(Generic[Item, Draft, Patch]):
    """
    The objects below one path.

    Every failure is an `ApiError`: 404 when there is no such object, 412 when `if_match` is no longer its `ETag`.
    """

    path: str

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def page(self, query: Query | None = None, *, limit: int | None = None, cursor: str | None = None) -> Page[Item]:
        """One page, newest first; `query` filters (`name`, `label.team`, ...)."""
        return page(self._calls, self.path, query, limit=limit, cursor=cursor)

    def each(self, query: Query | None = None) -> Iterator[Item]:
        """Every object, newest first; pages are fetched as they are needed."""
        return each(self._calls, self.path, query)

    def create(self, draft: Draft, *, idempotency_key: str | None = None) -> Item:
        """Make one."""
        return cast(Item, self._calls.post(self.path, draft, idempotency_key=idempotency_key).value)

    def make(self, draft: Draft, *, idempotency_key: str) -> Made[Item]:
        """Make one. A caller that died half-way finds its object again by the same call with the same key."""
        answer = self._calls.post(self.path, draft, idempotency_key=idempotency_key)
        return Made(cast(Item, answer.value), answer.headers.get("idempotency-replayed") == "true")

    def get(self, identifier: str) -> Item:
        return self.fetch(identifier).value

    def fetch(self, identifier: str) -> Fetched[Item]:
        """The object with its `ETag`."""
        answer = self._calls.get(at(self.path, identifier))
        return Fetched(cast(Item, answer.value), answer.headers.get("etag"))

    def update(self, identifier: str, patch: Patch, *, if_match: str | None = None) -> Item:
        """
        Change the named fields; None clears one.

        It is sent again only when it certainly was not done: an answer that got lost is for the caller to look into.
        """
        return cast(Item, self._calls.patch(at(self.path, identifier), patch, if_match=if_match).value)

    def delete(self, identifier: str, *, if_match: str | None = None) -> None:
        self._calls.delete(at(self.path, identifier), if_match=if_match)
