"""JSON mode at Anthropic's and Amazon's models: one tool that has to be called, and its arguments as the answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from keeptrusts.core.exchange import Target
from keeptrusts.policy.compiled import TargetSettings
from keeptrusts.policy.kinds.secret_scanner import SecretScanner
from keeptrusts.wire.event_stream import MEDIA_TYPE
from support import bedrock
from support.flows import Provider, Seen, documents, play, policy_of
from support.messages import event

CLAUDE = TargetSettings(target=Target("up", "anthropic"), base_url="http://up", format="anthropic")
SAID = '{"city": "Bern"}'
CALL = {"type": "tool_use", "id": "t", "name": "json_answer", "input": {"city": "Bern"}}
CHAT = {
    "model": "m",
    "messages": [{"role": "user", "content": "JSON, please"}],
    "response_format": {"type": "json_object"},
}
RESPONSES = {"model": "m", "input": "JSON, please", "text": {"format": {"type": "json_object"}}}


def message(*content: Any, reason: str = "tool_use") -> Provider:
    said = {"id": "m", "type": "message", "role": "assistant", "model": "c", "content": content, "stop_reason": reason}
    return Provider([json.dumps(said).encode()])


def events(*said: bytes, reason: str = "tool_use") -> Provider:
    """A stream of Anthropic's with these in its middle."""
    end = event("message_delta", delta={"stop_reason": reason}, usage={"output_tokens": 5}) + event("message_stop")
    return Provider([event("message_start", message={"id": "m"}), *said, end], media_type="text/event-stream")


def text_block(index: int, text: str) -> bytes:
    return (
        event("content_block_start", index=index, content_block={"type": "text", "text": ""})
        + event("content_block_delta", index=index, delta={"type": "text_delta", "text": text})
        + event("content_block_stop", index=index)
    )


def call_block(index: int, *pieces: str) -> bytes:
    deltas = [event("content_block_delta", index=index, delta={"type": "input_json_delta", "partial_json": piece})
              for piece in pieces]  # fmt: skip
    begin = event("content_block_start", index=index, content_block={**CALL, "input": {}})
    return b"".join([begin, *deltas, event("content_block_stop", index=index)])


def streamed(*said: bytes, reason: str = "tool_use") -> tuple[str, str]:
    """What the client puts together, and why it ended."""
    seen = play(
        policy_of(targets=(CLAUDE,)), json.dumps(CHAT | {"stream": True}).encode(), events(*said, reason=reason)
    )
    choices = [chunk["choices"][0] for chunk in documents(seen.body)]
    assert not any("tool_calls" in choice["delta"] for choice in choices)
    return "".join(choice["delta"].get("content") or "" for choice in choices), choices[-1]["finish_reason"]


def test_the_tool_has_to_be_called() -> None:
    """It is the only one, and takes any object."""
    seen = play(policy_of(targets=(CLAUDE,)), json.dumps(CHAT).encode(), message(CALL))
    sent = json.loads(seen.sent_upstream[0].body)

    assert sent["tool_choice"] == {"type": "tool", "name": "json_answer"}
    assert [(tool["name"], tool["input_schema"]) for tool in sent["tools"]] == [("json_answer", {"type": "object"})]


@pytest.mark.parametrize(
    ("provider", "content", "finish"),
    [
        (message(CALL), SAID, "stop"),
        (message({"type": "text", "text": "Here it is:"}, CALL), SAID, "stop"),
        (message({"type": "text", "text": "I cannot."}, reason="refusal"), "I cannot.", "content_filter"),
        (message(CALL, reason="max_tokens"), SAID, "length"),
    ],
)
def test_whole_answers(provider: Provider, content: str, finish: str) -> None:
    """The arguments are the text; one that the model gives instead stays."""
    seen = play(policy_of(targets=(CLAUDE,)), json.dumps(CHAT).encode(), provider)
    (choice,) = json.loads(seen.body)["choices"]

    assert (choice["message"]["content"], choice["finish_reason"]) == (content, finish)
    assert "tool_calls" not in choice["message"]


@pytest.mark.parametrize(
    ("said", "reason", "expected"),
    [
        ([call_block(0, '{"city": ', '"Bern"}')], "tool_use", (SAID, "stop")),
        ([call_block(0)], "tool_use", ("{}", "stop")),
        ([text_block(0, "Here it is:"), call_block(1, SAID)], "tool_use", (SAID, "stop")),
        ([text_block(0, "I "), text_block(1, "cannot.")], "refusal", ("I cannot.", "content_filter")),
        ([call_block(0, '{"city": ')], "max_tokens", ('{"city": ', "length")),
    ],
)
def test_streams(said: list[bytes], reason: str, expected: tuple[str, str]) -> None:
    """Piece by piece; a text before the call is left out, and one without a call said at the end."""
    assert streamed(*said, reason=reason) == expected


@pytest.mark.parametrize("stream", [False, True])
def test_responses_by_bedrock(*, stream: bool) -> None:
    """The same for another form at another provider."""
    told = (
        bedrock.stream([], [("json_answer", ['{"city"', ': "Bern"}'])])
        if stream
        else bedrock.answer("", [("json_answer", SAID)])
    )
    provider = Provider([told], media_type=MEDIA_TYPE if stream else "application/json")
    body = json.dumps(RESPONSES | ({"stream": True} if stream else {})).encode()
    seen = play(policy_of(targets=(bedrock.BEDROCK,)), body, provider, path="/v1/responses")
    last = seen.body.rpartition(b"data: ")[2]
    response = json.loads(last)["response"] if stream else json.loads(seen.body)
    (item,) = response["output"]

    assert (item["type"], item["content"][0]["text"], response["status"]) == ("message", SAID, "completed")


def test_policies_judge_it_as_text() -> None:
    """A secret in the object is redacted like one in any answer."""

    def answered(**fields: Any) -> Seen:
        policy = policy_of(SecretScanner(), targets=(CLAUDE,))
        return play(policy, json.dumps(CHAT | fields).encode(), told)

    told = message({**CALL, "input": {"key": "AKIAQ3ERTY7UI2OPASDF"}})
    whole = answered()
    told = events(call_block(0, '{"key": "AKIAQ3E', 'RTY7UI2OPASDF"}'))
    live = answered(stream=True)

    assert b"AKIA" not in whole.body + live.body
    assert (whole.record.verdict, live.record.verdict) == ("redacted", "redacted")
