"""The law of streams, held by each kind that looks for a subject, with words of its own in the texts."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keeptrusts.policy.compiled import CompiledPolicy
from support.stream_law import (
    FILLERS,
    PLACES,
    PROSE,
    check_blocked,
    compiled_chain,
    first_match,
    received,
    streamed,
    streams,
    whole,
)


@dataclass(frozen=True)
class Subject:
    """A block of a kind, and pieces of text that it finds, almost finds, or finds the half of."""

    kind: str
    planted: tuple[str, ...]
    block: dict[str, Any] = field(default_factory=dict)


BLOCKING = {
    "safety": Subject(
        "safety-filter",
        ("bypass the SIS", "bypass-the", " sis", "MAKE A PIPE BOMB", "open valve 7", "xmake a bomb", "make a bombs"),
        {"mode": "critical_infrastructure", "block_if": ["open valve 7"]},
    ),
    "misspelt safety": Subject(
        "safety-filter",
        ("bypas the interlock", "make a pipe bmb", "disable the gas detecttor", "mak", " a bomb"),
        {"mode": "critical_infrastructure", "fuzzy_matching": True, "max_distance": 2},
    ),
    "itar": Subject(
        "itar-ear-filter",
        ("guided missile", "Guided,Missiles", "ECCN 9E003", "eccn 9e00", "USML Category XI", "xi", "22 CFR 12", "0"),
    ),
    "dual use": Subject("dual-use-filter", ("gas centrifuge", "thiodiglycol", "gas-", "centrifuges", "xthiodiglycol")),
    "entities": Subject(
        "entity-list-filter",
        (
            "Acme Trading Co., Ltd.",
            "ACME TRADING",
            "acme",
            " trading",
            "Sidorov",
            "Sidorovs",
            "\u534e\u4e3a\u6280\u672f",
        ),
        {"blocked_entities": ["Acme Trading Co., Ltd.", "Sidorov", "\u534e\u4e3a\u6280\u672f"]},
    ),
    "mnpi": Subject(
        "mnpi-filter",
        ("inside information", "not yet", " public", "Project Osprey", "project osprey1", "mnpi"),
        {"detect_patterns": ["(?i)project (falcon|osprey)[0-9]?"]},
    ),
    "privilege": Subject(
        "legal-privilege", ("attorney-client privilege", "attorney/", "client privileged", "Privileged & Confidential")
    ),
}
REDACTING: dict[str, Subject] = {}


@cache
def compiled(name: str) -> CompiledPolicy:
    one = (BLOCKING | REDACTING)[name]
    return compiled_chain({one.kind: one.block})


def texts_of(one: Subject) -> st.SearchStrategy[str]:
    pieces = st.one_of(st.sampled_from(one.planted), FILLERS, PROSE)
    return st.lists(pieces, max_size=8).map("".join)


@pytest.mark.parametrize("name", BLOCKING)
@settings(deadline=None, max_examples=40)
@given(st.data())
def test_a_block_lets_out_what_stands_before_the_match(name: str, data: st.DataObject) -> None:
    """Exactly that: no letter of a match, and no letter before it is lost; the reason is that of the match."""
    policy = compiled(name)
    text = data.draw(texts_of(BLOCKING[name]))
    seen, expected = streamed(policy, data.draw(streams([text])), data.draw(PLACES)), whole(policy, [text])
    first = first_match(policy, text)

    assert received(seen) == text[:first]
    assert (expected.status == 409) == (first is not None)
    assert (seen.record.verdict, seen.record.reason_code) == (expected.record.verdict, expected.record.reason_code)
    if first is not None:
        check_blocked(seen)


@pytest.mark.parametrize("name", BLOCKING | REDACTING)
def test_the_words_of_a_subject_are_found(name: str) -> None:
    """What is planted above says something of the kind."""
    one = (BLOCKING | REDACTING)[name]
    assert whole(compiled(name), [" ".join(one.planted)]).record.verdict in {"blocked", "redacted"}
