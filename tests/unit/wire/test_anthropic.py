"""Anthropic's Messages API on the far side: request, answer and streamed events."""

from __future__ import annotations

import json
from typing import Any

import pytest

from keeptrusts.core.errors import UnreadableError, UpstreamLostError
from keeptrusts.wire.anthropic import DEFAULT_MAX_TOKENS, MessagesStream, answer_from_messages, request_to_messages
from keeptrusts.wire.chat_stream import read_chunk
from keeptrusts.wire.openai_chat import read_answer
from keeptrusts.wire.readings import Usage
from keeptrusts.wire.sse import SseFrame
from keeptrusts.wire.translation import Asked
from support.flows import NAMED

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL = {"type": "function", "function": {"name": "weather", "description": "of a city", "parameters": SCHEMA}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Bern"}'}}


def translated(*messages: Any, **fields: Any) -> dict[str, Any]:
    said = list(messages) or [{"role": "user", "content": "hello"}]
    out: dict[str, Any] = json.loads(
        request_to_messages(json.dumps({"model": "m", "messages": said, **fields}).encode())
    )
    return out


def text(value: str) -> dict[str, str]:
    return {"type": "text", "text": value}


def test_a_conversation() -> None:
    """System texts stand apart; neighbours of one role are one turn; results of tools are said by the user."""
    out = translated(
        {"role": "system", "content": "be kind"},
        {"role": "developer", "content": [{"type": "text", "text": "be brief"}]},
        {"role": "user", "content": "hello"},
        {"role": "user", "content": [{"type": "text", "text": "you"}]},
        {"role": "assistant", "content": "a moment", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
        {"role": "assistant", "content": None},
    )

    assert out == {
        "model": "m",
        "max_tokens": DEFAULT_MAX_TOKENS,
        "system": "be kind\n\nbe brief",
        "messages": [
            {"role": "user", "content": [text("hello"), text("you")]},
            {
                "role": "assistant",
                "content": [
                    text("a moment"),
                    {"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Bern"}},
                ],
            },
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": [text("sunny")]}]},
            {"role": "assistant", "content": []},
        ],
    }


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"max_tokens": 7}, {"max_tokens": 7}),
        ({"max_completion_tokens": 8}, {"max_tokens": 8}),
        ({"temperature": 0.5, "top_p": 0.9, "stream": True}, {"temperature": 0.5, "top_p": 0.9, "stream": True}),
        ({"temperature": None}, {}),
        ({"stop": "x"}, {"stop_sequences": ["x"]}),
        ({"stop": ["x", "y"]}, {"stop_sequences": ["x", "y"]}),
        ({"user": "u"}, {"metadata": {"user_id": "u"}}),
        ({"n": 1, "seed": 3, "store": False, "frequency_penalty": None}, {}),
    ],
)
def test_settings(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    """By the names that Anthropic has for them."""
    plain = {"model": "m", "max_tokens": DEFAULT_MAX_TOKENS, "messages": [{"role": "user", "content": [text("hello")]}]}

    assert translated(**fields) == plain | expected


@pytest.mark.parametrize(
    ("choice", "parallel", "expected"),
    [
        (None, None, {"type": "auto"}),
        ("auto", False, {"type": "auto", "disable_parallel_tool_use": True}),
        ("none", None, {"type": "none"}),
        ("required", True, {"type": "any"}),
        ({"type": "function", "function": {"name": "weather"}}, None, {"type": "tool", "name": "weather"}),
    ],
)
def test_tools(choice: Any, parallel: bool | None, expected: dict[str, Any]) -> None:
    """Definitions, and what the model is to do with them."""
    out = translated(tools=[TOOL], tool_choice=choice, parallel_tool_calls=parallel)

    assert out["tools"] == [{"name": "weather", "description": "of a city", "input_schema": SCHEMA}]
    assert out["tool_choice"] == expected


def test_a_tool_without_parameters() -> None:
    """Takes an object without any."""
    assert translated(tools=[{"type": "function", "function": {"name": "f"}}])["tools"] == [
        {"name": "f", "input_schema": {"type": "object"}}
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {"n": 2},
        {"logit_bias": {"1": 2}},
        {"logprobs": True},
        {"tools": [TOOL], "tool_choice": "sometimes"},
        {"tools": [{"type": "custom"}]},
        {"messages": [{"role": "wizard", "content": "x"}]},
        {"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{"}}]}]},
        {"messages": 5},
        {"messages": [{"role": "user", "content": 5}]},
    ],
)
def test_what_has_no_word_there_is_refused(fields: dict[str, Any]) -> None:
    """Not dropped: the caller would believe that it was heeded."""
    with pytest.raises(UnreadableError):
        translated(**fields)


MESSAGE = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "stop_reason": "tool_use",
    "content": [
        {"type": "thinking", "thinking": "hm", "signature": "s"}, text("a "), text("moment"),
        {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Zürich"}},
    ],
    "usage": {"input_tokens": 3, "output_tokens": 5},
}  # fmt: skip


def test_an_answer() -> None:
    """Texts joined, thinking as reasoning, calls with their arguments as JSON; and it reads as a chat completion."""
    raw = answer_from_messages(json.dumps(MESSAGE).encode(), NAMED)
    out = json.loads(raw)
    (choice,) = out["choices"]

    assert (out["id"], out["model"], choice["finish_reason"]) == ("msg_1", "claude", "tool_calls")
    assert choice["message"]["content"] == "a moment"
    assert choice["message"]["reasoning_content"] == "hm"
    assert choice["message"]["tool_calls"] == [
        {"id": "toolu_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Zürich"}'}}
    ]
    assert read_answer(raw).usage == Usage(3, 5)


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
        ("something new", "stop"),
        (None, "stop"),
    ],
)
def test_why_it_ended(reason: str | None, finish: str) -> None:
    """In OpenAI's words."""
    raw = answer_from_messages(json.dumps(MESSAGE | {"stop_reason": reason}).encode(), NAMED)

    assert json.loads(raw)["choices"][0]["finish_reason"] == finish


@pytest.mark.parametrize(
    "change",
    [
        {"type": "error"},
        {"content": "hi"},
        {"content": [{"type": "image"}]},
        {"content": [{"type": "text", "text": 5}]},
        {"content": [5]},
    ],
)
def test_what_is_no_message_is_unreadable(change: dict[str, Any]) -> None:
    """A block that is not known might hold anything."""
    with pytest.raises(UnreadableError):
        answer_from_messages(json.dumps(MESSAGE | change).encode(), NAMED)


def streamed(*events: dict[str, Any], counts_apart: bool = False) -> list[Any]:
    """The chunks that these events mean; each is one that our reader reads."""
    frames = [SseFrame(b"", json.dumps(event)) for event in events]
    asked = Asked("asked", "req_1", 1_700_000_000, counts_apart)
    out = list(MessagesStream(asked).translate([SseFrame(b"", None, ": ping"), *frames]))
    for frame in out:
        read_chunk(frame)
    return [frame.data if frame.data == "[DONE]" else json.loads(frame.data or "") for frame in out]


def block(index: int, **content: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": content}


def delta(index: int, **content: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": content}


START = {"type": "message_start", "message": {"id": "msg_1", "model": "claude", "usage": {"input_tokens": 3}}}


def test_a_stream() -> None:
    """Event by event: role, reasoning, text, two calls with indices of their own, the end with usage."""
    out = streamed(
        START,
        {"type": "ping"},
        block(0, type="thinking", thinking="h"),
        delta(0, type="thinking_delta", thinking="m"),
        delta(0, type="signature_delta", signature="s"),
        block(1, type="text", text="a "),
        delta(1, type="text_delta", text="moment"),
        {"type": "content_block_stop", "index": 1},
        block(2, type="tool_use", id="t1", name="f"),
        delta(2, type="input_json_delta", partial_json='{"a"'),
        block(3, type="tool_use", id="t2", name="g"),
        delta(3, type="input_json_delta", partial_json="{}"),
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 5}},
        {"type": "message_stop"},
    )
    end = out.pop()
    deltas = [choice["delta"] for chunk in out for choice in chunk["choices"]]

    assert end == "[DONE]"
    assert deltas == [
        {"role": "assistant", "content": ""},
        {"reasoning_content": "h"},
        {"reasoning_content": "m"},
        {},
        {"content": "a "},
        {"content": "moment"},
        {"tool_calls": [{"index": 0, "id": "t1", "type": "function", "function": {"name": "f", "arguments": ""}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"a"'}}]},
        {"tool_calls": [{"index": 1, "id": "t2", "type": "function", "function": {"name": "g", "arguments": ""}}]},
        {"tool_calls": [{"index": 1, "function": {"arguments": "{}"}}]},
        {},
    ]
    assert [chunk["choices"][0]["finish_reason"] for chunk in out if chunk["choices"]][-1] == "tool_calls"
    assert out[-1]["usage"] == {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}
    assert {(chunk["id"], chunk["model"], chunk["object"], chunk["created"]) for chunk in out} == {
        ("msg_1", "claude", "chat.completion.chunk", 1_700_000_000)
    }


def test_a_call_without_arguments() -> None:
    """Has an empty object of them, as in an answer that is not streamed; one with arguments gets none added."""
    out = streamed(
        START,
        block(0, type="tool_use", id="t1", name="now", input={}),
        delta(0, type="input_json_delta", partial_json=""),
        {"type": "content_block_stop", "index": 0},
        block(1, type="tool_use", id="t2", name="f", input={}),
        delta(1, type="input_json_delta", partial_json="{}"),
        {"type": "content_block_stop", "index": 1},
        block(2, type="text", text="x"),
        {"type": "content_block_stop", "index": 2},
    )
    said = ["", ""]
    for chunk in out:
        for call in chunk["choices"][0]["delta"].get("tool_calls", ()):
            said[call["index"]] += call["function"]["arguments"]

    assert said == ["{}", "{}"]


def test_counts_of_a_stream_that_were_asked_for() -> None:
    """They have a chunk of their own behind the end of the choice, without one."""
    ended = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}}
    *_, finish, counts, end = streamed(START, ended, {"type": "message_stop"}, counts_apart=True)

    assert (finish["choices"][0]["finish_reason"], "usage" in finish, end) == ("stop", False, "[DONE]")
    assert (counts["choices"], counts["usage"]["total_tokens"]) == ([], 8)


def test_thinking_that_is_sealed() -> None:
    """Whole and streamed it is left out: only its own provider can read it."""
    sealed = {"type": "redacted_thinking", "data": "AAAA"}
    raw = answer_from_messages(json.dumps(MESSAGE | {"content": [sealed, text("hi")]}).encode(), NAMED)
    message = json.loads(raw)["choices"][0]["message"]

    assert message == {"role": "assistant", "content": "hi", "refusal": None}
    assert len(streamed(START, block(0, **sealed))) == 1


@pytest.mark.parametrize(
    "event",
    [
        {"type": "something_new"},
        {},
        block(0, type="image"),
        delta(0, type="new_delta"),
        delta(0, type="text_delta"),
        delta(7, type="input_json_delta", partial_json="{}"),
    ],
)
def test_an_event_that_is_not_known_is_unreadable(event: dict[str, Any]) -> None:
    """It might hold anything."""
    with pytest.raises(UnreadableError):
        streamed(START, event)


def test_the_provider_fails() -> None:
    """An error of its own is told without its words."""
    with pytest.raises(UpstreamLostError) as failed:
        streamed(START, {"type": "error", "error": {"message": "the key is sk-1"}})

    assert "sk-1" not in str(failed.value)
