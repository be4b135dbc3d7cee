"""Rubrics that `quality-scorer` knows by name: what a judge model is asked of any answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Final

from keeptrusts.core.exchange import Exchange, Part
from keeptrusts.policy.assertions import RUBRIC, Assertion
from keeptrusts.policy.schema import Attr, Block

MOST_CHARS: Final = 60_000
"""Of a request that a judge is shown; the last of it."""
_BESIDE: Final = "You are given a JSON object with `request` and `answer`. "
_RUBRICS: Final = {
    "faithfulness": _BESIDE
    + "Everything that the answer states as a fact is stated by the request or follows from it.",
    "relevancy": _BESIDE + "The answer is about what the request asks last, and about nothing else.",
    "coherence": "The answer is well ordered and nothing in it contradicts anything else in it.",
    "completeness": _BESIDE + "The answer deals with every part of what the request asks last.",
}
_BESIDE_REQUEST: Final = frozenset(name for name, rubric in _RUBRICS.items() if rubric.startswith(_BESIDE))


@dataclass(frozen=True)
class Benchmarks(Block):
    ragas_faithfulness: Annotated[bool, Attr("Whether the request bears out what is said.", stronger="unclear")] = False
    ragas_relevancy: Annotated[bool, Attr("Whether it is about what was asked.", stronger="unclear")] = False
    coherence: Annotated[bool, Attr("Whether it hangs together.", stronger="unclear")] = False
    completeness: Annotated[bool, Attr("Whether it deals with all that was asked.", stronger="unclear")] = False

    def assertions(self) -> Iterator[Assertion]:
        """What is asserted: a score is taken into the aggregate, and holds whatever it is."""
        for name in _RUBRICS:
            if getattr(self, name, False) or getattr(self, f"ragas_{name}", False):
                yield Assertion(RUBRIC, name=name, rubric=_RUBRICS[name], threshold=0.0, mode="audit")


def shown(one: Assertion, text: str, exchange: Exchange) -> str:
    """What a judge is shown for an assertion: the answer, and for some benchmarks the request with it."""
    if one.name not in _BESIDE_REQUEST or one.rubric != _RUBRICS[one.name]:
        return text
    asked = "\n".join(said.value for said in exchange.asked if said.part is not Part.TOOL_DEFINITION)
    return json.dumps({"request": asked[-MOST_CHARS:], "answer": text}, ensure_ascii=False)
