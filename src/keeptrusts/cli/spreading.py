"""
Work spread over the cores of this machine, with its answers in the order of the questions.

Processes are copies of this one (`fork`), so that they know what it knows: patterns compiled, models read. Where a copy
is not safe, which is everywhere but on Linux, one process does it all.
"""

from __future__ import annotations

import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future, ProcessPoolExecutor

_AHEAD: Final = 3
"""Questions that wait for each process, so that none waits for a question and few are held in memory."""
Question = TypeVar("Question")
Answer = TypeVar("Answer")


def cores() -> int:
    """Those that this process may use and that it is worth to use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else 1


@dataclass
class _Work:
    answer: Callable[[Any], Any] | None = None


_work = _Work()
"""What the copies are made for. They inherit it: it could not be sent to them."""


def in_order(answer: Callable[[Question], Answer], questions: Iterable[Question], processes: int) -> Iterator[Answer]:
    """
    The answer to each question.

    Args:
        processes: With less than two, this one answers.
    """
    if processes < 2:
        yield from map(answer, questions)
        return
    with _copies(answer, processes) as pool:
        waiting: deque[Future[Answer]] = deque()
        for question in questions:
            waiting.append(pool.submit(_answered, question))
            if len(waiting) > _AHEAD * processes:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


@contextmanager
def _copies(answer: Callable[[Any], Any], processes: int) -> Iterator[ProcessPoolExecutor]:
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    _work.answer = answer
    pool = ProcessPoolExecutor(processes, get_context("fork"), initializer=_leave_interrupts_to_the_first)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
        _work.answer = None


def _leave_interrupts_to_the_first() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _answered(question: Any) -> Any:
    if _work.answer is None:
        raise RuntimeError("this process is no copy")
    return _work.answer(question)
