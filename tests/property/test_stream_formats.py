"""
The law of streams for every pair of formats: cut anywhere, a stream says what the whole answer would have said.

What a client of one format receives from a provider of another is judged as that client would put it together.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from keeptrusts.core.exchange import Target
from keeptrusts.policy.compiled import CompiledPolicy, TargetSettings
from keeptrusts.policy.document import compile_document
from keeptrusts.wire.completions import CompletionsWriter, answer_from_chat
from keeptrusts.wire.event_stream import MEDIA_TYPE
from keeptrusts.wire.responses_as_chat import answer_to_response
from keeptrusts.wire.responses_writer import ResponsesWriter
from keeptrusts.wire.sse import SseDecoder
from support import bedrock, messages
from support.bedrock import BEDROCK
from support.flows import TARGET, Provider, Seen, answer, chunk, cut, cut_text, documents, play
from support.messages import ANTHROPIC
from support.policy_cases import document

REDACTING: dict[str, dict[str, Any]] = {
    "pii": {"pii-detector": {}},
    "terms": {"dlp-filter": {"blocked_terms": ["Project Apollo"]}},
    "all": {"pii-detector": {}, "secret-scanner": {}, "dlp-filter": {"blocked_terms": ["Project Apollo"]}},
    "rewritten": {
        "financial-compliance": {"required_disclaimers": ["Not advice."]},
        "response-rewriter": {
            "preserve_structure": False,
            "rules": [{"name": "first", "pattern": "^", "replacement": ">"}, {"name": "words", "pattern": "the |a"}],
        },
    },
}
BLOCKING: dict[str, dict[str, Any]] = {
    "topic": {"topic-filter": {"blocked_topics": ["gambling"]}},
    "both": {"dlp-filter": {"blocked_terms": ["gambling"], "action": "block"}, "pii-detector": {"action": "block"}},
}
REFUSED = "gambling"
WORDS = st.sampled_from([
    "ada@example.com", "ada@", "example.com", "4111 1111 1111 1111", "Project Apollo", "Project", " Apollo", "gambling",
    "gamb", "ling", "AKIAQ3ERTY7UI2OPASDF", "ü🙂", '"', "\\", "\n", " ", " the ", "x" * 300,
])  # fmt: skip
TEXTS = st.lists(WORDS, max_size=7).map("".join)
PLACES = st.lists(st.integers(0, 4000), max_size=30)
Said = tuple[list[str], list[tuple[str, str]]]
"""The texts of an answer, and its calls: name and arguments."""


@dataclass(frozen=True)
class Client:
    """Who asks: its path, its request, and what it puts together from an answer."""

    path: str
    request: Callable[[bool], bytes]
    whole: Callable[[bytes], Said]
    streamed: Callable[[bytes], Said]
    ends: str


@dataclass(frozen=True)
class Far:
    """Who answers: the target, a whole answer, and a stream of the same in deltas cut at the places that are drawn."""

    target: TargetSettings
    whole: Callable[[str, Sequence[tuple[str, str]]], bytes]
    streamed: Callable[[Iterable[str], Sequence[tuple[str, Iterable[str]]]], bytes]
    media_type: str = "text/event-stream"


def chat_request(stream: bool) -> bytes:
    asked = {"model": "m", "stream": stream, "messages": [{"role": "user", "content": "hello"}]}
    return json.dumps(asked).encode()


def chat_whole(body: bytes) -> Said:
    message = json.loads(body)["choices"][0]["message"]
    calls = [one["function"] for one in message.get("tool_calls") or ()]
    texts = [message["content"]] if message["content"] else []
    return texts, [(one["name"], one["arguments"]) for one in calls]


def chat_streamed(body: bytes) -> Said:
    text, calls = "", dict[int, list[str]]()
    for one in documents(body):
        for choice in one.get("choices", ()):
            text += choice["delta"].get("content") or ""
            for call in choice["delta"].get("tool_calls") or ():
                held = calls.setdefault(call["index"], ["", ""])
                held[0] += call["function"].get("name") or ""
                held[1] += call["function"].get("arguments") or ""
    return [text] if text else [], [(name, arguments) for _, (name, arguments) in sorted(calls.items())]


def messages_whole(body: bytes) -> Said:
    content = json.loads(body)["content"]
    calls = [(one["name"], json.dumps(one["input"])) for one in content if one["type"] == "tool_use"]
    return [one["text"] for one in content if one["type"] == "text" and one["text"]], calls


def messages_streamed(body: bytes) -> Said:
    starts = [one["content_block"] for one in messages.events(body) if one["type"] == "content_block_start"]
    said = messages.said(body)
    texts = [text for block, text in zip(starts, said, strict=True) if block["type"] == "text" and text]
    calls = [(block["name"], text or "{}") for block, text in zip(starts, said, strict=True) if "input" in block]
    return texts, calls


def chat_answer(text: str, calls: Sequence[tuple[str, str]]) -> bytes:
    body = json.loads(answer(text))
    body["choices"][0]["message"]["tool_calls"] = [
        {"id": f"call_{index}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for index, (name, arguments) in enumerate(calls)
    ]
    return json.dumps(body).encode()


def chat_stream(pieces: Iterable[str], calls: Sequence[tuple[str, Iterable[str]]]) -> bytes:
    events = [chunk({"role": "assistant", "content": ""}), *(chunk({"content": piece}) for piece in pieces)]
    for index, (name, _) in enumerate(calls):
        function = {"name": name, "arguments": ""}
        events.append(chunk({"tool_calls": [{"index": index, "id": f"call_{index}", "function": function}]}))
    left = [(index, list(arguments)) for index, (_, arguments) in enumerate(calls)]
    while any(arguments for _, arguments in left):  # deltas of the calls run through each other
        for index, arguments in left:
            if arguments:
                delta = {"index": index, "function": {"arguments": arguments.pop(0)}}
                events.append(chunk({"tool_calls": [delta]}))
    return b"".join(events) + chunk({}, finish="tool_calls" if calls else "stop") + b"data: [DONE]\n\n"


def messages_answer(text: str, calls: Sequence[tuple[str, str]]) -> bytes:
    blocks: list[Mapping[str, Any]] = [{"type": "text", "text": text}]
    blocks += [
        {"type": "tool_use", "id": f"toolu_{index}", "name": name, "input": json.loads(arguments)}
        for index, (name, arguments) in enumerate(calls)
    ]
    return messages.answer(*blocks)


def messages_stream(pieces: Iterable[str], calls: Sequence[tuple[str, Iterable[str]]]) -> bytes:
    blocks = [messages.text_block(0, pieces)]
    blocks += [messages.call_block(index, name, arguments) for index, (name, arguments) in enumerate(calls, start=1)]
    return messages.stream(*blocks)


def responses_request(stream: bool) -> bytes:
    return json.dumps({"model": "m", "stream": stream, "input": "hello"}).encode()


def responses_said(output: Iterable[Mapping[str, Any]]) -> Said:
    items = list(output)
    calls = [(one["name"], one["arguments"]) for one in items if one["type"] == "function_call"]
    parts = [part for one in items if one["type"] == "message" for part in one["content"]]
    return [part["text"] for part in parts if part["text"]], calls


def responses_whole(body: bytes) -> Said:
    return responses_said(json.loads(body)["output"])


def responses_streamed(body: bytes) -> Said:
    """By the deltas; what is said again of a text, of its item and at the end is the same."""
    items: dict[int, dict[str, Any]] = {}
    for one in messages.events(body):
        if one["type"] == "response.output_item.added":
            items[one["output_index"]] = {**one["item"], "text": ""}
        elif one["type"].endswith(".delta"):
            items[one["output_index"]]["text"] += one["delta"]
        elif one["type"] == "response.output_text.done":
            assert one["text"] == items[one["output_index"]]["text"]
        elif one["type"] == "response.output_item.done":
            items[one["output_index"]]["done"] = one["item"]
        elif one["type"] == "response.completed":
            assert one["response"]["output"] == [items[index]["done"] for index in sorted(items)]
    ordered = [items[index] for index in sorted(items)]
    texts = [one["text"] for one in ordered if one["type"] == "message" and one["text"]]
    return texts, [(one["name"], one["text"]) for one in ordered if one["type"] == "function_call"]


def responses_answer(text: str, calls: Sequence[tuple[str, str]]) -> bytes:
    return answer_to_response(chat_answer(text, calls))


def responses_stream(pieces: Iterable[str], calls: Sequence[tuple[str, Iterable[str]]]) -> bytes:
    frames = SseDecoder().feed(chat_stream(pieces, calls))
    return b"".join(frame.raw for frame in ResponsesWriter("m").translate(frames))


def completions_request(stream: bool) -> bytes:
    return json.dumps({"model": "m", "stream": stream, "prompt": "hello"}).encode()


def completions_whole(body: bytes) -> Said:
    text = json.loads(body)["choices"][0]["text"]
    return [text] if text else [], []


def completions_streamed(body: bytes) -> Said:
    text = "".join(choice["text"] for one in documents(body) for choice in one.get("choices", ()))
    return [text] if text else [], []


def completions_answer(text: str, calls: Sequence[tuple[str, str]]) -> bytes:
    return answer_from_chat(chat_answer(text, calls))


def completions_stream(pieces: Iterable[str], calls: Sequence[tuple[str, Iterable[str]]]) -> bytes:
    frames = SseDecoder().feed(chat_stream(pieces, calls))
    return b"".join(frame.raw for frame in CompletionsWriter("m").translate(frames))


CLIENTS = {
    "chat": Client("/v1/chat/completions", chat_request, chat_whole, chat_streamed, "[DONE]"),
    "messages": Client(
        messages.PATH,
        lambda stream: messages.request(stream=stream),
        messages_whole,
        messages_streamed,
        "message_stop",
    ),
    "responses": Client("/v1/responses", responses_request, responses_whole, responses_streamed, "response.completed"),
}
FAR = {
    "chat": Far(replace(TARGET, target=Target("main", "groq")), chat_answer, chat_stream),
    "messages": Far(ANTHROPIC, messages_answer, messages_stream),
    "bedrock": Far(BEDROCK, bedrock.answer, bedrock.stream, MEDIA_TYPE),
    "completions": Far(replace(TARGET, target=Target("main", "openai")), completions_answer, completions_stream),
    "responses": Far(replace(TARGET, target=Target("main", "openai")), responses_answer, responses_stream),
}
OWN = {"responses", "completions"}
"""Formats that a provider speaks to nobody else."""
PAIRS = st.sampled_from([(near, far) for near in CLIENTS for far in FAR if far not in OWN or near == far])
ARGUMENTS = st.dictionaries(st.sampled_from(["to", "body"]), TEXTS, max_size=2).map(json.dumps)
CALLS = st.lists(st.tuples(st.sampled_from(["send_mail", "look_up"]), ARGUMENTS), max_size=2)


@cache
def policy(name: str, far: str) -> CompiledPolicy:
    blocks = (REDACTING | BLOCKING)[name]
    return replace(compile_document(document(blocks)), targets=(FAR[far].target,))


def whole(name: str, near: str, far: str, text: str, calls: Sequence[tuple[str, str]] = ()) -> Seen:
    client = CLIENTS[near]
    return play(policy(name, far), client.request(False), Provider([FAR[far].whole(text, calls)]), path=client.path)


def streamed(name: str, near: str, far: str, body: bytes, places: Iterable[int]) -> Seen:
    client = CLIENTS[near]
    provider = Provider(cut(body, places), media_type=FAR[far].media_type)
    return play(policy(name, far), client.request(True), provider, path=client.path)


def findings(seen: Seen) -> list[dict[str, Any]]:
    """What the record says that the kinds said of the answer, without the time it took."""
    return [{**result.as_json(), "latency_us": 0} for result in seen.record.policies if result.phase == "output"]


def last_frame(body: bytes) -> str:
    return body.decode().removesuffix("\n\n").rpartition("\n\n")[2]


def plain(calls: Iterable[tuple[str, str]]) -> list[tuple[str, Any]]:
    return [(name, json.loads(arguments)) for name, arguments in calls]


@settings(deadline=None, max_examples=120)
@given(PAIRS, st.sampled_from(sorted(REDACTING)), TEXTS, CALLS, st.data())
def test_redaction_gives_what_the_whole_answer_gives(
    pair: tuple[str, str], name: str, text: str, calls: list[tuple[str, str]], data: st.DataObject
) -> None:
    """Texts and calls, under the same reason; between ends that speak alike, clean streams keep their bytes."""
    near, far = pair
    calls = [] if near == "completions" else calls
    deltas = [(called, cut_text(arguments, data.draw(PLACES))) for called, arguments in calls]
    body = FAR[far].streamed(cut_text(text, data.draw(PLACES)), deltas)
    seen, expected = streamed(name, near, far, body, data.draw(PLACES)), whole(name, near, far, text, calls)

    assert expected.status == seen.status == 200
    (texts, made), (wanted, called) = CLIENTS[near].streamed(seen.body), CLIENTS[near].whole(expected.body)
    assert texts == wanted
    assert plain(made) == plain(called)
    assert CLIENTS[near].ends in last_frame(seen.body)
    assert (seen.record.verdict, seen.record.reason_code) == (expected.record.verdict, expected.record.reason_code)
    assert findings(seen) == findings(expected) or calls
    if near == far and expected.record.verdict == "allowed":
        assert seen.body == body


@settings(deadline=None, max_examples=120)
@given(PAIRS, st.sampled_from(sorted(BLOCKING)), TEXTS, st.booleans(), st.data())
def test_a_block_lets_out_what_stands_before_the_match(
    pair: tuple[str, str], name: str, text: str, object_to: bool, data: st.DataObject
) -> None:
    """However it is cut, the same text leaves, and it ends in an error that the format knows."""
    near, far = pair
    text = f"{text} {REFUSED}" if object_to else text
    one, other = (
        streamed(name, near, far, FAR[far].streamed(cut_text(text, data.draw(PLACES)), ()), cuts)
        for cuts in (data.draw(PLACES), [])
    )
    expected = whole(name, near, far, text)

    assert (one.status, one.record.verdict) == (other.status, other.record.verdict)
    assert (expected.status == 409) == (one.record.verdict == "blocked")
    if one.status == 409:
        assert json.loads(one.body)["error"]["code"] == "output_blocked"
        return
    assert CLIENTS[near].streamed(one.body) == CLIENTS[near].streamed(other.body)
    assert text.startswith("".join(CLIENTS[near].streamed(one.body)[0]))
    assert (b'"code": "output_blocked"' in one.body) == (one.record.verdict == "blocked")


@settings(deadline=None)
@given(PAIRS, TEXTS, st.integers(0, 4000), PLACES)
def test_a_stream_that_breaks_off_is_said_to(pair: tuple[str, str], text: str, end: int, places: list[int]) -> None:
    """Wherever the provider stops, the client is told, and gets no end that was not there."""
    near, far = pair
    body = FAR[far].streamed([text], ())
    seen = streamed("terms", near, far, body[: end % len(body)], places)

    assert seen.ended
    assert len(seen.records) == 1
    if seen.record.verdict == "failed":
        assert CLIENTS[near].ends not in last_frame(seen.body)
        assert b"error" in seen.body
