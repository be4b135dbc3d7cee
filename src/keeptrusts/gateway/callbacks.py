"""
Decisions told to whom `callbacks` names: behind the answer, in batches, from a queue with an end.

The record in the spool is what proves a decision. What is told here may be lost, when a place is away for long or more
is decided than it takes in; how much was lost stands in the log.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from keeptrusts.core.decision import Decision
from keeptrusts.gateway.active import Active
from keeptrusts.gateway.asking import Turns, ask_all
from keeptrusts.gateway.upstream import Pool
from keeptrusts.policy.asking import Answer, Question, UnusableAnswerError, body_of
from keeptrusts.policy.callback_letters import letter
from keeptrusts.policy.callbacks import Callback

MOST_WAITING: Final = 10_000
MOST_AT_ONCE: Final = 100
LINGER_SECONDS: Final = 0.5
TRIES: Final = 3
PAUSE_SECONDS: Final = 1.0
_log = logging.getLogger(__name__)


class Callbacks:
    """
    Args:
        active: What is in force: a decision is told to the places that are named when it is made.
        pause: Seconds before the second try; doubled before the third.
    """

    def __init__(self, pool: Pool, active: Callable[[], Active | None], pause: float = PAUSE_SECONDS) -> None:
        self._pool = pool
        self._active = active
        self._pause = pause
        self._turns = Turns()
        self._waiting: deque[tuple[Callback, Decision]] = deque()
        self._came = asyncio.Event()
        self._lost = 0

    def notice(self, decision: Decision) -> None:
        """Have it told. Costs a request nothing but this."""
        active = self._active()
        for callback in active.snapshot.policy.callbacks if active is not None else ():
            if callback.type == "prometheus":
                continue
            if len(self._waiting) >= MOST_WAITING:
                self._lost += 1
                continue
            self._waiting.append((callback, decision))
            self._came.set()

    async def run(self) -> None:
        """Tell what comes, until it is cancelled."""
        while True:
            await self._came.wait()
            await asyncio.sleep(LINGER_SECONDS)
            self._came.clear()
            await self.flush()

    async def flush(self) -> None:
        """Tell all that waits."""
        while self._waiting:
            taken = [self._waiting.popleft() for _ in range(min(MOST_AT_ONCE, len(self._waiting)))]
            places: dict[int, tuple[Callback, list[Decision]]] = {}
            for callback, decision in taken:
                places.setdefault(id(callback), (callback, []))[1].append(decision)
            await asyncio.gather(*(self._tell(callback, decisions) for callback, decisions in places.values()))
        if self._lost:
            _log.warning("callbacks take in less than is decided", extra={"lost": self._lost})
            self._lost = 0

    async def _tell(self, callback: Callback, decisions: Sequence[Decision]) -> None:
        parents = [decision.parent_span_id for decision in decisions]
        asked = letter(callback, [decision.as_event() for decision in decisions], parents)
        if asked is None:
            return
        active = self._active()
        variables = active.variables if active is not None else {}
        answer = await self._tried(asked, variables)
        failure = _failure(answer)
        if failure is not None:
            shown = {"type": callback.type, "reason": failure, "status": answer.status, "lost": len(decisions)}
            _log.warning("a callback could not be told", extra=shown)

    async def _tried(self, asked: Question, variables: Mapping[str, str]) -> Answer:
        """The answer to the first try that went well, or to the last."""
        answer = Answer(failure="unreachable")
        for attempt in range(TRIES):
            if attempt:
                await asyncio.sleep(self._pause * 2 ** (attempt - 1))
            (answer,) = await ask_all(self._pool, self._turns, [asked], variables)
            if _failure(answer) is None:
                break
        return answer


def _failure(answer: Answer) -> str | None:
    try:
        body_of(answer)
    except UnusableAnswerError as unusable:
        return unusable.failure
    return None
