"""The route of responses: to OpenAI as it comes, to others translated, and how it refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from keeptrusts.core.exchange import Target
from keeptrusts.policy.compiled import CompiledPolicy
from keeptrusts.policy.kind import Policy
from keeptrusts.policy.kinds.dlp_filter import DlpFilter
from keeptrusts.policy.kinds.token_limit import TokenLimit
from keeptrusts.policy.kinds.topic_filter import TopicFilter
from keeptrusts.wire.responses_as_chat import answer_to_response
from keeptrusts.wire.responses_writer import ResponsesWriter
from keeptrusts.wire.sse import SseDecoder
from support.flows import TARGET, Provider, Seen, answer, play, policy_of
from support.flows import stream as chat_stream
from support.messages import ANTHROPIC, events, text_block
from support.messages import stream as messages_stream

PATH = "/v1/responses"
OPENAI = replace(TARGET, target=Target("main", "openai"))
SECRET = "Project Apollo"
REDACTS = DlpFilter(blocked_terms=(SECRET,))


def ask(provider: Provider, *kinds: Policy, target: Any = OPENAI, **fields: Any) -> Seen:
    policy: CompiledPolicy = policy_of(*kinds, targets=(target,))
    return play(policy, json.dumps({"model": "m", "input": "hello"} | fields).encode(), provider, path=PATH)


def native(texts: list[str]) -> bytes:
    frames = ResponsesWriter("m").translate(SseDecoder().feed(chat_stream(texts)))
    return b"".join(frame.raw for frame in frames)


def test_openai_is_sent_what_came() -> None:
    """And its answer keeps its bytes, whole and streamed."""
    told = answer_to_response(answer("hi"))
    seen = ask(Provider([told]), REDACTS)
    (sent,) = seen.sent_upstream
    assert (sent.path, json.loads(sent.body)) == (PATH, {"model": "m", "input": "hello"})
    assert (seen.body, seen.record.api_format, seen.record.output_tokens) == (told, "openai_responses", 5)

    body = native(["he", "llo"])
    seen = ask(Provider([body], media_type="text/event-stream"), REDACTS, stream=True)
    assert (seen.body, seen.ended) == (body, True)


def test_what_is_said_again_is_redacted_again() -> None:
    """In the whole text, the part, the item and the response at the end."""
    body = native(["so Project", " Apollo", " and more"])
    seen = ask(Provider([body], media_type="text/event-stream"), REDACTS, stream=True)

    assert SECRET not in seen.body.decode()
    *_, last = events(seen.body)
    assert last["response"]["output"][0]["content"][0]["text"].startswith("so [")
    assert seen.record.verdict == "redacted"


def test_a_provider_that_contradicts_itself_is_not_believed() -> None:
    """The whole text has to be what the deltas said."""
    body = native(["hello"]).replace(b'"text": "hello"', b'"text": "hellO"', 1)
    seen = ask(Provider([body], media_type="text/event-stream"), REDACTS, stream=True)

    assert seen.record.reason_code == "upstream_garbled"
    assert b"hellO" not in seen.body


def test_other_providers_are_asked_by_chat() -> None:
    """And so is Anthropic, over the same form."""
    seen = ask(Provider([chat_stream(["hi"])], media_type="text/event-stream"), target=TARGET, stream=True)
    assert seen.sent_upstream[0].path == "/v1/chat/completions"
    assert events(seen.body)[-1]["type"] == "response.completed"
    told = messages_stream(text_block(0, ["hi"]))
    seen = ask(Provider([told], media_type="text/event-stream"), target=ANTHROPIC, stream=True)
    assert seen.sent_upstream[0].path == "/v1/messages"
    assert events(seen.body)[-1]["response"]["output"][0]["content"][0]["text"] == "hi"


def test_a_block_of_a_stream() -> None:
    """Later than the first text it is an `error` event, which OpenAI's clients raise on."""
    body = native(["x" * 400, " gambling"])
    seen = ask(Provider([body], media_type="text/event-stream"), TopicFilter(blocked_topics=("gambling",)), stream=True)
    *_, last = events(seen.body)

    assert (last["type"], last["code"], last["error"]["policy"]) == ("error", "output_blocked", "topic-filter")
    assert b"response.completed" not in seen.body


def test_a_cap_has_its_own_name() -> None:
    """What a policy caps is `max_output_tokens` here."""
    (sent,) = ask(Provider([answer_to_response(answer("x"))]), TokenLimit(max_tokens=9)).sent_upstream
    assert json.loads(sent.body)["max_output_tokens"] == 9
    (sent,) = ask(Provider([answer("x")]), TokenLimit(max_tokens=9), target=TARGET).sent_upstream
    assert json.loads(sent.body)["max_tokens"] == 9


def test_stored_state_is_refused() -> None:
    """422, with the name of the field."""
    seen = ask(Provider(), previous_response_id="resp_1")

    assert seen.status == 422
    assert "`previous_response_id`" in seen.error["message"]
