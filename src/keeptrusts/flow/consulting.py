"""Judging where a kind has to ask somebody else: its questions become effects."""

from __future__ import annotations

from typing import TypeVar

from keeptrusts.flow.effects import AskOthers, Flow
from keeptrusts.policy.asking import Steps

R = TypeVar("R")


def consulted(steps: Steps[R]) -> Flow[R]:
    """Go through the steps, putting the questions that they stop for."""
    try:
        questions = next(steps)
        while True:
            answers = yield from AskOthers(questions)
            questions = steps.send(answers)
    except StopIteration as done:
        result: R = done.value
        return result
