"""What a diff says of a change is true: without one that weakens, nothing that was refused is let through."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keeptrusts.core.verdict import severity
from keeptrusts.policy.analysis import sound
from keeptrusts.policy.asking import Answer, Question, nobody
from keeptrusts.policy.comparing import compare_blocks
from keeptrusts.policy.diff import diff_documents, weakenings
from keeptrusts.policy.document import compile_document
from keeptrusts.policy.engine import Chain
from keeptrusts.policy.findings import InvalidPolicyError
from keeptrusts.policy.kind import Policy
from keeptrusts.policy.mutants import mutants
from keeptrusts.policy.registry import KINDS, load_kind
from keeptrusts.policy.targets import compile_target
from support.policy_cases import Case, answers_of, cases, document, exchange_of

ALL = [case.at("http://asked.example") for case in cases()]
BLOCKED, ALLOWED = 3, 0


def is_valid(case: Case) -> bool:
    return not (isinstance(case.want, dict) and "invalid" in case.want)


@lru_cache(maxsize=64)
def of_kind(kind: str) -> list[Case]:
    return [case for case in ALL if case.kind == kind and is_valid(case)]


def outcome(chain: Chain, case: Case) -> int:
    """How severe the chain's verdict on a case is."""
    targets = case.exchange.get("targets")
    if targets:
        _, read = sound(document({}, policies={"chain": ["rbac"]}, providers={"targets": targets}))
        left, _ = chain.admitted(compile_target(one).target for one in read.providers.targets)
        return ALLOWED if left else BLOCKED
    exchange = exchange_of(case.exchange)
    judge = chain.judge_answer if exchange.answered else chain.judge_request
    return severity(judge(exchange, lambda: 0, answers(case)).verdict)


def answers(case: Case) -> Callable[[Question], Answer]:
    """What the case says; a block of another case may ask what this one does not answer."""
    told = answers_of(case)

    def answer(question: Question) -> Answer:
        try:
            return told(question)
        except AssertionError:
            return nobody(question)

    return answer


def blocks(kind: str) -> Iterator[Policy]:
    """Every block of the corpus, the default one, and each with one thing changed."""
    seen: list[Policy] = []
    written = [sound(document({kind: case.config}))[0].blocks[kind] for case in of_kind(kind)]
    for block in [load_kind(kind)() if not written else written[0], *written]:
        for one in [block, *(mutant.block for mutant in mutants(block))]:
            if one not in seen:
                seen.append(one)
                yield one


@pytest.mark.parametrize("kind", KINDS)
def test_a_change_of_a_block_that_does_not_weaken_it(kind: str) -> None:
    """Each verdict of the corpus is at least as severe as before, between any two blocks that can be compared."""
    outcomes = [(block, [outcome(Chain([block]), case) for case in of_kind(kind)]) for block in blocks(kind)]
    compared = 0
    for one, other in combinations(outcomes, 2):
        for (before, was), (after, becomes) in ((one, other), (other, one)):
            changes = list(compare_blocks(before, after, f"policy.{kind}"))
            if any(change.effect == "weakens" for change in changes):
                continue
            compared += 1
            worse = [case.note for case, a, b in zip(of_kind(kind), was, becomes, strict=True) if b < a]
            assert worse == [], [change.as_line() for change in changes]
    assert compared or len(outcomes) < 2 or load_kind(kind).rewrites


CONFIGS: Mapping[str, list[Any]] = {kind: [{}, *(case.config for case in of_kind(kind))] for kind in KINDS}


@st.composite
def chains(draw: st.DrawFn) -> dict[str, Any]:
    """A chain of some kinds with blocks of the corpus."""
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=3, unique=True))
    return {kind: draw(st.sampled_from(CONFIGS[kind])) for kind in kinds}


@given(before=chains(), after=chains())
@settings(max_examples=100, deadline=None)
def test_a_change_of_a_chain_that_does_not_weaken_it(before: dict[str, Any], after: dict[str, Any]) -> None:
    """Nothing that a document refused is allowed by one that no change weakens."""
    texts = document(before), document(before | after)
    try:
        changes = diff_documents(*texts)
    except InvalidPolicyError:
        return
    if weakenings(changes):
        return
    old, new = (compile_document(text).chain for text in texts)
    for kind in before:
        for case in of_kind(kind):
            assert outcome(old, case) < BLOCKED or outcome(new, case) > ALLOWED, (case.note, changes)
