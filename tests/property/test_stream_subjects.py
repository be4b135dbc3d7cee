"""The law of streams, held by each kind that looks for a subject, with words of its own in the texts."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keeptrusts.policy.compiled import CompiledPolicy
from support.flows import said
from support.stream_law import (
    FILLERS,
    PLACES,
    PROSE,
    check_blocked,
    compiled_chain,
    contents,
    findings,
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
HEALTH = (
    *("Patient: ", "Ann Q. Lee", "Mrs. Ann Lee", "MRN: 00123456", "03/14/2024", "March 3, 2024", "age 93", "9"),
    *("12 North Main St, Apt 4B", ", Springfield, IL 62704", "https://a.example/p/123?x=", "1M8GDM9AXKP042788"),
    *("fingerprint: a8f3c2991", "123-45-6789", "ann@school.example", "Encounter ID: E-778812"),
)
SCHOOL = (
    *("Student ID: ", "00451234", "student: Ann Lee", "GPA: 3.85", "class rank 4 of 310", "parent name: Jo Lee"),
    *("final grade: B+", "Born in Austin, Texas", "DOB: 2010-03-04", "ann@school.example"),
)
COURT = (
    *("1:21-cv-01234-ABC-DEF", "-GHI", "Case No. BC123456", "No. 21-1234", "2021-CF-004512", "Docket No. L-1234-21"),
    *(
        "Roe v. Acme Corp.",
        " et al.",
        "In re Smith Holdings",
        "Plaintiff Ann Roe",
        "Wade and United States",
        " v. ",
        "ECF No. 45",
    ),
)
ALL_PARTIES = {"detect_patterns": ["case_number", "docket_number", "party_name"]}
BLOCKING |= {
    "block health": Subject("hipaa-phi-detector", HEALTH, {"action": "block"}),
    "block students": Subject("student-privacy", SCHOOL, {"action": "block"}),
}
REDACTING = {
    "health": Subject("hipaa-phi-detector", HEALTH),
    "limited data set": Subject("hipaa-phi-detector", HEALTH, {"safe_harbor_method": False}),
    "students": Subject("student-privacy", SCHOOL),
    "cases": Subject("case-privacy", COURT, ALL_PARTIES),
}
BUFFERED = {
    "languages": Subject(
        "language-validator",
        (
            "La réunion commence demain à neuf heures. ",
            "La réunion commence demain. " * 20,
            "The meeting starts at nine tomorrow. ",
            "ok ",
            "12345 ",
        ),
        {"allowed_languages": ["en"]},
    ),
    "bias": Subject(
        "bias-monitor",
        ("women are lazy", ". ", "that is a stereotype", "Immigrants are ", "dangerous", "never hire disabled people"),
        {"action": "block"},
    ),
    "escalated": Subject("dual-use-filter", ("gas centrifuge", "gas"), {"action": "escalate"}),
}


@cache
def compiled(name: str) -> CompiledPolicy:
    one = (BLOCKING | REDACTING | BUFFERED)[name]
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


@pytest.mark.parametrize("name", REDACTING)
@settings(deadline=None, max_examples=40)
@given(st.data())
def test_a_redaction_gives_what_the_whole_answer_gives(name: str, data: st.DataObject) -> None:
    """Also in what is recorded; where nothing was found it is the very bytes that came."""
    policy = compiled(name)
    text = data.draw(texts_of(REDACTING[name]))
    body = data.draw(streams([text]))
    seen, expected = streamed(policy, body, data.draw(PLACES)), whole(policy, [text])

    assert [said(seen.body)] == contents(expected)
    assert (seen.record.verdict, seen.record.reason_code) == (expected.record.verdict, expected.record.reason_code)
    assert findings(seen) == findings(expected)
    if expected.record.verdict == "allowed":
        assert seen.body == body


@pytest.mark.parametrize("name", BUFFERED)
@settings(deadline=None, max_examples=40)
@given(st.data())
def test_what_needs_the_whole_answer_lets_all_of_it_out_or_nothing(name: str, data: st.DataObject) -> None:
    """The stream waits for its end and says what the whole answer says."""
    policy = compiled(name)
    text = data.draw(texts_of(BUFFERED[name]))
    body = data.draw(streams([text]))
    seen, expected = streamed(policy, body, data.draw(PLACES)), whole(policy, [text])

    assert (seen.record.verdict, seen.record.reason_code) == (expected.record.verdict, expected.record.reason_code)
    assert seen.status == expected.status
    if expected.status == 200:
        assert seen.body == body


@pytest.mark.parametrize("name", BLOCKING | REDACTING | BUFFERED)
def test_the_words_of_a_subject_are_found(name: str) -> None:
    """What is planted above says something of the kind."""
    one = (BLOCKING | REDACTING | BUFFERED)[name]
    assert whole(compiled(name), [" ".join(one.planted)]).record.verdict in {"blocked", "redacted", "escalated"}
