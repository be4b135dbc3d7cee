"""Lists: `?limit=&cursor=`, newest first. A cursor is opaque: it names the list and the last row of the page before."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar

from fastapi import Depends, Query, Request

from keeptrusts.api.limits import MAX_PAGE, PAGE
from keeptrusts.api.page import Page
from keeptrusts.control.labels import PREFIX, read_labels
from keeptrusts.control.parameters import refuse_unknown
from keeptrusts.control.problem import ProblemError, allow_words

Row = TypeVar("Row")

_NAME_LENGTH: Final = 6

allow_words(["limit", "cursor"])


@dataclass(frozen=True, slots=True)
class Slice:
    """
    What a list is asked for.

    Args:
        before: Id of the last row of the page before; None on the first page.
    """

    limit: int
    before: str | None
    _list: str

    @property
    def take(self) -> int:
        """One more than is shown tells whether there is more."""
        return self.limit + 1

    def page(self, rows: Sequence[Row], key: Callable[[Row], str] | None = None) -> Page[Row]:
        """`rows` are those that `take` fetched; `key` gives a row's id when it is not `row["id"]`."""
        shown = list(rows[: self.limit])
        more = len(rows) > self.limit
        last: Any = shown[-1] if more else None
        cursor = _encode(self._list, key(last) if key else last["id"]) if more else None
        return {"data": shown, "next_cursor": cursor, "has_more": more}


def read_slice(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = PAGE,
    cursor: Annotated[str | None, Query(max_length=300)] = None,
) -> Slice:
    """The dependency. It also refuses a parameter that the list does not know."""
    labelled = any(one.call is read_labels for one in request.scope["route"].dependant.dependencies)
    refuse_unknown(request, PREFIX if labelled else None)
    # a row of another list stands nowhere in this one, and the page behind it would look like the end
    name = hashlib.sha256(request.url.path.encode()).hexdigest()[:_NAME_LENGTH]
    return Slice(limit, _decode(name, cursor) if cursor else None, name)


Paging = Annotated[Slice, Depends(read_slice)]


def _encode(name: str, key: str) -> str:
    return base64.urlsafe_b64encode(f"2{name}{key}".encode()).decode().rstrip("=")


def _decode(name: str, cursor: str) -> str:
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        raw = ""
    key = raw.removeprefix(f"2{name}")
    if key == raw or not key.replace("_", "").isalnum():
        raise ProblemError(422, "invalid_cursor", "`cursor` is not one that this list gave; start without it")
    return key
