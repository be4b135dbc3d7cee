"""Fields of a stream that nobody knows: judged like any text, names and all, and passed on when they are clean."""

from __future__ import annotations

import json
from typing import Any

import pytest

from keeptrusts.core.errors import SpoolFullError
from keeptrusts.policy.compiled import CompiledPolicy
from support.flows import STREAM, Provider, Seen, play, policy_of, said
from support.words import Word


def event(**fields: Any) -> bytes:
    return b"data: " + json.dumps(fields).encode() + b"\n\n"


def choice(content: str, **fields: Any) -> dict[str, Any]:
    return {"index": 0, "delta": {"content": content}, **fields}


END = event(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}]) + b"data: [DONE]\n\n"


def streamed(policy: CompiledPolicy, *events: bytes, **world: Any) -> Seen:
    body = b"".join(events) + END
    return play(policy, STREAM, Provider([body], media_type="text/event-stream"), **world)


KINDS = {"live": policy_of(Word()), "whole": policy_of(Word(width=None)), "ungoverned": policy_of()}


@pytest.mark.parametrize("policy", KINDS.values(), ids=KINDS)
def test_clean_fields_of_a_vendor_pass(policy: CompiledPolicy) -> None:
    """Whatever else a provider tells about its chunks, the stream arrives to the byte."""
    told = {"prompt_token_ids": None, "x_vendor": {"id": "req_1", "region": "eu"}}
    filters = {"hate": {"filtered": False, "severity": "safe"}}
    events = [event(choices=[choice("hi ", ending=None, filter_results=filters)], **told) for _ in range(5)]

    assert streamed(policy, *events).body == b"".join(events) + END


def test_a_value_is_judged_like_any_text() -> None:
    """In any place, also when it is put together from several chunks."""
    events = [event(choices=[choice("hello", note="st")]), event(choices=[choice(" you", note="op")], other="stop")]
    seen = streamed(policy_of(Word("go")), *events)

    assert said(seen.body) == "hello you"
    assert b'"stop"' not in seen.body.removesuffix(END)
    assert b'"op"' not in seen.body
    assert streamed(policy_of(Word()), *events).record.verdict == "blocked"


def test_usage_is_judged_too() -> None:
    """Nothing is smuggled past in what is for accountants."""
    seen = streamed(policy_of(Word()), event(choices=[], usage={"prompt_tokens": 3, "note": "stop"}))

    assert (seen.status, seen.record.verdict) == (409, "blocked")


@pytest.mark.parametrize("kind", [Word(), Word("go")], ids=["blocks", "redacts"])
def test_a_name_that_may_not_be_said_is_not_said(kind: Word) -> None:
    """It comes in one piece; an answer that uses it is given up."""
    seen = streamed(policy_of(kind), event(choices=[choice("hi")]), event(choices=[choice("ho", please_stop=1)]))

    assert (seen.record.verdict, seen.record.reason_code) == ("failed", "upstream_garbled")
    assert b"please_stop" not in seen.body


def test_a_name_is_judged_with_an_answer_that_is_judged_whole() -> None:
    """A block is one; a name that would have to be changed gives the answer up."""
    events = [event(choices=[choice("hi")]), event(choices=[choice("ho", please_stop=1)])]
    blocked = streamed(policy_of(Word(width=None)), *events)
    garbled = streamed(policy_of(Word("go", width=None)), *events)

    assert (blocked.status, blocked.error["code"]) == (409, "output_blocked")
    assert (garbled.status, garbled.error["code"]) == (502, "upstream_garbled")


def test_a_full_spool_before_the_first_word_is_a_plain_refusal() -> None:
    """Nothing was sent, so the status can tell."""
    seen = streamed(policy_of(Word()), event(choices=[choice("hi")]), record_fails=SpoolFullError("full"))

    assert (seen.status, seen.error["code"], seen.headers["retry-after"]) == (503, "spool_full", "5")
    assert seen.headers["content-type"] == "application/json"
