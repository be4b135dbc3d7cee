"""How many at a time: work that takes a processor for seconds, and that the rate of a key does not bound."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from keeptrusts.control.problem import ProblemError

RETRY_AFTER_S = 5


class Turns:
    """
    Places for work, of all organisations of this process.

    Args:
        each: Of one organisation.
        together: Of all.
    """

    def __init__(self, *, each: int, together: int) -> None:
        self._each = each
        self._together = together
        self._taken: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def taken(self, org: str) -> Iterator[None]:
        """
        A place until the block ends. Nobody waits for one.

        Raises:
            ProblemError: 429 `busy`.
        """
        with self._lock:
            if self._taken[org] >= self._each or self._taken.total() >= self._together:
                detail = "as many of these run as may at a time; try again when one has ended"
                raise ProblemError(429, "busy", detail, headers={"Retry-After": str(RETRY_AFTER_S)})
            self._taken[org] += 1
        try:
            yield
        finally:
            with self._lock:
                self._taken[org] -= 1
