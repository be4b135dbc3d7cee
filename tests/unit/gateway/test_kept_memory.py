"""What a process keeps of configurations that are no longer in force."""

from __future__ import annotations

import ctypes
import gc
import weakref
from collections.abc import Iterator

import pytest

from keeptrusts.gateway.memory import keep_configuration


class Cyclic:
    """Goes when it is collected, and not before."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    """What these tests freeze is of no other test."""
    yield
    gc.unfreeze()


def reload_with(garbage: Cyclic) -> weakref.ref[Cyclic]:
    """One more configuration, with something about to go."""
    seen = weakref.ref(garbage)
    del garbage
    keep_configuration(is_first=False)
    return seen


def test_what_a_reload_leaves_behind_goes() -> None:
    """What refers to itself is gone when the next configuration is in force, and was not kept for ever by it."""
    keep_configuration(is_first=True)
    frozen = gc.get_freeze_count()

    left = [reload_with(Cyclic()) for _ in range(3)]
    keep_configuration(is_first=False)

    assert [one() for one in left] == [None] * 3
    assert gc.get_freeze_count() <= frozen


def test_a_reload_opens_no_library_again() -> None:
    """An opened library has a class of its own, which would be one more for each reload."""
    keep_configuration(is_first=False)
    before = libraries()

    for _ in range(5):
        keep_configuration(is_first=False)

    assert libraries() <= before


def libraries() -> int:
    return sum(isinstance(one, ctypes.CDLL) for one in gc.get_objects())
