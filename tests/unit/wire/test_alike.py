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
from keeptrusts.wire.messages_stream import MessagesReader
from keeptrusts.wire.readings import Chunk, ReadChunk
from keeptrusts.wire.responses_stream import ResponsesReader
from keeptrusts.wire.sse import SseDecoder, SseFrame, encode_frame

WORDS = st.one_of(
    st.sampled_from(["stop", "", "a\nb", 'say "hi"', "\\", "\\u0061", ",", ":", "chat", "é", "]}"]), st.text()
)


class Counting:
    """A parser that counts what it reads."""

    def __init__(self, read: ReadChunk = chat_stream.read_chunk) -> None:
        self.frames = 0
        self._read = read

    def __call__(self, frame: SseFrame) -> Chunk:
        self.frames += 1
        return self._read(frame)


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


def event(data: dict[str, Any], **spelling: Any) -> SseFrame:
    """As providers name their events."""
    (frame,) = SseDecoder().feed(encode_frame(json.dumps(data, **spelling), f"event: {data['type']}"))
    return frame


def message_delta(text: str, index: int = 0, kind: str = "text") -> dict[str, Any]:
    said = {"type": f"{kind}_delta", {"input_json": "partial_json"}.get(kind, kind): text}
    return {"type": "content_block_delta", "index": index, "delta": said}


STARTED: dict[str, Any] = {"type": "message_start", "message": {"type": "message", "role": "assistant", "content": []}}
BLOCKS: list[dict[str, Any]] = [
    {"type": "text", "text": ""},
    {"type": "thinking", "thinking": ""},
    {"type": "tool_use", "id": "t1", "name": "search", "input": {}},
]


@st.composite
def message_events(draw: st.DrawFn) -> list[SseFrame]:
    """A message, mostly in order: blocks, their deltas, and now and then one that belongs nowhere."""
    found = [STARTED]
    for index, block in enumerate(draw(st.lists(st.sampled_from(BLOCKS), min_size=1, max_size=3))):
        found.append({"type": "content_block_start", "index": index, "content_block": block})
        own = "input_json" if block["type"] == "tool_use" else block["type"]
        for text in draw(st.lists(WORDS, max_size=5)):
            stray = draw(st.sampled_from([(index, own)] * 8 + [(index + 1, own), (index, "text"), (0, own)]))
            found += draw(st.sampled_from([[]] * 6 + [[{"type": "ping"}]]))
            found.append(message_delta(text, *stray) | draw(st.sampled_from([{}] * 6 + [{"note": text}])))
        found += draw(st.sampled_from([[{"type": "content_block_stop", "index": index}]] * 6 + [[]]))
    return [event(one, ensure_ascii=draw(st.booleans())) for one in found]


@st.composite
def response_events(draw: st.DrawFn) -> list[SseFrame]:
    """Deltas of a response, counted and filled up, with the order of their members as it comes."""
    found = []
    for number, text in enumerate(draw(st.lists(WORDS, max_size=8)), start=draw(st.integers(0, 12))):
        step = draw(st.sampled_from(["delta"] * 8 + ["done"]))
        data: dict[str, Any] = {
            "type": f"response.output_text.{step}", "content_index": 0, "item_id": "msg_1", "output_index": 0,
            ("delta" if step == "delta" else "text"): text, "logprobs": [],
            "obfuscation": draw(st.sampled_from(["a", "bC3", "", "not a token"])),
            "sequence_number": draw(st.sampled_from([number] * 8 + [1.5, "three", None, 10**18])),
        }  # fmt: skip
        names = list(data) if number % 5 else sorted(data)
        found.append(event({name: data[name] for name in names}, separators=draw(st.sampled_from([(",", ":"), None]))))
    return found


def check_alike(told: list[SseFrame], reader: AlikeReader, parser: ReadChunk) -> None:
    """Each frame is the same chunk, or unreadable for both, which ends it."""
    for frame in told:
        try:
            expected = parser(frame)
        except UnreadableError:
            with pytest.raises(UnreadableError):
                reader(frame)
            return
        assert reader(frame) == expected


@given(message_events())
@settings(max_examples=200, deadline=None)
def test_messages_are_read_as_their_parser_does(told: list[SseFrame]) -> None:
    """A delta is of the block that is open, so a form is forgotten with whatever else comes."""
    check_alike(told, AlikeReader(MessagesReader(), lasting=False), MessagesReader())


@pytest.mark.parametrize("ends", [[{"type": "content_block_stop", "index": 0}], [{"type": "ping"}]])
def test_a_delta_behind_its_block_is_refused(ends: list[dict[str, Any]]) -> None:
    """Its form was known while the block was open; a heartbeat does not close it."""
    reader = AlikeReader(MessagesReader(), lasting=False)
    opened = {"type": "content_block_start", "index": 0, "content_block": BLOCKS[0]}
    told = [STARTED, opened, *(message_delta(f"word{number}") for number in range(3)), *ends, message_delta("more")]
    *before, last = map(event, told)
    for frame in before:
        reader(frame)

    if ends[0]["type"] == "ping":
        assert reader(last).pieces[0].text == "more"
    else:
        with pytest.raises(UnreadableError):
            reader(last)


@given(response_events())
@settings(max_examples=200, deadline=None)
def test_responses_are_read_as_their_parser_does(told: list[SseFrame]) -> None:
    """Their frames are counted and filled up, and differ in three places."""
    check_alike(told, AlikeReader(ResponsesReader()), ResponsesReader())


@pytest.mark.parametrize("spelling", [{}, {"separators": (",", ":")}, {"sort_keys": True}])
def test_known_forms_of_other_formats_are_not_parsed(spelling: dict[str, Any]) -> None:
    """Of many deltas of a message or a response the first is parsed, with its probes."""
    messages, responses = Counting(MessagesReader()), Counting(ResponsesReader())
    reader, other = AlikeReader(messages, lasting=False), AlikeReader(responses)
    reader(event(STARTED))
    reader(event({"type": "content_block_start", "index": 0, "content_block": BLOCKS[0]}))
    for number in range(50):
        reader(event(message_delta(f" word{number}"), **spelling))
        counted = {"sequence_number": number, "obfuscation": "x" * (number % 7 + 1), "output_index": 0}
        said = {"type": "response.output_text.delta", "content_index": 0, "delta": f"{number}", "logprobs": []}
        assert other(event(said | counted, **spelling)).pieces[0].text == str(number)

    assert messages.frames <= 2 + 3
    assert responses.frames <= 4


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
