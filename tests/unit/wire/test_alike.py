"""Frames that are read by their form are read as their parser reads them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keeptrusts.core.errors import UnreadableError
from keeptrusts.wire import chat_stream, completions
from keeptrusts.wire.alike import AlikeReader
from keeptrusts.wire.readings import Chunk
from keeptrusts.wire.sse import SseFrame

WORDS = st.one_of(
    st.sampled_from(["stop", "", "a\nb", 'say "hi"', "\\", "\\u0061", ",", ":", "chat", "é", "]}"]), st.text()
)


class Counting:
    """A parser that counts what it reads."""

    def __init__(self) -> None:
        self.frames = 0

    def __call__(self, frame: SseFrame) -> Chunk:
        self.frames += 1
        return chat_stream.read_chunk(frame)


def chunk_of(text: str, **more: Any) -> str:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return json.dumps({"id": "c-1", "model": "m", "choices": [choice], **more}, ensure_ascii=False)


def framed(data: str) -> SseFrame:
    return SseFrame(f"data: {data}\n\n".encode(), data)


@st.composite
def frames(draw: st.DrawFn) -> list[SseFrame]:
    """Chunks of one stream: mostly alike, some of another form, some that are no JSON."""
    filled = draw(st.booleans())
    found = []
    for text in draw(st.lists(WORDS, max_size=8)):
        filling = draw(st.sampled_from(["a", "bC3", "", "not a token"]))
        ended = draw(st.sampled_from([None, None, None, "stop", text]))
        choice = {"index": draw(st.sampled_from([0, 0, 1])), "delta": {"content": text}, "finish_reason": ended}
        other: dict[str, Any] = draw(st.sampled_from([{}, {}, {}, {"usage": {"prompt_tokens": 1}}, {"note": text}]))
        more = {"obfuscation": filling} if filled else {}
        data = json.dumps({"choices": [choice], **other, **more}, ensure_ascii=draw(st.booleans()))
        cut = draw(st.sampled_from([len(data)] * 6 + [len(data) // 2]))
        found.append(framed(data[:cut]))
    return found


@given(frames())
@settings(max_examples=300, deadline=None)
def test_a_form_reads_as_the_parser_does(told: list[SseFrame]) -> None:
    """Whatever came before, each frame is the same chunk, or unreadable for both."""
    reader = AlikeReader(chat_stream.read_chunk)
    for frame in told:
        try:
            expected = chat_stream.read_chunk(frame)
        except UnreadableError:
            with pytest.raises(UnreadableError):
                reader(frame)
        else:
            assert reader(frame) == expected


@given(st.lists(WORDS, max_size=6))
@settings(deadline=None)
def test_completions_are_read_alike_too(texts: list[str]) -> None:
    """Their text stands elsewhere, and their parser is another."""
    reader = AlikeReader(completions.read_chunk)
    for text in texts:
        frame = framed(json.dumps({"choices": [{"text": text, "index": 0, "finish_reason": None}]}, ensure_ascii=False))
        assert reader(frame) == completions.read_chunk(frame)


@pytest.mark.parametrize("more", [{}, {"obfuscation": "x1"}])
def test_a_known_form_is_not_parsed(more: dict[str, str]) -> None:
    """Of many chunks the first is parsed, with its probes."""
    parser = Counting()
    reader = AlikeReader(parser)
    said = [reader(framed(chunk_of(f" word{number}", **more))).pieces[0].text for number in range(50)]

    assert said[-1] == " word49"
    assert parser.frames <= 3


def test_forms_that_never_come_again_are_not_learnt_for_ever() -> None:
    """A stream whose chunks all differ costs a few probes and then no more than its parsing."""
    parser = Counting()
    reader = AlikeReader(parser)
    for number in range(50):
        reader(framed(chunk_of("word", created=number)))

    assert parser.frames <= 50 + 4


def test_what_only_looks_like_the_text_is_not_taken_for_it() -> None:
    """The text is spelt with an escape, and its word stands elsewhere as it is."""
    trap = '{"choices":[{"index":0,"finish_reason":"stop","delta":{"content":"\\u0073top"}}]}'
    told = [trap, trap.replace('"stop"', '"length"'), trap.replace('"stop"', '"hidden words"')]
    reader = AlikeReader(chat_stream.read_chunk)

    for data in told:
        assert reader(framed(data)) == chat_stream.read_chunk(framed(data))
