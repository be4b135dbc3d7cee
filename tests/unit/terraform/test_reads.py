"""Reads of many objects are few calls."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from keeptrusts.core.errors import ApiError
from keeptrusts.terraform.reads import FRESH_S, MOST_LISTED, Reads


class Collection:
    """Objects `0`, `1`, ... and what was asked for."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.asked: list[str] = []

    def get(self, identifier: str) -> dict[str, Any]:
        self.asked.append(identifier)
        if int(identifier) >= self.size:
            raise ApiError("no", code="not_found", status=404)
        return {"id": identifier}

    def each(self) -> Iterator[dict[str, Any]]:
        self.asked.append("list")
        for number in count() if self.size > MOST_LISTED else range(self.size):
            yield {"id": str(number)}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_from_the_third_on_one_list_answers() -> None:
    """Two are read alone, the others together, and each is the right one."""
    collection = Collection(50)
    reads = Reads(lambda _: collection, Clock())
    assert [reads.get("things", str(number))["id"] for number in range(50)] == [str(number) for number in range(50)]
    assert collection.asked == ["0", "1", "list"]


def test_what_the_list_lacks_is_asked_for() -> None:
    """It may have been made since, or be gone: only the control plane's own 404 says so."""
    collection = Collection(3)
    reads = Reads(lambda _: collection, Clock())
    assert [reads.get("things", one) for one in ("0", "1", "2", "7")] == [{"id": "0"}, {"id": "1"}, {"id": "2"}, None]
    assert collection.asked == ["0", "1", "list", "7"]


def test_a_list_does_not_last() -> None:
    """After a write, and after some seconds, it is fetched again."""
    collection, clock = Collection(9), Clock()
    reads = Reads(lambda _: collection, clock)
    for number in range(4):
        reads.get("things", str(number))
    reads.forget("things")
    reads.get("things", "5")
    clock.now = FRESH_S + 1
    reads.get("things", "6")
    assert collection.asked == ["0", "1", "list", "list", "list"]


def test_a_list_without_end_is_cut() -> None:
    """Of an organisation with very many objects only the newest are listed; the others are read alone."""
    collection = Collection(10**9)
    reads = Reads(lambda _: collection, Clock())
    for one in ("0", "1", "2", str(MOST_LISTED), str(MOST_LISTED - 1)):
        assert reads.get("things", one) == {"id": one}
    assert collection.asked == ["0", "1", "list", str(MOST_LISTED)]


def test_a_refusal_is_no_absence() -> None:
    """Anything but a 404 is raised."""

    class Refusing(Collection):
        def get(self, identifier: str) -> dict[str, Any]:
            raise ApiError("no", code="forbidden", status=403)

    with pytest.raises(ApiError):
        Reads(lambda _: Refusing(1), Clock()).get("things", "0")


def test_what_is_at_hand_is_known_before_it_is_asked_for() -> None:
    """What the list has, while it is fresh; before there is one, and after a write, nothing is."""
    collection, clock = Collection(50), Clock()
    reads = Reads(lambda _: collection, clock)
    assert not reads.has("things", "7")
    for number in range(3):
        assert not reads.has("things", "7")
        reads.get("things", str(number))
    assert reads.has("things", "7")
    assert not reads.has("things", "50")
    assert not reads.has("others", "7")
    clock.now = FRESH_S - 1
    assert not reads.has("things", "7")
    clock.now = 0
    reads.forget("things")
    assert not reads.has("things", "7")
