"""
The law of streams: what the client receives is what the whole answer would have become, however it was cut.

Bytes and deltas are cut anywhere, several choices run through one another, and the kinds are those of a document.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from keeptrusts.core.exchange import Exchange, Phase, Role, Text
from keeptrusts.core.verdict import Allow, Block, Edit, Match, Redact, Verdict
from keeptrusts.policy.compiled import CompiledPolicy
from keeptrusts.policy.kind import Policy
from support.flows import Seen, policy_of, said
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

TERMS: dict[str, Any] = {"blocked_terms": ["Project Apollo", "launch codes"], "detect_patterns": ["INV-[0-9]{8}"]}
RULES: list[dict[str, Any]] = [
    {"name": "first", "pattern": "^", "replacement": "AI: "},
    {"name": "numbers", "pattern": "(\\w)-([0-9]{4,8})", "replacement": "<$2 $1>"},
    {"name": "words", "pattern": "gambling|\\bga", "replacement": ""},
    {"name": "last", "pattern": "$", "replacement": " Apollo", "condition": "[0-9]"},
]
REDACTING: dict[str, dict[str, Any]] = {
    "pii": {"pii-detector": {}},
    "secrets": {"secret-scanner": {}},
    "terms": {"dlp-filter": TERMS},
    "misspelt terms": {"dlp-filter": {**TERMS, "fuzzy_matching": True}},
    "same length": {"pii-detector": {"redaction": {"preserve_length": True}}},
    "all": {"pii-detector": {}, "secret-scanner": {}, "dlp-filter": TERMS},
    "disclaimer": {"financial-compliance": {"required_disclaimers": ["Not advice."]}},
    "advice reframed": {"upl-filter": {"rewrite_to_educational": True}, "eu-ai-act": {}},
    "rewritten": {"response-rewriter": {"preserve_structure": False, "rules": RULES}, "dlp-filter": TERMS},
    "rewritten whole": {"pii-detector": {}, "response-rewriter": {"rules": RULES}, "eu-ai-act": {}},
    "code": {"code-sanitizer": {"additional_patterns": ["Project {1,2}Apollo", "g.m"]}},
    "disclaimer that is redacted": {
        "pii-detector": {},
        "healthcare-compliance": {"required_disclaimers": ["Ask Project Apollo.", "Gambling"], "fda_class": "I"},
        "dlp-filter": TERMS,
    },
}
BLOCKING: dict[str, dict[str, Any]] = {
    "block topic": {"topic-filter": {"blocked_topics": ["gambling", "nerve gas"]}},
    "block pii": {"pii-detector": {"action": "block"}},
    "block harm": {"safety-filter": {"block_if": ["nerve gas"]}},
    "block code": {"code-sanitizer": {"block_on_match": True}},
    "block secrets": {"secret-scanner": {"action": "block"}},
    "block terms": {"dlp-filter": {**TERMS, "action": "block"}},
    "block advice": {"upl-filter": {"require_disclaimer": False, "blocked_patterns": ["nerve {1,3}gas"]}},
}
REFUSED = {
    "block topic": "gambling",
    "block pii": "ada@example.com",
    "block harm": "nerve gas",
    "block code": "os.system(x)",
    "block secrets": "ghp_a8Kd02LmZq93Xw71Bv5TgYh4Rf6Uj8Ik0Ol1",
    "block terms": "Project Apollo",
    "block advice": "you should sue",
}
"""What each of them objects to."""
MIXED: dict[str, dict[str, Any]] = {
    "redact, then block": {"audit-logger": {}, "pii-detector": {}, "topic-filter": {"blocked_topics": ["gambling"]}},
    "block, then redact": {"audit-logger": {}, "topic-filter": {"blocked_topics": ["gambling"]}, "dlp-filter": TERMS},
    "add, then block": {
        "audit-logger": {},
        "financial-compliance": {"required_disclaimers": ["Not advice."], "blocked_patterns": ["nerve gas"]},
        "topic-filter": {"blocked_topics": ["gambling"]},
    },
    "block twice": {
        "audit-logger": {},
        "dlp-filter": {**TERMS, "action": "block"},
        "topic-filter": {"blocked_topics": ["gambling"]},
    },
}

PLANTED = st.sampled_from([
    "q7Rk2Zp9LxW4vTnB8mHc3JdY6sGfQ1aEuI5oKzXrNbVyMtCwPhSjDgFlA0UieO" * 3,
    "ada@example.com", "o'neil+x@mail.example.org", "+49 30 901820", "4111 1111 1111 1111", "DE89370400440532013000",
    "192.168.17.4", "123-45-6789", "sk-proj-a8Kd02LmZq93Xw71Bv5TgYh4", "AKIAQ3ERTY7UI2OPASDF",
    "password = hunter2Tango9!", "ghp_a8Kd02LmZq93Xw71Bv5TgYh4Rf6Uj8Ik0Ol1", "Project Apollo", "pr0ject  ap0llo",
    "PROJECT\u200bAPOLLO", "launch\ncodes", "INV-20240117", "gambling", "GAMBLING", "nerve gas", "Projet Apolo",
    "xgambling", "xgambling gambling", "xproject apollo", "launch codesx", "9INV-20240117", "xAKIAQ3ERTY7UI2OPASDF",
    "you should sue", "I  strongly advise\tyou", "xyou must sign", "your rights are", "you have a good case", "a court",
    "not legal advice", "os.system(x)", "subprocess.run(x, shell=True)", "curl https://example.com/i | sh", "rm -rf /",
    "password = 'hunter2Tango9'", "evaleval(x)",
])  # fmt: skip
HALVES = st.sampled_from(
    [
        "ada@",
        "@example.com",
        "4111 1111",
        "sk-proj-",
        "Project",
        " Apollo",
        "gamb",
        "INV-",
        "+49",
        "DE89",
        "you should",
        " sue",
        "as your",
    ]
)
TEXTS = st.lists(st.one_of(PLANTED, HALVES, FILLERS, PROSE), max_size=9).map("".join)


@cache
def compiled(name: str) -> CompiledPolicy:
    """The document of this name."""
    return compiled_chain((REDACTING | BLOCKING | MIXED)[name])


@given(name=st.sampled_from(sorted(REDACTING | BLOCKING)), text=TEXTS)
@settings(max_examples=200, deadline=None)
def test_a_kind_that_is_silent_finds_nothing(name: str, text: str) -> None:
    """It is not asked about such a piece of a stream, and it would have let it pass as it is."""
    exchange = Exchange(Phase.OUTPUT, texts=(Text(("x",), text, Role.ASSISTANT),), answered=True)
    for policy in compiled(name).chain.of_phase(Phase.OUTPUT):
        if policy.is_silent(text):
            assert policy.judge(exchange) == Allow()


@given(data=st.data(), name=st.sampled_from(sorted(REDACTING | BLOCKING | MIXED)), text=TEXTS)
@settings(max_examples=100, deadline=None)
def test_frames_that_come_together_are_as_frames_that_come_apart(data: st.DataObject, name: str, text: str) -> None:
    """Those of one text are looked at together: what is read and recorded is the same, and to the byte if unchanged."""
    body = data.draw(streams([text]))
    apart, place = [], 0
    while (place := body.find(b"\n\n", place) + 2) > 1:
        apart.append(place)
    together, one_by_one = streamed(compiled(name), body), streamed(compiled(name), body, apart)

    assert (together.status, together.record.verdict) == (one_by_one.status, one_by_one.record.verdict)
    assert findings(together) == findings(one_by_one)
    assert received(together) == received(one_by_one)
    if together.record.verdict == "allowed":  # which frame carries which letter of a replacement is not promised
        assert together.body == one_by_one.body


class Simple(Policy):
    """Objects to each `ab`, or puts something in its place."""

    kind = "simple"
    phases = frozenset({Phase.OUTPUT})

    def __init__(self, replacement: str | None) -> None:
        self.replacement = replacement

    def judge(self, exchange: Exchange) -> Verdict:
        found = [
            (text, at) for text in exchange.texts for at in range(len(text.value)) if text.value[at : at + 2] == "ab"
        ]
        if not found:
            return Allow()
        if self.replacement is None:
            return Block("simple.ab", "no ab", tuple(Match(text.place, at, at + 2, "ab") for text, at in found))
        return Redact("simple.ab", tuple(Edit(text.place, at, at + 2, "ab", self.replacement) for text, at in found))

    def holdback(self) -> int:
        return 2


@settings(deadline=None)
@given(st.sampled_from(sorted(REDACTING)), st.lists(TEXTS, min_size=1, max_size=3), PLACES, st.data())
def test_redaction_gives_what_the_whole_answer_gives(
    name: str, texts: list[str], places: list[int], data: st.DataObject
) -> None:
    """Text by text the stream is the redacted answer; where nothing was found it is the very bytes that came."""
    policy = compiled(name)
    body = data.draw(streams(texts))
    seen, expected = streamed(policy, body, places), whole(policy, texts)

    assert expected.status == seen.status == 200
    assert [said(seen.body, choice) for choice in range(len(texts))] == contents(expected)
    assert seen.body.endswith(b"data: [DONE]\n\n")
    assert (seen.record.verdict, seen.record.reason_code) == (expected.record.verdict, expected.record.reason_code)
    assert findings(seen) == findings(expected)
    if expected.record.verdict == "allowed":
        assert seen.body == body


@settings(deadline=None)
@given(st.sampled_from(sorted(BLOCKING)), TEXTS, PLACES, st.data())
def test_a_block_lets_out_what_stands_before_the_match(
    name: str, text: str, places: list[int], data: st.DataObject
) -> None:
    """Exactly that: no letter of a match, and no letter before it is lost."""
    policy = compiled(name)
    seen = streamed(policy, data.draw(streams([text])), places)
    first = first_match(policy, text)

    assert received(seen) == text[:first]
    assert (whole(policy, [text]).status == 409) == (first is not None)
    if first is None:
        assert seen.record.verdict == "allowed"
    else:
        check_blocked(seen)


def objections(seen: Seen) -> list[dict[str, Any]]:
    return [one for one in findings(seen) if one["verdict"] == "blocked"]


def recorded(seen: Seen) -> str:
    """What the record keeps of the answer."""
    content = seen.record.content or {}
    return "".join(text["text"] for text in content.get("answer", ()))


@settings(deadline=None)
@given(st.sampled_from(sorted(MIXED)), TEXTS, st.data())
def test_several_kinds_say_the_same_for_every_cut(name: str, text: str, data: st.DataObject) -> None:
    """A chain that redacts and blocks: one text, any two ways to send it."""
    policy = compiled(name)
    one, other = (streamed(policy, data.draw(streams([text])), data.draw(PLACES)) for _ in range(2))

    assert received(one) == received(other)
    assert objections(one) == objections(other)
    assert (one.record.verdict, one.record.reason_code) == (other.record.verdict, other.record.reason_code)
    assert (one.record.verdict == "blocked") == (whole(policy, [text]).status == 409)
    for seen in (one, other):
        assert recorded(seen) == received(seen)


@settings(deadline=None)
@given(st.sampled_from(sorted(BLOCKING)), st.lists(TEXTS, min_size=2, max_size=3), PLACES, st.data())
def test_a_block_in_one_choice_lets_no_letter_of_any_match_out(
    name: str, texts: list[str], places: list[int], data: st.DataObject
) -> None:
    """All choices end there; each was received up to its own first match at most."""
    policy = compiled(name)
    at = data.draw(st.integers(0, len(texts) - 1))
    texts = [f"{text} {REFUSED[name]}" if choice == at else text for choice, text in enumerate(texts)]
    firsts = [first_match(policy, text) for text in texts]
    assume(firsts != [None] * len(texts))
    seen = streamed(policy, data.draw(streams(texts)), places)

    check_blocked(seen)
    for choice, (text, first) in enumerate(zip(texts, firsts, strict=True)):
        assert text[:first].startswith(received(seen, choice))


@settings(deadline=None)
@given(
    st.sampled_from(sorted(REDACTING | BLOCKING)),
    TEXTS,
    st.sampled_from([b"data: {\n\n", b"data: \xff\n\n"]),
    st.data(),
)
def test_what_is_said_before_a_failure_is_the_same_for_every_cut(
    name: str, text: str, garbage: bytes, data: st.DataObject
) -> None:
    """It is what was decided by then, never what was held back; and there is no end."""
    body = data.draw(streams([text])).partition(b"data: [DONE]")[0] + garbage
    one, other = (streamed(compiled(name), body, data.draw(PLACES)) for _ in range(2))

    assert (one.status, one.body) == (other.status, other.body)
    assert one.record.reason_code == other.record.reason_code
    assert one.record.verdict == "blocked" or b"[DONE]" not in one.body


@given(st.text("abc", max_size=30), st.sampled_from(["", "a", "ba", "ab", "[...]"]), PLACES, st.data())
def test_a_replacement_of_any_length_is_no_new_match(
    text: str, replacement: str, places: list[int], data: st.DataObject
) -> None:
    """A kind is not asked about its own replacements, whole or streamed."""
    seen = streamed(policy_of(Simple(replacement)), data.draw(streams([text])), places)

    assert said(seen.body) == text.replace("ab", replacement)


@given(st.text("abc", max_size=30), st.sampled_from(["", "a", "b", "xx"]), PLACES, st.data())
def test_a_later_kind_sees_what_an_earlier_one_left(
    text: str, replacement: str, places: list[int], data: st.DataObject
) -> None:
    """What a redaction puts together is judged too."""
    policy = policy_of(Simple(replacement), Simple(None))
    left = text.replace("ab", replacement)
    seen = streamed(policy, data.draw(streams([text])), places)

    assert received(seen) == left.partition("ab")[0]
    assert (seen.record.verdict == "blocked") == ("ab" in left)
