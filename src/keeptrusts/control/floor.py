"""
One text is judged at a time: what detectors search with has one working space in a process, and a second text in it
at the same time would be refused, which is a block.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

T = TypeVar("T")


class Floor:
    """Who may judge: whoever came first. `Turns` bounds how many wait."""

    def __init__(self) -> None:
        self._waiting: deque[object] = deque()
        self._changed = threading.Condition()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Wait for it, and have it until the block ends."""
        self._enter()
        try:
            yield
        finally:
            self._leave()

    def lent(self, each: Iterable[T]) -> Iterator[T]:
        """The same; between one and the next whoever waits has a turn. Only for who has the floor."""
        for one in each:
            yield one
            if self.is_wanted:
                self._leave()
                self._enter()

    @property
    def is_wanted(self) -> bool:
        """Whether somebody waits while another has it."""
        return len(self._waiting) > 1

    def _enter(self) -> None:
        mine = object()
        with self._changed:
            self._waiting.append(mine)
            self._changed.wait_for(lambda: self._waiting[0] is mine)

    def _leave(self) -> None:
        with self._changed:
            self._waiting.popleft()
            self._changed.notify_all()


FLOOR: Final = Floor()
"""Of this process."""
