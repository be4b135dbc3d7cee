"""One page of a list; `next_cursor` is opaque and goes back as `?cursor=`."""

from __future__ import annotations

from typing import Generic, TypeVar

from typing_extensions import TypedDict

Item = TypeVar("Item")


class Page(TypedDict, Generic[Item]):
    data: list[Item]
    next_cursor: str | None
    has_more: bool
