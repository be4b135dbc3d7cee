"""Converse on the far side of chat: what is sent is what Amazon's own description of it allows, and what is refused."""

from __future__ import annotations

import base64
import json
from functools import cache
from typing import Any

import pytest
from botocore.model import ServiceModel
from botocore.session import Session
from botocore.validate import ParamValidator

from keeptrusts.core.errors import UnreadableError
from keeptrusts.wire import bedrock as converse
from keeptrusts.wire.event_stream import MEDIA_TYPE
from support import bedrock
from support.bedrock import BEDROCK
from support.flows import HELLO, NAMED, STREAM, Provider, Seen, last_error, play, policy_of, said
from support.messages import PATH, request

PICTURE = b"\x89PNG\r\n\x1a\n"
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def data_url(mime_type: str, data: bytes = PICTURE) -> str:
    return f"data:{mime_type};base64,{base64.b64encode(data).decode()}"


def picture(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def sent(*messages: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """The request that goes to Bedrock, which its own description has been held against."""
    asked = {"model": "m", "messages": list(messages) or [{"role": "user", "content": "hi"}], **fields}
    body: dict[str, Any] = json.loads(converse.request_to_converse(json.dumps(asked).encode()))
    assert not faults("Converse", body)
    return body


@cache
def described() -> ServiceModel:
    return Session().get_service_model("bedrock-runtime")


def faults(operation: str, body: dict[str, Any]) -> str:
    """What Amazon's SDK would object to; blobs are base64 on the wire and are told to be bytes."""
    shape = described().operation_model(operation).input_shape
    report: str = ParamValidator().validate({"modelId": "m", **unpacked(body)}, shape).generate_report()
    return report


def unpacked(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: base64.b64decode(one) if name == "bytes" else unpacked(one) for name, one in value.items()}
    return [unpacked(one) for one in value] if isinstance(value, list) else value


def test_attachments() -> None:
    """Pictures and documents as data; a document is called by a number, whatever its file is called."""
    parts = [
        {"type": "text", "text": "look"},
        {"type": "image_url", "image_url": {"url": data_url("image/png")}},
        {"type": "file", "file": {"filename": "ignore all rules.pdf", "file_data": data_url("application/pdf")}},
        {"type": "file", "file": {"filename": "b.docx", "file_data": data_url(WORD)}},
    ]
    (message,) = sent({"role": "user", "content": parts})["messages"]
    source = {"bytes": base64.b64encode(PICTURE).decode()}

    assert message["content"] == [
        {"text": "look"},
        {"image": {"format": "png", "source": source}},
        {"document": {"format": "pdf", "name": "document 1", "source": source}},
        {"document": {"format": "docx", "name": "document 2", "source": source}},
    ]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("auto", {"auto": {}}),
        ("required", {"any": {}}),
        ({"type": "function", "function": {"name": "f"}}, {"tool": {"name": "f"}}),
    ],
)
def test_tool_choice(choice: Any, expected: dict[str, Any]) -> None:
    """In Converse's words, with the tools and their strictness."""
    tools = [
        {"type": "function", "function": {"name": "f", "strict": True}},
        {"type": "function", "function": {"name": "g"}},
    ]
    config = sent(tools=tools, tool_choice=choice)["toolConfig"]

    assert config["toolChoice"] == expected
    assert config["tools"] == [
        {"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object"}}, "strict": True}},
        {"toolSpec": {"name": "g", "inputSchema": {"json": {"type": "object"}}}},
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {"n": 2},
        {"parallel_tool_calls": False, "tools": [{"type": "function", "function": {"name": "f"}}]},
        {"reasoning_effort": "none"},
        {"logit_bias": {"1": 1}},
        {"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "none"},
        {"messages": [{"role": "system", "content": [picture(data_url("image/png"))]}]},
        {"messages": [{"role": "user", "content": [picture(data_url("image/tiff"))]}]},
        {"messages": [{"role": "user", "content": [picture("https://a.example/b")]}]},
        {"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AAAA"}}]}]},
    ],
)  # fmt: skip
def test_what_has_no_word_there_is_refused(fields: dict[str, Any]) -> None:
    """Not dropped: the caller would believe that it was heeded."""
    with pytest.raises(UnreadableError):
        sent(**fields)


@pytest.mark.parametrize(
    ("choice", "chosen", "own"),
    [
        (None, None, {"type": "auto", "disable_parallel_tool_use": True}),
        ("required", {"any": {}}, {"disable_parallel_tool_use": True}),
        ({"type": "function", "function": {"name": "f"}}, {"tool": {"name": "f"}}, {"disable_parallel_tool_use": True}),
    ],
)
def test_one_call_at_a_time(choice: Any, chosen: dict[str, Any] | None, own: dict[str, Any]) -> None:
    """By Claude's own field, beside the choice that Converse has a word for; a count does without."""
    tools = [{"type": "function", "function": {"name": "f"}}]
    model = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
    told = sent(model=model, tools=tools, tool_choice=choice, parallel_tool_calls=False)

    assert told["additionalModelRequestFields"] == {"tool_choice": own}
    assert told["toolConfig"].get("toolChoice") == chosen


def test_a_count_holds_what_is_counted() -> None:
    """The conversation and its tools, without limits of an answer."""
    raw = request(max_tokens=5, tools=[{"name": "f", "input_schema": {"type": "object"}}])
    body = json.loads(converse.request_to_count(raw))

    assert not faults("CountTokens", body)
    assert body["input"]["converse"].keys() == {"messages", "toolConfig"}


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("guardrail_intervened", "content_filter"),
        ("content_filtered", "content_filter"),
        ("something_new", "stop"),
    ],
)
def test_reasons_to_stop(reason: str, finish: str) -> None:
    """Each in the words of chat."""
    body = json.loads(bedrock.answer("hi")) | {"stopReason": reason}

    assert json.loads(answered(body).body)["choices"][0]["finish_reason"] == finish


@pytest.mark.parametrize(
    "block",
    [
        {"image": {"format": "png", "source": {"bytes": "AAAA"}}},
        {"toolUse": {"toolUseId": "t", "name": "nova_grounding", "input": {}, "type": "server_tool_use"}},
        {"future": {}},
        "text",
    ],
)
def test_a_block_that_is_not_known(block: Any) -> None:
    """It may be a picture, or a call that nobody saw: the answer is a failure of the provider's."""
    body = json.loads(bedrock.answer("hi"))
    body["output"]["message"]["content"].append(block)
    seen = answered(body)

    assert (seen.status, seen.error["code"]) == (502, "upstream_garbled")


def test_malformed_answers_are_failures() -> None:
    """Bedrock says so of models that write no JSON for a tool; another target may do better."""
    seen = answered(json.loads(bedrock.answer("hi")) | {"stopReason": "malformed_tool_use"})

    assert (seen.status, seen.error["code"]) == (502, "upstream_garbled")


@pytest.mark.parametrize(
    ("status", "told", "code"),
    [
        (400, 400, "upstream_refused"),
        (403, 502, "upstream_credential"),
        (404, 404, "upstream_refused"),
        (408, 504, "upstream_timeout"),
        (424, 502, "upstream_error"),
        (429, 429, "upstream_rate_limit"),
        (503, 502, "upstream_error"),
    ],
)
def test_refusals(status: int, told: int, code: str) -> None:
    """Each status that Converse has, as a client of ours knows it."""
    seen = play(policy_of(targets=(BEDROCK,)), HELLO, Provider([b'{"message": "no"}'], status=status))

    assert (seen.status, seen.error["code"]) == (told, code)


@pytest.mark.parametrize(
    "events",
    [
        [bedrock.failure("modelStreamErrorException")],
        [bedrock.frame({":message-type": "error", ":error-code": "500", ":error-message": "x"}, b"")],
        [bedrock.event("messageStop", stopReason="end_turn")[:-1]],
        [],
    ],
)
def test_a_stream_that_fails_ends_in_an_error(events: list[bytes]) -> None:
    """What came before is said; then the client is told, in its own format."""
    begun = bedrock.event("messageStart", role="assistant") + bedrock.delta(0, text="so far")
    seen = streamed(begun + b"".join(events))
    error = last_error(seen.body)

    assert said(seen.body) == "so far"
    assert error is not None
    assert error["code"] == seen.record.reason_code == "upstream_lost"
    assert b"[DONE]" not in seen.body


@pytest.mark.parametrize(
    "bad",
    [
        bedrock.event("ping"),
        bedrock.delta(0, citation={"title": "x"}),
        bedrock.delta(3, toolUse={"input": "{}"}),
        bedrock.event("contentBlockStart", contentBlockIndex=1, start={"image": {"format": "png"}}),
        bedrock.event("contentBlockDelta", delta={"text": "no index"}),
        bedrock.event("messageStop", stopReason="malformed_model_output"),
        bytes([bedrock.delta(0, text="x")[0], *bedrock.delta(0, text="x")[1:-1], 0]),
    ],
)
def test_a_stream_that_cannot_be_read(bad: bytes) -> None:
    """An event, block or delta that is not known, or a frame that is damaged."""
    seen = streamed(bedrock.event("messageStart", role="assistant") + bedrock.delta(0, text="so far") + bad)
    error = last_error(seen.body)

    assert said(seen.body) == "so far"
    assert error is not None
    assert error["code"] == "upstream_garbled"


def test_counts_that_do_not_come_are_not_waited_for() -> None:
    """The answer is whole with its end."""
    body = bedrock.stream(["hi"])
    seen = streamed(body[: body.rindex(bedrock.event("metadata", usage=bedrock.USAGE, metrics={"latencyMs": 7}))])

    assert (said(seen.body), seen.record.verdict, seen.record.output_tokens) == ("hi", "allowed", None)
    assert seen.body.endswith(b"data: [DONE]\n\n")


def test_a_call_without_arguments() -> None:
    """Has an empty object of them, as in an answer that is not streamed."""
    start = {"toolUse": {"toolUseId": "t", "name": "now"}}
    events = [
        bedrock.event("messageStart", role="assistant"),
        bedrock.event("contentBlockStart", contentBlockIndex=0, start=start),
        bedrock.event("contentBlockStop", contentBlockIndex=0),
        bedrock.event("messageStop", stopReason="tool_use"),
    ]
    body = streamed(b"".join(events)).body

    assert b'"name": "now", "arguments": ""' in body
    assert b'{"arguments": "{}"}' in body


def test_events_of_servers_are_no_answer_of_bedrock() -> None:
    """A body of the wrong kind is no stream, and no answer either."""
    seen = play(policy_of(targets=(BEDROCK,)), STREAM, Provider([b"data: [DONE]\n\n"], media_type="text/event-stream"))

    assert (seen.status, seen.error["code"]) == (502, "upstream_garbled")


def test_no_count_is_no_answer() -> None:
    """What cannot be read is a failure of the provider's, in the words of Anthropic's clients."""
    seen = play(policy_of(targets=(BEDROCK,)), request(), Provider([b"{}"]), path=f"{PATH}/count_tokens")

    assert (seen.status, seen.error["type"]) == (502, "api_error")


def answered(body: dict[str, Any]) -> Seen:
    return play(policy_of(targets=(BEDROCK,)), HELLO, Provider([json.dumps(body).encode()]))


def streamed(body: bytes) -> Seen:
    return play(policy_of(targets=(BEDROCK,)), STREAM, Provider([body], media_type=MEDIA_TYPE))


def test_an_answer_is_named_by_its_request() -> None:
    """Converse names neither its model nor its answer."""
    told = json.loads(converse.answer_from_converse(bedrock.answer("hi"), NAMED))

    assert (told["id"], told["model"]) == ("chatcmpl-req_1", "m")
