"""What a provider tells beside its choices is judged within its frame: a stream does not wait for more of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from keeptrusts.flow.effects import SendToClient
from keeptrusts.policy.document import compile_document
from support.flows import STREAM, Provider, Seen, chunk, play, said
from support.policy_cases import document

TARGET = {"id": "main", "provider": "openai:chat:m", "secret_key_ref": {"env": "KEY"}}
REDACTING = compile_document(document({"audit-logger": {}, "pii-detector": {}}, providers={"targets": [TARGET]}))
BLOCKING = compile_document(document({"pii-detector": {"action": "block"}}, providers={"targets": [TARGET]}))
HEAD = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
WORDS = [chunk({"content": f"word {number} "}) for number in range(100)]
END = chunk({}, finish="stop") + b"data: [DONE]\n\n"


def event(**fields: Any) -> bytes:
    return b"data: " + json.dumps({**HEAD, **fields}).encode() + b"\n\n"


def events(*frames: bytes) -> Provider:
    return Provider(frames, media_type="text/event-stream")


def sent(seen: Seen) -> int:
    return sum(isinstance(effect, SendToClient) for effect in seen.effects)


@pytest.mark.parametrize(
    "first",
    [
        event(choices=[], prompt_filter_results=[{"content_filter_results": {"hate": {"severity": "safe"}}}]),
        event(choices=[], x_vendor={"id": "req_1"}),
        event(choices=[], id="req.1"),
    ],
    ids=["a verdict of the provider's own", "an id of the provider's own", "an id of another form"],
)
def test_a_word_that_comes_once_holds_nothing_up(first: bytes) -> None:
    """The client is as close behind the model as it is without it, and gets every byte."""
    plain = play(REDACTING, STREAM, events(*WORDS, END))
    seen = play(REDACTING, STREAM, events(first, *WORDS, END))

    assert seen.body == b"".join([first, *WORDS, END])
    assert sent(seen) == sent(plain) > 50


def test_it_is_judged_in_each_frame() -> None:
    """Also when an earlier frame said something harmless there; the record tells of it."""
    frames = [event(choices=[], note="fine"), event(choices=[], note="ada@example.com"), event(choices=[], note="fine")]
    seen = play(REDACTING, STREAM, events(*frames, *WORDS, END))

    assert seen.body == b"".join([*frames, *WORDS, END]).replace(b"ada@example.com", b"[EMAIL]").replace(
        event(choices=[], note="[EMAIL]"),
        b'data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"note":"[EMAIL]"}\n\n',
    )
    assert (seen.record.verdict, seen.record.reason_code) == ("redacted", "pii_detector.email")


def test_a_block_ends_the_stream_before_it() -> None:
    """Nothing of the frame leaves, and nothing behind it."""
    seen = play(BLOCKING, STREAM, events(*WORDS, event(choices=[], note="ada@example.com"), *WORDS, END))

    assert b"note" not in seen.body
    assert said(seen.body).startswith("word 0 word 1 ")
    assert "word 99 word 0" not in said(seen.body)
    assert (seen.record.verdict, seen.record.status) == ("blocked", 200)


def test_a_block_before_the_first_word_is_a_plain_refusal() -> None:
    """The status can still tell."""
    seen = play(BLOCKING, STREAM, events(event(choices=[], note="ada@example.com"), *WORDS, END))

    assert (seen.status, seen.error["code"]) == (409, "output_blocked")
