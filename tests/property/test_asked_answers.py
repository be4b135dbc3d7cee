"""Whatever a service answers, a kind says something sensible, and nothing of it gets into the record."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keeptrusts.core.verdict import Allow, Block
from keeptrusts.policy.asking import Answer, Question
from keeptrusts.policy.document import compile_document
from support.policy_cases import Case, cases, document, exchange_of

ASKING = [case.at("http://asked.example") for case in cases() if any("json" in reply for reply in case.asked)]
SECRET = "zebra-crossing-4711"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | st.just(SECRET),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def places(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a document, from the root."""
    yield path
    members = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, value in members:
        yield from places(value, (*path, key))


def put(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The document with another value at a place."""
    if not path:
        return value
    changed = copy.deepcopy(document)
    at = changed
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return changed


@st.composite
def answers(draw: st.DrawFn, case: Case) -> list[bytes]:
    """Those of the case with something else at a place of each, or something else altogether."""
    bodies = []
    for reply in case.asked:
        if "json" in reply:
            told = put(reply["json"], draw(st.sampled_from(list(places(reply["json"])))), draw(JSON))
            bodies.append(draw(st.one_of(st.just(json.dumps(told).encode()), st.binary(max_size=20))))
    return bodies


@pytest.mark.parametrize("kind", sorted({case.kind for case in ASKING}))
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_answer_is_a_bug(kind: str, data: st.DataObject) -> None:
    """It allows, objects, or is no usable answer; the text of the answer is recorded nowhere."""
    case = data.draw(st.sampled_from([one for one in ASKING if one.kind == kind]))
    bodies = data.draw(answers(case))
    left = iter(bodies)
    exchange = exchange_of(case.exchange)
    chain = compile_document(document({kind: case.config})).chain

    def answer(question: Question) -> Answer:
        del question
        return Answer(status=200, media_type="application/json", body=next(left, bodies[-1]))

    judge = chain.judge_answer if exchange.answered else chain.judge_request
    said = judge(exchange, lambda: 0, answer)

    assert isinstance(said.verdict, Allow) or said.verdict.code.startswith(kind.replace("-", "_"))
    if isinstance(said.verdict, Block):
        assert "failed with" not in said.verdict.message
    for line in said.results:
        assert SECRET not in json.dumps(line.as_json())
