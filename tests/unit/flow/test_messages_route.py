"""Anthropic's route: to targets that speak it, to those that do not, and how it refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from keeptrusts.core.errors import SpoolFullError, UpstreamLostError, UpstreamUnreachableError
from keeptrusts.policy.compiled import CompiledPolicy, RateLimit, SizeLimits
from keeptrusts.policy.kind import Policy
from keeptrusts.policy.kinds.dlp_filter import DlpFilter
from keeptrusts.policy.kinds.topic_filter import TopicFilter
from support import messages
from support.flows import TARGET, Provider, Seen, chunk, play, policy_of
from support.flows import answer as completion
from support.flows import stream as chat_stream
from support.messages import ANTHROPIC, PATH, answer, call_block, event, request, said, stream, text_block

SECRET = "Project Apollo"
REDACTS = DlpFilter(blocked_terms=(SECRET,))
BLOCKS = TopicFilter(blocked_topics=("gambling",))
EVENTS = "text/event-stream"


def native(*kinds: Policy, **fields: Any) -> CompiledPolicy:
    """A policy with a target that speaks Messages."""
    return policy_of(*kinds, targets=(ANTHROPIC,), **fields)


def ask(policy: CompiledPolicy, provider: Provider, body: bytes | None = None, **arrival: Any) -> Seen:
    return play(policy, request() if body is None else body, provider, path=PATH, **arrival)


def streamed(policy: CompiledPolicy, *pieces: Any) -> Seen:
    return ask(policy, Provider(pieces, media_type=EVENTS), request(stream=True))


def error(seen: Seen) -> dict[str, Any]:
    """The error of the answer, in Anthropic's form."""
    body = json.loads(seen.body)
    assert body["type"] == "error"
    assert body["request_id"] == "req_1"
    found: dict[str, Any] = body["error"]
    return found


def test_what_nobody_changes_keeps_its_bytes() -> None:
    """Both ways, whole and streamed, with a chain that looks at everything."""
    body, told = request(), answer({"type": "text", "text": "hi"})
    seen = ask(native(REDACTS, BLOCKS), Provider([told]), body)
    (sent,) = seen.sent_upstream

    assert (sent.path, sent.body, seen.body, seen.status) == (PATH, body, told, 200)
    assert (seen.record.api_format, seen.record.input_tokens, seen.record.output_tokens) == (
        "anthropic_messages", 3, 5,
    )  # fmt: skip
    whole = stream(text_block(0, ["he", "llo"]), call_block(1, "f", ['{"a"', ": 1}"]))
    seen = streamed(native(REDACTS, BLOCKS), whole[:70], whole[70:])
    assert (seen.body, seen.ended, seen.record.output_tokens) == (whole, True, 5)


def test_the_client_names_the_version() -> None:
    """Its own fields go along to a target of Anthropic's; without one ours is sent."""
    headers = (("anthropic-version", "2024-01-01"), ("anthropic-beta", "b"), ("x-api-key", "k"))
    (sent,) = ask(native(), Provider([answer()]), headers=headers).sent_upstream
    assert set(headers) <= set(sent.forwarded)
    (sent,) = ask(native(), Provider([answer()])).sent_upstream
    assert ("anthropic-version", "2023-06-01") in sent.forwarded
    (sent,) = ask(policy_of(), Provider([completion("x")]), headers=headers).sent_upstream
    assert not set(headers) & set(sent.forwarded)


def test_a_request_is_redacted_in_its_own_form() -> None:
    """The rest of it keeps its bytes."""
    (sent,) = ask(native(REDACTS), Provider([answer()]), request(f"about {SECRET}")).sent_upstream

    assert SECRET.encode() not in sent.body
    assert json.loads(sent.body)["messages"][0]["content"].startswith("about [")


def test_an_answer_is_redacted_in_its_own_form() -> None:
    """Texts and arguments, whole and streamed."""
    blocks: list[dict[str, Any]] = [
        {"type": "text", "text": f"so {SECRET}"},
        {"type": "tool_use", "id": "t", "name": "f", "input": {"a": "x"}},
    ]
    seen = ask(native(REDACTS), Provider([answer(*blocks)]))
    content = json.loads(seen.body)["content"]
    assert SECRET not in content[0]["text"]
    assert content[1] == blocks[1]

    seen = streamed(native(REDACTS), stream(text_block(0, ["so Pro", "ject Apo", "llo"]), text_block(1, ["fine"])))
    assert said(seen.body) == [content[0]["text"], "fine"]
    assert seen.record.verdict == "redacted"


def test_a_block_lets_go_when_it_is_over() -> None:
    """What the window holds back of a block leaves with its end, not with that of the message."""
    policy = native(REDACTS)
    first = messages.begun() + b"".join(text_block(0, ["hello"]))
    seen = play(
        policy, request(stream=True), Provider([first, UpstreamLostError("gone")], media_type=EVENTS), path=PATH
    )

    assert said(seen.body)[0] == "hello"


def test_a_chat_provider_is_asked_in_its_own_form() -> None:
    """Translated there and back, and judged in the form that the client speaks."""
    seen = ask(policy_of(REDACTS), Provider([completion(f"so {SECRET}")]), request(f"about {SECRET}"))
    (sent,) = seen.sent_upstream
    out = json.loads(seen.body)

    assert sent.path == "/v1/chat/completions"
    assert SECRET.encode() not in sent.body + seen.body
    assert (out["type"], out["stop_reason"], out["usage"]) == (
        "message",
        "end_turn",
        {"input_tokens": 3, "output_tokens": 5},
    )
    assert seen.record.output_tokens == 5


def test_a_chat_provider_streams() -> None:
    """Its chunks become events; the end of a choice is enough where the last frame is left out."""
    whole = chat_stream(["so Project", " Apollo", " and more"])
    seen = streamed(policy_of(REDACTS), whole)
    cut_short = streamed(policy_of(REDACTS), whole.removesuffix(b"data: [DONE]\n\n"))

    assert said(seen.body)[0].startswith("so [")
    assert [one["type"] for one in messages.events(seen.body)][-2:] == ["message_delta", "message_stop"]
    assert cut_short.body == seen.body
    assert json.loads(seen.sent_upstream[0].body)["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize(
    ("provider", "key"), [("openai", "max_completion_tokens"), ("openai-compatible", "max_tokens")]
)
def test_the_cap_has_the_name_that_the_provider_takes(provider: str, key: str) -> None:
    """OpenAI's own models take one name, and of others few know it."""
    target = replace(TARGET, target=replace(TARGET.target, provider=provider))
    (sent,) = ask(policy_of(targets=(target,)), Provider([completion("x")])).sent_upstream

    assert json.loads(sent.body)[key] == 99


def test_a_block_of_the_input() -> None:
    """409 in Anthropic's shape, with our own fields beside it; no provider is asked."""
    seen = ask(native(BLOCKS), Provider(), request("gambling"))

    assert seen.status == 409
    assert not seen.sent_upstream
    assert error(seen) | {"message": ""} == {
        "type": "policy_violation", "message": "", "policy": "topic-filter", "code": "input_blocked",
        "event_id": "evt_1",
    }  # fmt: skip


def test_a_block_of_a_stream() -> None:
    """Before the first text a plain answer; later an error event, and nothing after it."""
    early = streamed(native(BLOCKS), stream(text_block(0, ["gambling"])))
    assert (early.status, error(early)["code"]) == (409, "output_blocked")

    late = streamed(native(BLOCKS), stream(text_block(0, ["well, ", "x" * 400, " gambling"])))
    *_, last = messages.events(late.body)
    assert late.status == 200
    assert (last["type"], last["error"]["code"]) == ("error", "output_blocked")
    assert said(late.body) == ["well, " + "x" * 400 + " "]
    assert late.record.verdict == "blocked"


@pytest.mark.parametrize(
    ("provider", "status", "kind", "code"),
    [
        (Provider(refuses=UpstreamUnreachableError("no")), 502, "api_error", "upstream_unreachable"),
        (Provider(status=429), 429, "rate_limit_error", "upstream_rate_limit"),
        (Provider([b"{}"]), 502, "api_error", "upstream_garbled"),
    ],
)
def test_failures(provider: Provider, status: int, kind: str, code: str) -> None:
    """In the words that Anthropic has for them."""
    seen = ask(native(), provider)

    assert (seen.status, error(seen)["type"], error(seen)["code"]) == (status, kind, code)


def test_a_provider_that_dies_in_a_stream() -> None:
    """The client that has begun to read is told by an error event."""
    first = messages.begun() + b"".join(text_block(0, ["hello"]))
    seen = streamed(native(), first, UpstreamLostError("gone"))

    assert messages.events(seen.body)[-1]["error"]["type"] == "api_error"
    assert seen.record.verdict == "failed"


def test_other_refusals() -> None:
    """Too large, over the limit, unreadable, and what cannot be recorded."""
    seen = ask(native(size_limits=SizeLimits(max_body_bytes=5)), Provider())
    assert (seen.status, error(seen)["type"]) == (413, "request_too_large")
    seen = ask(native(rate_limits=(RateLimit("global", 1, 60),)), Provider(), quota=7)
    assert (seen.status, seen.headers["retry-after"], error(seen)["type"]) == (429, "7", "rate_limit_error")
    seen = ask(native(), Provider(), b'{"model": 5}')
    assert (seen.status, error(seen)["type"]) == (422, "invalid_request_error")
    seen = ask(native(), Provider([answer()]), record_fails=SpoolFullError("full"))
    assert (seen.status, error(seen)["type"]) == (503, "overloaded_error")


def test_what_cannot_be_translated_is_refused() -> None:
    """422, and no provider is asked for something else than the client wants."""
    seen = ask(policy_of(), Provider(), request(top_k=5))

    assert (seen.status, seen.sent_upstream) == (422, [])
    assert "`top_k`" in error(seen)["message"]


def test_tokens_are_counted_by_anthropic_alone() -> None:
    """The request is judged as any other; a provider that cannot count is not asked."""
    path = f"{PATH}/count_tokens"
    counted = play(native(REDACTS), request(f"about {SECRET}"), Provider([b'{"input_tokens": 14}']), path=path)
    (sent,) = counted.sent_upstream
    assert (sent.path, counted.body, counted.record.api_format) == (
        path, b'{"input_tokens": 14}', "anthropic_count_tokens",
    )  # fmt: skip
    assert SECRET.encode() not in sent.body
    assert play(policy_of(), request(), Provider(), path=path).status == 422


def test_the_user_is_recorded_as_it_may_be_said() -> None:
    """`metadata.user_id` names the user."""
    seen = ask(native(), Provider([answer()]), request(metadata={"user_id": "u-1"}))

    assert seen.record.user_id == "u-1"


def test_chat_of_an_anthropic_target_is_as_it_was() -> None:
    """A client of OpenAI's gets chunks from it."""
    body = json.dumps({"model": "m", "stream": True, "messages": [{"role": "user", "content": "hello"}]}).encode()
    told = stream(text_block(0, ["he", "llo"]))
    seen = play(native(), body, Provider([told], media_type=EVENTS))

    assert chunk({"content": "x"}).split(b'"choices"')[0] not in seen.body
    assert b"data: [DONE]" in seen.body
    assert event("ping") not in seen.body
