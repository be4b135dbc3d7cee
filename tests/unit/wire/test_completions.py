"""Prompts and vectors: what is read as text, what is refused, and what chat makes of a prompt."""

from __future__ import annotations

import json
from typing import Any

import pytest

from keeptrusts.core.errors import UnreadableError, UpstreamLostError
from keeptrusts.wire import completions, embeddings
from keeptrusts.wire.dialects import COMPLETIONS
from keeptrusts.wire.readings import Usage
from keeptrusts.wire.sse import DONE, SseDecoder, SseFrame
from support.flows import NAMED, answer, chunk

assert COMPLETIONS.bridge is not None
BRIDGE = COMPLETIONS.bridge


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"prompt": "a"}, ["a"]),
        ({"prompt": ["a", "b"], "suffix": "c", "user": "u"}, ["a", "b", "c", "u"]),
        ({"prompt": "a", "stop": ["x"], "best_of": 2, "echo": True, "logprobs": 3}, ["a", "x"]),
        ({"prompt": "a", "future": "y"}, ["a", "future", "y"]),
    ],
)
def test_a_prompt(fields: dict[str, Any], expected: list[str]) -> None:
    """One text or several, and what is not known to be metadata."""
    read = completions.read_request(json.dumps({"model": "m", "max_tokens": 9} | fields).encode())

    assert [text.value for text in read.texts] == expected
    assert (read.max_tokens, read.max_tokens_key, read.model) == (9, "max_tokens", "m")


@pytest.mark.parametrize("given", [[1, 2], [[1], [2]], ["a", 5], None, [], 5, {"a": "b"}])
def test_token_numbers_are_no_text(given: Any) -> None:
    """No policy reads them, so they are refused, for completions and for embeddings."""
    with pytest.raises(UnreadableError):
        completions.read_request(json.dumps({"model": "m", "prompt": given}).encode())
    with pytest.raises(UnreadableError):
        embeddings.read_request(json.dumps({"model": "m", "input": given}).encode())


@pytest.mark.parametrize(
    "fields", [{"model": ""}, {"stream": "yes"}, {"max_tokens": -1}, {"Prompt": "x"}, {"max_tokens": "x"}]
)
def test_requests_that_are_none(fields: dict[str, Any]) -> None:
    """Refused with the one declared error."""
    with pytest.raises(UnreadableError):
        completions.read_request(json.dumps({"model": "m", "prompt": "a"} | fields).encode())


CHOICES = [{"index": index, "text": text, "logprobs": {"tokens": [text]}, "finish_reason": "stop"} for index, text in
           enumerate(["a", "b"])]  # fmt: skip
COMPLETION: dict[str, Any] = {"id": "cmpl-1", "object": "text_completion", "choices": CHOICES, "new": "y",
                              "usage": {"prompt_tokens": 3, "completion_tokens": 5}}  # fmt: skip


def test_an_answer() -> None:
    """Every choice has its own text."""
    read = completions.read_answer(json.dumps(COMPLETION).encode())

    assert [(text.value, text.choice) for text in read.texts] == [("a", 0), ("b", 1), ("new", 0), ("y", 0)]
    assert read.logprobs == (("choices", 0, "logprobs"), ("choices", 1, "logprobs"))
    assert read.usage == Usage(3, 5)
    for odd in ({"choices": 5}, {"choices": [{"index": 0}]}, {"choices": ["x"]}):
        with pytest.raises(UnreadableError):
            completions.read_answer(json.dumps(COMPLETION | odd).encode())


def test_chunks() -> None:
    """What each adds to its choice; fields that nobody knows are texts too."""

    def read(data: str) -> Any:
        return completions.read_chunk(SseFrame(b"", data))

    told = read(json.dumps(COMPLETION))
    assert [(piece.channel[0], piece.text, piece.whole) for piece in told.pieces] == [
        (0, "a", False), (1, "b", False), (0, "new", True), (0, "y", True),
    ]  # fmt: skip
    assert (told.choices, told.usage, len(told.logprobs)) == (((0, True), (1, True)), Usage(3, 5), 2)
    assert read(DONE).done
    for odd in ('{"choices": 5}', "{}", '{"choices": [{"text": 5}]}', '{"choices": ["x"]}'):
        with pytest.raises(UnreadableError):
            read(odd)
    with pytest.raises(UnreadableError):
        completions.read_chunk(SseFrame(b"", None, "event: x"))
    with pytest.raises(UpstreamLostError):
        read('{"error": {"message": "x"}}')
    with pytest.raises(UpstreamLostError):
        list(completions.CompletionsWriter("m").translate([SseFrame(b"", '{"error": {"message": "x"}}')]))


def test_by_chat() -> None:
    """A prompt is what a user says; the answer, whole or streamed, is its text."""
    asked = {"model": "m", "prompt": ["a"], "max_tokens": 9, "stream": True, "echo": False, "stop": "x"}
    assert json.loads(BRIDGE.request(json.dumps(asked).encode())) == {
        "model": "m", "max_tokens": 9, "stream": True, "stop": "x", "messages": [{"role": "user", "content": "a"}],
    }  # fmt: skip
    told = json.loads(BRIDGE.answer(answer("hi"), NAMED))
    assert (told["object"], told["choices"][0]["text"], told["usage"]["prompt_tokens"]) == ("text_completion", "hi", 3)
    assert BRIDGE.stream is not None
    writer = BRIDGE.stream(NAMED)
    frames = SseDecoder().feed(chunk({"content": "hi"}) + chunk({}, finish="tool_calls") + b"data: [DONE]\n\n")
    first, last, done = [*writer.translate(frames), *writer.end()]
    assert json.loads(first.data or "")["choices"] == [
        {"index": 0, "text": "hi", "logprobs": None, "finish_reason": None}
    ]
    assert json.loads(last.data or "")["choices"][0]["finish_reason"] == "stop"
    assert done.data == DONE


@pytest.mark.parametrize("fields", [{"prompt": ["a", "b"]}, {"suffix": "x"}, {"echo": True}, {"best_of": 2}])
def test_what_chat_has_no_word_for(fields: dict[str, Any]) -> None:
    """Not dropped: the caller would believe that it was heeded."""
    with pytest.raises(UnreadableError):
        BRIDGE.request(json.dumps({"model": "m", "prompt": "a"} | fields).encode())


def test_vectors() -> None:
    """Numbers or base64; anything else may hold what no policy has read."""
    read = embeddings.read_request(b'{"model": "m", "input": ["a", "b"], "user": "u", "dimensions": 8, "new": "y"}')
    assert [text.value for text in read.texts] == ["a", "b", "u", "new", "y"]
    assert (read.max_tokens_key, read.stream, read.user) == ("", False, "u")

    def told(vector: Any) -> bytes:
        data = [{"object": "embedding", "index": 0, "embedding": vector}]
        return json.dumps({"object": "list", "model": "m", "data": data, "usage": {"prompt_tokens": 3}}).encode()

    for vector in ([0.5, -1, 1e-9], "AACAPw=="):
        answered = embeddings.read_answer(told(vector))
        assert (answered.texts, answered.usage.input_tokens) == ((), 3)
    odd: Any
    for odd in (["x"], [True], [[1]], "not base64!", None):
        with pytest.raises(UnreadableError):
            embeddings.read_answer(told(odd))
    with pytest.raises(UnreadableError):
        embeddings.read_answer(b'{"data": {}}')
