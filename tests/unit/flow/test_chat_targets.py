"""What a provider is sent, what comes back of the caller's own values, and what the record keeps."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from keeptrusts.core.exchange import Caller, Target
from keeptrusts.flow.effects import CloseUpstream
from keeptrusts.policy.compiled import CompiledPolicy, TargetSettings
from keeptrusts.policy.document import compile_document
from support.flows import HELLO, TARGET, Provider, Seen, answer, chunk, last_error, play, policy_of, said, stream
from support.policy_cases import document

OWN = {"id": "main", "provider": "openai:chat:gpt-4o", "secret_key_ref": {"env": "KEY"}}
CLAUDE = TargetSettings(target=Target("c", "anthropic", model="claude"), base_url="http://p", format="anthropic")


def of_document(blocks: dict[str, Any]) -> CompiledPolicy:
    return compile_document(document(blocks, providers={"targets": [OWN]}))


def request(text: str, **fields: Any) -> bytes:
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": text}], **fields}).encode()


def sent(seen: Seen) -> dict[str, Any]:
    """The one body that a provider got."""
    (one,) = seen.sent_upstream
    body: dict[str, Any] = json.loads(one.body)
    return body


def content_of(seen: Seen) -> str:
    text: str = json.loads(seen.body)["choices"][0]["message"]["content"]
    return text


def test_an_unchanged_request_keeps_its_bytes() -> None:
    """Law 5."""
    body = b'{ "model":"m", "temperature": 1.0e0, "messages":[{"role":"user","content":"caf\\u00e9"}] }'
    seen = play(policy_of(), body, Provider([answer("hi")]))

    assert [one.body for one in seen.sent_upstream] == [body]


def test_an_unchanged_answer_keeps_its_bytes() -> None:
    """Whatever the provider's spelling."""
    body = b' {"choices":[{"index":0,"message":{"role":"assistant","content":"caf\\u00e9"},"finish_reason":"stop"}]} '

    assert play(of_document({"pii-detector": {}}), HELLO, Provider([body])).body == body


def test_a_request_is_redacted_before_it_leaves() -> None:
    """And the target's own model is asked for."""
    seen = play(of_document({"pii-detector": {}}), request("I am ada@example.com"), Provider([answer("hi")]))

    assert sent(seen) == {"model": "gpt-4o", "messages": [{"role": "user", "content": "I am [EMAIL]"}]}
    assert (seen.status, seen.record.verdict, seen.record.phase) == (200, "redacted", "input")
    assert seen.headers["x-keeptrusts-verdict"] == "redacted"


@pytest.mark.parametrize(
    ("fields", "key", "cap"),
    [
        ({}, "max_completion_tokens", 100),
        ({"max_tokens": 50}, "max_tokens", 50),
        ({"max_tokens": 500}, "max_tokens", 100),
        ({"max_completion_tokens": 500}, "max_completion_tokens", 100),
    ],
)
def test_the_cap_on_answers_is_set_where_it_stands(fields: dict[str, int], key: str, cap: int) -> None:
    """The lower of the caller's and the document's."""
    policy = of_document({"token-limit": {"max_tokens": 100}})

    assert sent(play(policy, request("hello", **fields), Provider([answer("hi")])))[key] == cap


def test_the_cap_has_the_name_that_most_providers_know() -> None:
    """Where the request has none, and the provider is not OpenAI itself."""
    policy = replace(of_document({"token-limit": {"max_tokens": 100}}), targets=(TARGET,))
    body = sent(play(policy, request("hello"), Provider([answer("hi")])))

    assert (body["max_tokens"], "max_completion_tokens" in body) == (100, False)


def test_some_headers_go_on() -> None:
    """Those that a provider needs; cookies and our own stay here."""
    given = (("authorization", "Bearer x"), ("cookie", "a=b"), ("x-user-id", "u"), ("user-agent", "test"))
    seen = play(policy_of(), HELLO, Provider([answer("hi")]), headers=given)

    assert seen.sent_upstream[0].forwarded == (
        ("authorization", "Bearer x"), ("user-agent", "test"), ("content-type", "application/json"),
    )  # fmt: skip


def test_a_path_of_its_own() -> None:
    """`path_template` names the model."""
    azure = replace(TARGET, target=replace(TARGET.target, model="gpt"), path_template="/deployments/{model}/chat?v=1")
    seen = play(policy_of(targets=(azure,)), HELLO, Provider([answer("hi")]))

    assert [one.path for one in seen.sent_upstream] == ["/deployments/gpt/chat?v=1"]


RESTORING = {"audit-logger": {}, "pii-detector": {"restore": True}}
ASKED = "I am ada@example.com, he is bob@example.com"


def test_a_caller_gets_its_own_values_back() -> None:
    """The provider sees numbers, the caller its values, the record neither."""
    policy = of_document(RESTORING)
    seen = play(policy, request(ASKED), Provider([answer("[EMAIL_2] and [EMAIL_1], not [EMAIL_3]")]))

    assert sent(seen)["messages"][0]["content"] == "I am [EMAIL_1], he is [EMAIL_2]"
    assert content_of(seen) == "bob@example.com and ada@example.com, not [EMAIL_3]"
    assert "example.com" not in json.dumps(seen.record.as_event())


def test_a_caller_gets_them_back_in_a_stream() -> None:
    """A number that is cut between two deltas is found."""
    body = stream(["[EMA", "IL_2] and [EMAIL_1", "], not [EMAIL_3", "]", " [EMAIL"])
    seen = play(of_document(RESTORING), request(ASKED, stream=True), Provider([body], media_type="text/event-stream"))

    assert said(seen.body) == "bob@example.com and ada@example.com, not [EMAIL_3] [EMAIL"
    assert "example.com" not in json.dumps(seen.record.as_event())


def test_what_the_model_invents_is_redacted() -> None:
    """Only the caller's own values come back."""
    seen = play(of_document(RESTORING), request(ASKED), Provider([answer("[EMAIL_1] knows eve@example.org")]))

    assert content_of(seen) == "ada@example.com knows [EMAIL]"


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        ("none", None),
        ("digest", None),
        ("redacted", ("I am [EMAIL]", "hello [EMAIL]")),
        ("full", ("I am ada@example.com", "hello [EMAIL]")),
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
def test_the_record_keeps_what_it_may(*, streamed: bool, content: str, kept: tuple[str, str] | None) -> None:
    """Texts as `audit-logger.content` says; a digest whenever there is something to prove."""
    policy = of_document({"audit-logger": {"content": content}, "pii-detector": {}})
    provider = (
        Provider([stream(["hello ada@", "example.com"])], media_type="text/event-stream")
        if streamed
        else Provider([answer("hello ada@example.com")])
    )
    record = play(policy, request("I am ada@example.com", stream=streamed), provider).record

    assert (record.content_digest is None) == (content == "none")
    if kept is None:
        assert record.content is None
    else:
        assert record.content is not None
        assert (record.content["request"][0]["text"], record.content["answer"][0]["text"]) == kept


def test_long_texts_are_cut_in_the_record() -> None:
    """A record is bounded; its digest is of the whole."""
    policy = of_document({"audit-logger": {"content": "full"}})
    one, other = (play(policy, request("x" * size), Provider([answer("y")])).record for size in (20_000, 20_001))

    assert one.content is not None
    assert other.content is not None
    assert one.content["request"] == other.content["request"]
    assert len(one.content["request"][0]["text"]) < 17_000
    assert one.content_digest != other.content_digest


def test_the_record_names_the_caller() -> None:
    """As the gateway knows it, else as the request says."""
    caller = Caller(key_id="k", user_id="u", team_id="t", agent_id="a", session_id="s")
    known = play(policy_of(), request("hello", user="other"), Provider([answer("hi")]), caller=caller).record
    said_so = play(policy_of(), request("hello", user="other"), Provider([answer("hi")])).record

    assert (known.key_id, known.user_id, known.team_id, known.agent_id, known.session_id) == ("k", "u", "t", "a", "s")
    assert said_so.user_id == "other"


def test_the_record_counts() -> None:
    """Tokens as the provider counted them, and the model that was asked for."""
    record = play(policy_of(), HELLO, Provider([answer("hi")])).record

    assert (record.input_tokens, record.output_tokens, record.model, record.provider) == (
        3,
        5,
        "m",
        "openai-compatible",
    )
    assert (record.timestamp, record.api_format) == ("2023-11-14T22:13:20.000000Z", "openai_chat")


def test_models_are_listed_without_a_provider() -> None:
    """Each target's model once; a target without one goes by its id."""
    policy = policy_of(targets=(TARGET, CLAUDE, replace(CLAUDE, target=Target("d", "x", model="claude"))))
    seen = play(policy, path="/v1/models", body=b"")

    assert [one["id"] for one in json.loads(seen.body)["data"]] == ["main", "claude"]
    assert (seen.records, seen.sent_upstream) == ([], [])


MESSAGE = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "stop_reason": "end_turn",
    "content": [{"type": "text", "text": "hello ada@example.com"}], "usage": {"input_tokens": 3, "output_tokens": 5},
}  # fmt: skip


def of_claude(**kinds: Any) -> CompiledPolicy:
    return replace(of_document({"pii-detector": {}, **kinds}), targets=(CLAUDE,))


def event(name: str, **fields: Any) -> bytes:
    return f"event: {name}\ndata: {json.dumps({'type': name, **fields})}\n\n".encode()


def test_an_anthropic_target_is_spoken_to_in_its_own_words() -> None:
    """Its path, its version, its form; the answer comes back as a chat completion, redacted."""
    seen = play(of_claude(), HELLO, Provider([json.dumps(MESSAGE).encode()]))
    (opened,) = seen.sent_upstream

    assert (opened.path, dict(opened.forwarded)["anthropic-version"]) == ("/v1/messages", "2023-06-01")
    assert json.loads(opened.body)["model"] == "claude"
    assert content_of(seen) == "hello [EMAIL]"
    assert (seen.record.input_tokens, seen.record.output_tokens) == (3, 5)


def test_an_anthropic_stream_is_governed_like_any() -> None:
    """Its events become chunks, and what is found in them is redacted."""
    start = {"message": {"id": "msg_1", "model": "claude", "usage": {"input_tokens": 3}}}
    body = (
        event("message_start", **start)
        + event("content_block_start", index=0, content_block={"type": "text", "text": ""})
        + event("ping")
        + event("content_block_delta", index=0, delta={"type": "text_delta", "text": "hello ada@exam"})
        + event("content_block_delta", index=0, delta={"type": "text_delta", "text": "ple.com"})
        + event("content_block_stop", index=0)
        + event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 5})
        + event("message_stop")
    )
    for size in (1, 7, len(body)):
        pieces = [body[at : at + size] for at in range(0, len(body), size)]
        seen = play(of_claude(), request("hello", stream=True), Provider(pieces, media_type="text/event-stream"))
        assert said(seen.body) == "hello [EMAIL]"
        assert seen.body.endswith(b"data: [DONE]\n\n")
        assert (seen.record.input_tokens, seen.record.output_tokens) == (3, 5)


def test_an_anthropic_error_in_the_middle_is_an_error() -> None:
    """Its words are not passed on."""
    delta = {"type": "text_delta", "text": "hello there " * 20}
    body = (
        event("message_start", message={})
        + event("content_block_delta", index=0, delta=delta)
        + event("content_block_delta", index=0, delta=delta)
        + event("error", error={"type": "overloaded_error", "message": "the key is sk-1"})
    )
    seen = play(of_claude(), request("hello", stream=True), Provider([body], media_type="text/event-stream"))
    error = last_error(seen.body)

    assert error is not None
    assert error["code"] == "upstream_lost"
    assert b"sk-1" not in seen.body
    assert any(isinstance(effect, CloseUpstream) for effect in seen.effects)


def test_what_an_anthropic_target_cannot_do_is_refused() -> None:
    """Not dropped: the caller asked for two answers."""
    seen = play(of_claude(), request("hello", n=2))

    assert (seen.status, seen.error["type"], seen.sent_upstream) == (422, "validation_error", [])
    assert seen.record.status == 422


def test_a_stream_of_chunks_is_no_answer_of_an_anthropic_target() -> None:
    """What it sends in another form than its own cannot be read."""
    body = chunk({"content": "hi"})
    seen = play(of_claude(), request("hello", stream=True), Provider([body], media_type="text/event-stream"))

    assert (seen.status, seen.error["code"]) == (502, "upstream_garbled")
