"""Law 2: whatever bytes come, wire code answers with the one declared error or with what it read."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from keeptrusts.core.errors import UnreadableError, UpstreamLostError
from keeptrusts.wire import completions, responses_as_chat
from keeptrusts.wire.anthropic import MessagesStream, answer_from_messages, request_to_messages
from keeptrusts.wire.bedrock import answer_from_converse, answer_from_count, request_to_converse, request_to_count
from keeptrusts.wire.bedrock_stream import ConverseStream
from keeptrusts.wire.chat_stream import read_chunk
from keeptrusts.wire.completions import CompletionsWriter
from keeptrusts.wire.completions import read_answer as read_completion
from keeptrusts.wire.completions import read_chunk as read_completion_chunk
from keeptrusts.wire.completions import read_request as read_prompt
from keeptrusts.wire.embeddings import read_answer as read_vectors
from keeptrusts.wire.embeddings import read_request as read_embeddings
from keeptrusts.wire.event_stream import EventStreamDecoder
from keeptrusts.wire.messages import read_answer as read_message
from keeptrusts.wire.messages import read_request as read_messages_request
from keeptrusts.wire.messages_as_chat import answer_to_message, request_to_chat
from keeptrusts.wire.messages_stream import MessagesReader
from keeptrusts.wire.messages_writer import MessagesWriter
from keeptrusts.wire.mock import mock_answer
from keeptrusts.wire.openai_chat import read_answer, read_request
from keeptrusts.wire.responses import read_answer as read_response
from keeptrusts.wire.responses import read_request as read_responses_request
from keeptrusts.wire.responses_stream import ResponsesReader
from keeptrusts.wire.responses_writer import ResponsesWriter
from keeptrusts.wire.sse import SseDecoder, SseFrame
from keeptrusts.wire.strict_json import splice
from keeptrusts.wire.translation import guarded
from support import bedrock, messages
from support.flows import NAMED, answer, chunk, stream

CASES = int(os.environ.get("KEEPTRUSTS_FUZZ_CASES", "10000"))
"""Of each reader. A nightly run sets a million."""
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":[1,{"b":"x"}]}'}}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"a": {}}}}}
REQUEST: dict[str, Any] = {
    "model": "m", "stream": True, "max_tokens": 5, "stop": ["x"], "user": "u", "tools": [TOOL], "tool_choice": "auto",
    "messages": [
        {"role": "system", "content": "be kind"},
        {"role": "user", "content": [{"type": "text", "text": "hello"}]},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c", "content": "sunny"},
    ],
}  # fmt: skip
MESSAGE: dict[str, Any] = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "c", "stop_reason": "tool_use",
    "content": [
        {"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "text", "text": "hi"},
        {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
    ],
    "usage": {"input_tokens": 3, "output_tokens": 5},
}  # fmt: skip
EVENTS: list[dict[str, Any]] = [
    {"type": "message_start", "message": {"id": "msg_1", "model": "c", "usage": {"input_tokens": 3}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "id": "t", "name": "f"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": '{"a"'}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hi"}},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}},
    {"type": "message_stop"},
]
MESSAGES_REQUEST: dict[str, Any] = {
    "model": "m", "max_tokens": 5, "system": [{"type": "text", "text": "be kind"}], "metadata": {"user_id": "u"},
    "tools": [{"name": "f", "input_schema": {"type": "object"}}], "tool_choice": {"type": "auto"},
    "messages": [
        {"role": "user", "content": "hello"}, {"role": "assistant", "content": MESSAGE["content"]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "sunny"}]},
            {"type": "document", "source": {"type": "text", "data": "d"}},
        ]},
    ],
}  # fmt: skip
MESSAGES_STREAM = messages.stream(messages.text_block(0, ["he", "llo"]), messages.call_block(1, "f", ['{"a"', ": 1}"]))
PROMPT: dict[str, Any] = {"model": "m", "prompt": ["a"], "suffix": "s", "stop": ["x"], "max_tokens": 5, "user": "u"}
COMPLETION: dict[str, Any] = {
    "id": "c", "object": "text_completion", "model": "m", "usage": {"prompt_tokens": 3, "completion_tokens": 5},
    "choices": [{"index": 0, "text": "hi", "logprobs": {"tokens": ["hi"]}, "finish_reason": "stop"}],
}  # fmt: skip
RESPONSES_REQUEST: dict[str, Any] = {
    "model": "m", "instructions": "be kind", "max_output_tokens": 5, "reasoning": {"effort": "low"},
    "tools": [{"type": "function", "name": "f", "parameters": {}}], "text": {"format": {"type": "text"}},
    "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "hello"}]},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "s"},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"a": 1}'},
        {"type": "function_call_output", "call_id": "c", "output": "sunny"},
    ],
}  # fmt: skip
RESPONSES_CHUNKS = [chunk({"content": "hi"}), chunk({"tool_calls": [{"index": 0, **CALL}]}), chunk({}, finish="stop")]
RESPONSES_EVENTS = [
    *(written := ResponsesWriter("m")).translate(SseDecoder().feed(b"".join(RESPONSES_CHUNKS))), *written.end(),
]  # fmt: skip
RESPONSE = json.loads(RESPONSES_EVENTS[-1].data or "")["response"]
MESSAGES_EVENTS = [
    messages.event("content_block_start", index=0, content_block=block)
    for block in (*MESSAGE["content"], {"type": "tool_use", "id": "t", "name": "f", "input": {}})
]
ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    10**30,
    1.5,
    "",
    "x",
    "#json",
    "#key",
    "\ud800",
    [],
    [[]],
    {},
    {"": 1},
    [{"type": 5}],
]


def request(body: bytes) -> None:
    """Read, and changed at every place of a text."""
    texts = read_request(body).texts
    changed = read_request(splice(body, {text.place: f"{text.value}!" for text in texts}))
    assert sorted(text.value for text in changed.texts) == sorted(f"{text.value}!" for text in texts)


def whole_answer(body: bytes) -> None:
    """The same for an answer."""
    texts = read_answer(body).texts
    splice(body, {text.place: "!" for text in texts})


def chunks(body: bytes) -> None:
    """Read, and changed at every place of a piece."""
    decoder = SseDecoder()
    for frame in [*decoder.feed(body), *decoder.flush()]:
        read = read_chunk(frame)
        if read.data is not None:
            splice(read.data, {piece.place: "!" for piece in read.pieces})


def events(body: bytes) -> None:
    frames = [SseFrame(b"", json.dumps(one)) for one in EVENTS[:2]]
    decoder = SseDecoder()
    for frame in MessagesStream(NAMED).translate([*frames, *decoder.feed(body), *decoder.flush()]):
        read_chunk(frame)


def messages_request(body: bytes) -> None:
    texts = read_messages_request(body).texts
    read_messages_request(splice(body, {text.place: f"{text.value}!" for text in texts}))


def message(body: bytes) -> None:
    splice(body, {text.place: "!" for text in read_message(body).texts})


def read_events(body: bytes) -> None:
    """Read, and changed at every place of a piece."""
    decoder, reader = SseDecoder(), MessagesReader()
    for frame in SseDecoder().feed(b"" if body.startswith(b"event: message_start") else messages.begun()):
        reader(frame)
    for frame in [*decoder.feed(body), *decoder.flush()]:
        read = reader(frame)
        if read.data is not None:
            splice(read.data, {piece.place: "!" for piece in read.pieces})


def written_events(body: bytes) -> None:
    """What is written of any chunks, the reader takes."""
    decoder, writer, reader = SseDecoder(), MessagesWriter("m"), MessagesReader()
    for frame in [*writer.translate([*decoder.feed(body), *decoder.flush()]), *writer.end()]:
        reader(frame)


def responses_request(body: bytes) -> None:
    splice(body, {text.place: "!" for text in read_responses_request(body).texts})


def response(body: bytes) -> None:
    read = read_response(body)
    splice(body, {text.place: "!" for text in read.texts} | dict.fromkeys(read.logprobs))


def responses_events(body: bytes) -> None:
    """Read, and changed at every place of a piece."""
    decoder, reader = SseDecoder(), ResponsesReader()
    for frame in [*decoder.feed(body), *decoder.flush()]:
        read = reader(frame)
        if read.data is not None:
            splice(read.data, {piece.place: "!" for piece in read.pieces})


def written_responses(body: bytes) -> None:
    """What is written of any chunks, the reader takes."""
    decoder, writer, reader = SseDecoder(), ResponsesWriter("m"), ResponsesReader()
    for frame in [*writer.translate([*decoder.feed(body), *decoder.flush()]), *writer.end()]:
        reader(frame)


def prompt(body: bytes) -> None:
    splice(body, {text.place: "!" for text in read_prompt(body).texts})


def completion(body: bytes) -> None:
    read = read_completion(body)
    splice(body, {text.place: "!" for text in read.texts} | dict.fromkeys(read.logprobs))


def completion_chunks(body: bytes) -> None:
    decoder = SseDecoder()
    for frame in [*decoder.feed(body), *decoder.flush()]:
        read = read_completion_chunk(frame)
        if read.data is not None:
            splice(read.data, {piece.place: "!" for piece in read.pieces})


def written_completions(body: bytes) -> None:
    """What is written of any chunks, the reader takes."""
    decoder, writer = SseDecoder(), CompletionsWriter("m")
    for frame in writer.translate([*decoder.feed(body), *decoder.flush()]):
        read_completion_chunk(frame)


def converse_events(body: bytes) -> None:
    """Frames of Amazon's, and what is written of them is a stream that is read."""
    decoder, written = EventStreamDecoder(), ConverseStream(NAMED)
    with suppress(UpstreamLostError):
        for frame in written.translate([*decoder.feed(body), *decoder.flush()]):
            read_chunk(frame)


def converse_payload(body: bytes) -> None:
    """One event whose frame is sound."""
    converse_events(bedrock.frame({":message-type": "event", ":event-type": "contentBlockDelta"}, body))


def lines(body: bytes) -> bytes:
    """A document as one event."""
    return b"data: " + body + b"\n\n"


READERS: dict[str, tuple[Callable[[bytes], object], list[bytes]]] = {
    "request": (request, [json.dumps(REQUEST).encode()]),
    "answer": (whole_answer, [answer("hi"), answer("hi").replace(b'"content"', b'"tool_calls": [], "content"')]),
    "chunks": (chunks, [stream(["hi"]), chunk({"tool_calls": [{"index": 0, **CALL}]}), chunk({"function_call": {}})]),
    "events": (events, [lines(json.dumps(one).encode()) for one in EVENTS]),
    "to messages": (request_to_messages, [json.dumps(REQUEST).encode()]),
    "from messages": (lambda body: answer_from_messages(body, NAMED), [json.dumps(MESSAGE).encode()]),
    "messages request": (messages_request, [json.dumps(MESSAGES_REQUEST).encode()]),
    "message": (message, [json.dumps(MESSAGE).encode()]),
    "messages events": (read_events, [MESSAGES_STREAM, *MESSAGES_EVENTS]),
    "messages written": (written_events, [stream(["hi"]), chunk({"tool_calls": [{"index": 0, **CALL}]})]),
    "messages as chat": (guarded(request_to_chat), [json.dumps(MESSAGES_REQUEST).encode()]),
    "chat as message": (guarded(answer_to_message), [answer("hi")]),
    "responses request": (responses_request, [json.dumps(RESPONSES_REQUEST).encode()]),
    "response": (response, [json.dumps(RESPONSE).encode()]),
    "responses events": (responses_events, [frame.raw for frame in RESPONSES_EVENTS]),
    "responses written": (written_responses, [stream(["hi"]), chunk({"tool_calls": [{"index": 0, **CALL}]})]),
    "responses as chat": (guarded(responses_as_chat.request_to_chat), [json.dumps(RESPONSES_REQUEST).encode()]),
    "chat as response": (guarded(responses_as_chat.answer_to_response), [answer("hi")]),
    "prompt": (prompt, [json.dumps(PROMPT).encode()]),
    "completion": (completion, [json.dumps(COMPLETION).encode()]),
    "completion chunks": (completion_chunks, [lines(json.dumps(COMPLETION).encode())]),
    "completions written": (written_completions, [stream(["hi"])]),
    "prompt as chat": (guarded(completions.request_to_chat), [json.dumps(PROMPT).encode()]),
    "chat as completion": (guarded(completions.answer_from_chat), [answer("hi")]),
    "embeddings request": (read_embeddings, [b'{"model": "m", "input": ["a", "b"], "user": "u", "dimensions": 8}']),
    "embeddings": (read_vectors, [b'{"object": "list", "data": [{"index": 0, "embedding": [0.5, 1]}], "usage": {}}']),
    "to converse": (request_to_converse, [json.dumps(REQUEST).encode()]),
    "from converse": (lambda body: answer_from_converse(body, NAMED), [bedrock.answer("hi", [("f", '{"a": 1}')])]),
    "to count": (request_to_count, [json.dumps(MESSAGES_REQUEST).encode()]),
    "from count": (answer_from_count, [b'{"inputTokens": 5}']),
    "converse payload": (converse_payload, [b'{"contentBlockIndex": 0, "delta": {"text": "hi"}}']),
    "mock": (mock_answer, [json.dumps(REQUEST).encode()]),
}


def damaged(chance: random.Random, raw: bytes) -> bytes:
    """Bytes changed, removed, repeated or put in."""
    data = bytearray(raw)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(4):
            case 0:
                data[at:at] = chance.choice([b"\xff", b"\\u", b'"', b"{", b"[", b"\n\n", b"\r", b"1e999", b"NaN", b","])
            case 1:
                del data[at : at + chance.randint(1, 9)]
            case 2:
                data[at:at] = data[at : at + chance.randint(1, 40)]
            case _:
                data[at : at + 1] = bytes([chance.randrange(256)])
    return bytes(data)


def twisted(chance: random.Random, raw: bytes) -> bytes:
    """JSON of another shape: some value somewhere gives way to an odd one."""
    head, _, rest = raw.partition(b"{")
    document, _ = json.JSONDecoder().raw_decode("{" + rest.decode())
    holders = list(_holders(document))
    for _ in range(chance.randint(1, 3)):
        holder = chance.choice(holders)
        step = chance.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
        holder[step] = chance.choice(ODD)
    return head + json.dumps(document).encode() + (b"\n\n" if head else b"")


def _holders(document: Any) -> Iterator[Any]:
    if isinstance(document, dict | list) and document:
        yield document
        for child in document.values() if isinstance(document, dict) else document:
            yield from _holders(child)


def test_damaged_frames_of_amazon() -> None:
    """The same for a stream that is no text."""
    chance = random.Random("frames")
    body = bedrock.stream(["hi", "ho"], [("f", ['{"a"', ": 1}"])])
    for _ in range(CASES // 3):
        with suppress(UnreadableError):
            converse_events(damaged(chance, body))


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("damage", [damaged, twisted, lambda chance, _: chance.randbytes(chance.randint(0, 60))])
def test_only_the_declared_error_comes_of_it(name: str, damage: Callable[[random.Random, bytes], bytes]) -> None:
    """Damaged bytes, twisted documents and noise, the same at each run."""
    read, seeds = READERS[name]
    chance = random.Random(name)
    for _ in range(CASES // 3):
        with suppress(UnreadableError):
            read(damage(chance, chance.choice(seeds)))
