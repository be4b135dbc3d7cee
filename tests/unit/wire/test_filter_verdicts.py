"""What Azure's content filter says beside an answer: no text, as long as it is made of its words alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from keeptrusts.policy.document import compile_document
from keeptrusts.wire.completions import read_answer as read_completion
from keeptrusts.wire.filter_verdicts import is_filter_verdict
from keeptrusts.wire.openai_chat import read_answer
from support.flows import STREAM, Provider, Seen, chunk, play
from support.policy_cases import document

SAFE = {name: {"filtered": False, "severity": "safe"} for name in ("hate", "self_harm", "sexual", "violence")}
OF_PROMPT = [
    {"prompt_index": 0, "content_filter_results": {**SAFE, "jailbreak": {"detected": False, "filtered": False}}}
]
CITED = {"protected_material_code": {"detected": True, "citation": {"URL": "https://a.example", "license": "MIT"}}}
TARGET = {"id": "up", "provider": "azure", "base_url": "https://acme.openai.azure.com", "secret_key_ref": {"env": "K"}}
GOVERNED = compile_document(document({"pii-detector": {}}, providers={"targets": [TARGET]}))


@pytest.mark.parametrize(
    ("value", "known"),
    [
        (None, True),
        (SAFE, True),
        (OF_PROMPT, True),
        ({"check_offset": 44, "start_offset": 44, "end_offset": 198}, True),
        ({"hate": {"severity": "ask ada@example.com"}}, False),
        ({"ada@example.com": True}, False),
        (CITED, False),
        ([[[[[[[[None]]]]]]]], False),
        ("safe and sound", False),
    ],
)
def test_its_words(value: Any, *, known: bool) -> None:
    """A text, an unknown word or something deep is none of them."""
    assert is_filter_verdict(value) is known


def test_whole_answers() -> None:
    """Of chat and of older completions; what is cited is a text."""
    beside: dict[str, Any] = {"content_filter_results": SAFE | CITED, "index": 0, "finish_reason": "stop"}
    chat = {
        "choices": [{"message": {"role": "assistant", "content": "hi"}, **beside}],
        "prompt_filter_results": OF_PROMPT,
    }
    older = {"choices": [{"text": "hi", **beside}], "prompt_filter_results": OF_PROMPT}
    read = [[text.value for text in one.texts] for one in (
        read_answer(json.dumps(chat).encode()), read_completion(json.dumps(older).encode())
    )]  # fmt: skip

    for values in read:
        assert {"hi", "https://a.example", "MIT"} <= set(values)
        assert "prompt_filter_results" not in values
    del beside["content_filter_results"]["protected_material_code"]
    assert [text.value for text in read_answer(json.dumps(chat).encode()).texts] == ["hi"]


def streamed(**beside: Any) -> Seen:
    """An answer in long pieces, each with this beside it."""
    frames = []
    for number in range(40):
        said = json.loads(chunk({"content": f"{number} green bottles hanging on the wall, "}).removeprefix(b"data: "))
        said["choices"][0] |= beside
        frames.append(b"data: " + json.dumps(said).encode() + b"\n\n")
    frames += [chunk({}, finish="stop"), b"data: [DONE]\n\n"]
    return play(GOVERNED, STREAM, Provider(frames, media_type="text/event-stream"))


def test_a_stream_is_not_held_up_by_it() -> None:
    """Four letters a piece, waited for as if they were a text, would hold the answer back to its end."""
    plain, filtered = streamed(), streamed(content_filter_results=SAFE)

    assert filtered.record.behind_chars == plain.record.behind_chars
    assert (filtered.status, filtered.record.verdict) == (200, "allowed")
    assert filtered.body.count(b'"severity": "safe"') == 160
