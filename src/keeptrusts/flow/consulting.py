"""Judging where a kind has to ask somebody else, or to count: its questions become effects."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Final, TypeVar

from keeptrusts.core.errors import QuotaUnavailableError
from keeptrusts.flow.effects import AskOthers, Flow, Meter, TakeQuota
from keeptrusts.policy.asking import Answer, Count, Inquiry, Question, Steps, counted

R = TypeVar("R")
_ENDLESS: Final = 2**52
"""More than anything counts, and exact in the numbers of whoever counts."""


def consulted(steps: Steps[R]) -> Flow[R]:
    """Go through the steps, putting the questions that they stop for."""
    try:
        questions = next(steps)
        while True:
            answers = yield from _answered(questions)
            questions = steps.send(answers)
    except StopIteration as done:
        result: R = done.value
        return result


def _answered(questions: Sequence[Inquiry]) -> Flow[tuple[Answer, ...]]:
    counts = [one for one in questions if isinstance(one, Count)]
    others = tuple(one for one in questions if isinstance(one, Question))
    totals = iter((yield from _counted(counts)) if counts else ())
    answers = iter((yield from AskOthers(others)) if others else ())
    return tuple(next(totals if isinstance(one, Count) else answers) for one in questions)


def _counted(counts: Sequence[Count]) -> Flow[list[Answer]]:
    """Counts are meters without a limit: what is left of it tells what was counted."""
    meters = tuple(Meter(_key(one), "tokens", _ENDLESS, one.window_seconds, one.amount) for one in counts)
    try:
        room = yield from TakeQuota(meters)
    except QuotaUnavailableError:
        return [Answer(failure="unreachable", counted=True) for _ in counts]
    return [counted(_ENDLESS - left, degraded=room.degraded) for left in room.left]


def _key(count: Count) -> str:
    # Names of callers go no further than this process; they may also be of any length.
    named = json.dumps(count.key).encode("utf-8", "surrogatepass")
    return f"{{{count.key[0]}}}:count:{count.window_seconds}:{hashlib.blake2b(named, digest_size=16).hexdigest()}"
