"""Streamed answers: how they end, what waits, what is held back, and that nothing is said that was not read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from keeptrusts.core.errors import KeeptrustsError, SpoolFullError, UpstreamLostError, UpstreamTimeoutError
from keeptrusts.core.exchange import Exchange
from keeptrusts.core.verdict import Verdict
from keeptrusts.flow.effects import CloseUpstream, SendToClient
from keeptrusts.policy.compiled import CompiledPolicy, SizeLimits, Streaming
from keeptrusts.policy.document import compile_document
from support.flows import HELLO, STREAM, Provider, Seen, answer, chunk, last_error, play, policy_of, said, stream
from support.policy_cases import document
from support.words import Word

TARGET = {"id": "main", "provider": "openai:chat:m", "secret_key_ref": {"env": "KEY"}}


class Crashes(Word):
    """Fails on every answer."""

    def judge(self, exchange: Exchange) -> Verdict:
        raise ZeroDivisionError


def events(*pieces: bytes | KeeptrustsError) -> Provider:
    return Provider(pieces, media_type="text/event-stream; charset=utf-8")


def of_document(blocks: dict[str, Any], **sections: Any) -> CompiledPolicy:
    return compile_document(document(blocks, providers={"targets": [TARGET]}, **sections))


def sent(seen: Seen) -> list[bytes]:
    return [effect.data for effect in seen.effects if isinstance(effect, SendToClient)]


def closed(seen: Seen) -> bool:
    return any(isinstance(effect, CloseUpstream) for effect in seen.effects)


ODD = {
    "plain": stream(["hello ", "there"]),
    "carriage returns": stream(["hello ", "there"]).replace(b"\n", b"\r\n"),
    "lone carriage returns": stream(["hello ", "there"]).replace(b"\n", b"\r"),
    "comments": b": open\n\n" + stream(["hello"]) + b": bye\n\n",
    "names and ids": stream(["hello"]).replace(b"data:", b"event: chunk\nid: 7\ndata:"),
    "no blank": stream(["hello"]).replace(b"data: ", b"data:"),
    "data in lines": stream(["hello"]).replace(b', "choices"', b',\ndata: "choices"'),
    "a byte order mark": b"\xef\xbb\xbf" + stream(["hello"]),
    "an open end": stream(["hello"]).removesuffix(b"\n\n"),
    "no last event": stream(["hello"]).removesuffix(b"data: [DONE]\n\n"),
    "usage behind the end": stream(["hello"]).replace(
        b"data: [DONE]", b'data: {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 5}}\n\ndata: [DONE]'
    ),
    "characters of all sizes": stream(["ä", "\u20ac", "\U0001f642", "e\u0301"]),
    "escapes": stream(['"\\\n\u2028']).replace("\u2028".encode(), b"\\u2028"),
    "nothing said": stream([]),
}


@pytest.mark.parametrize("body", ODD.values(), ids=ODD)
@pytest.mark.parametrize("policy", [policy_of(), policy_of(Word())], ids=["ungoverned", "governed"])
def test_a_clean_stream_arrives_as_it_was_sent(policy: CompiledPolicy, body: bytes) -> None:
    """To the byte, in whatever form the provider writes it and wherever its bytes are cut."""
    behind = body.partition(b"data: [DONE]\n\n")
    expected = behind[0] + behind[1]

    for pieces in ([body], [body[at : at + 1] for at in range(len(body))]):
        seen = play(policy, STREAM, events(*pieces))
        assert seen.body == expected
        assert (seen.record.verdict, seen.record.status) == ("allowed", 200)
        assert seen.ended


def test_usage_is_recorded() -> None:
    """Also when it comes behind the end of the text."""
    record = play(policy_of(Word()), STREAM, events(ODD["usage behind the end"])).record

    assert (record.input_tokens, record.output_tokens, record.streamed) == (3, 5, True)


def test_the_head_of_a_stream() -> None:
    """Events, not to be stored, with the ids of the record that will be made."""
    seen = play(policy_of(), STREAM, events(stream(["hello"])))

    assert seen.headers["content-type"] == "text/event-stream"
    assert seen.headers["cache-control"] == "no-cache"
    assert seen.headers["x-keeptrusts-event-id"] == "evt_1"


def test_text_leaves_as_soon_as_it_cannot_become_a_match() -> None:
    """The client is behind by the hold-back and no more."""
    pieces = [chunk({"content": letter}) for letter in "abcdefgh"]
    seen = play(policy_of(Word()), STREAM, events(*pieces, chunk({}, finish="stop")))

    assert [said(data) for data in sent(seen)] == ["a", "b", "c", "d", "efgh"]
    assert seen.record.behind_chars == 4
    assert "behind_chars" not in seen.record.as_event()


@pytest.mark.parametrize(
    ("policy", "behind"),
    [(policy_of(), 0), (policy_of(Word(width=10), streaming=Streaming(max_holdback_chars=9)), 8)],
    ids=["nobody looks", "the whole is held"],
)
def test_how_far_the_client_was_behind(policy: CompiledPolicy, behind: int) -> None:
    """It is measured, in characters; of an answer that is no stream nothing is."""
    pieces = [chunk({"content": letter}) for letter in "abcdefgh"]

    assert play(policy, STREAM, events(*pieces, chunk({}, finish="stop"))).record.behind_chars == behind
    assert play(policy, HELLO, Provider([answer("hi")])).record.behind_chars is None


MIDWAY = {
    "lost": (UpstreamLostError("x"), "upstream_lost"),
    "silent": (UpstreamTimeoutError("x"), "upstream_timeout"),
    "no JSON": (b"data: {\n\n", "upstream_garbled"),
    "a key twice": (b'data: {"choices":[],"choices":[]}\n\n', "upstream_garbled"),
    "no chunk": (b'data: {"id":"x"}\n\n', "upstream_garbled"),
    "no UTF-8": (b"data: \xff\n\n", "upstream_garbled"),
    "no data": (b"event: error\n\n", "upstream_garbled"),
    "an error": (b'data: {"error":{"message":"the key is sk-1"}}\n\n', "upstream_lost"),
    "choices of another type": (b'data: {"choices":5}\n\n', "upstream_garbled"),
    "a choice of another type": (b'data: {"choices":[5]}\n\n', "upstream_garbled"),
    "a delta of another type": (b'data: {"choices":[{"delta":[1]}]}\n\n', "upstream_garbled"),
    "calls of another type": (b'data: {"choices":[{"delta":{"tool_calls":5}}]}\n\n', "upstream_garbled"),
    "a call of another type": (b'data: {"choices":[{"delta":{"tool_calls":[5]}}]}\n\n', "upstream_garbled"),
    "a strange index": (b'data: {"choices":[{"index":"a","delta":{}}]}\n\n', "upstream_garbled"),
    "a huge index": (b'data: {"choices":[{"index":99999,"delta":{}}]}\n\n', "upstream_garbled"),
    "an unknown role": (b'data: {"choices":[{"delta":{"role":"wizard"}}]}\n\n', "upstream_garbled"),
}


@pytest.mark.parametrize(("piece", "code"), MIDWAY.values(), ids=MIDWAY)
@pytest.mark.parametrize("policy", [policy_of(), policy_of(Word())], ids=["ungoverned", "governed"])
def test_a_failure_in_the_middle_is_told(policy: CompiledPolicy, piece: bytes | KeeptrustsError, code: str) -> None:
    """An error event in place of the end: never `[DONE]`, never what was held back, never the provider's own words."""
    seen = play(policy, STREAM, events(chunk({"content": "hello "}), chunk({"content": "there, sto"}), piece))
    error = last_error(seen.body)

    assert error is not None
    assert (seen.status, error["type"], error["code"]) == (200, "upstream_error", code)
    assert b"[DONE]" not in seen.body
    assert b"sk-1" not in seen.body
    assert said(seen.body) in {"hello ", "hello there, sto"}
    assert (seen.record.verdict, seen.record.reason_code, seen.record.status) == ("failed", code, 200)
    assert closed(seen)
    assert seen.ended


@pytest.mark.parametrize(("piece", "code"), MIDWAY.values(), ids=MIDWAY)
def test_a_failure_before_the_first_word_is_an_error_like_any(piece: bytes | KeeptrustsError, code: str) -> None:
    """Nothing was sent, so the status can still tell."""
    seen = play(policy_of(Word()), STREAM, events(piece))

    assert (seen.status, seen.error["code"]) == (504 if code == "upstream_timeout" else 502, code)
    assert (seen.record.reason_code, seen.record.status) == (code, seen.status)


def test_what_was_held_back_is_not_let_out_by_a_failure() -> None:
    """Half a match does not leave when the other half never comes."""
    seen = play(
        policy_of(Word()),
        STREAM,
        events(chunk({"content": "well"}), chunk({"content": " sto"}), UpstreamLostError("x")),
    )

    assert said(seen.body) == "well"


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_client_that_leaves_in_the_middle(after: int) -> None:
    """The provider is told at once, and the record says 499."""
    pieces = [chunk({"content": "hello there"}) for _ in range(4)]
    seen = play(policy_of(Word()), STREAM, events(*pieces), leaves_after=after)

    assert (seen.record.verdict, seen.record.reason_code, seen.record.status) == ("failed", "client_gone", 499)
    assert closed(seen)
    assert len(sent(seen)) == after + 1


def test_a_client_that_leaves_at_the_very_end() -> None:
    """The record was made before; there is no second one."""
    seen = play(policy_of(Word()), STREAM, events(stream(["hi"])), leaves_after=0)

    assert (seen.record.verdict, seen.record.status) == ("allowed", 200)


def test_a_full_spool_ends_the_stream_without_its_end() -> None:
    """What is held back is not given, and the client sees that something is missing."""
    pieces = [chunk({"content": "hello there"}), stream(["and more"])]
    seen = play(policy_of(Word()), STREAM, events(*pieces), record_fails=SpoolFullError("full"))
    error = last_error(seen.body)

    assert error is not None
    assert error["code"] == "spool_full"
    assert b"[DONE]" not in seen.body
    assert "hello thereand more".startswith(said(seen.body))
    assert len(said(seen.body)) < len("hello thereand more")


def test_a_block_in_the_middle_ends_the_stream() -> None:
    """An error event that OpenAI's clients raise on, then the end that they wait for; the provider is told to stop."""
    seen = play(policy_of(Word()), STREAM, events(stream(["please ", "st", "op now"])))
    error = last_error(seen.body)

    assert said(seen.body) == "please "
    assert error == {
        "type": "policy_violation", "message": "no stopping", "policy": "word", "code": "output_blocked",
        "request_id": "req_1", "event_id": "evt_1",
    }  # fmt: skip
    assert seen.body.endswith(b"data: [DONE]\n\n")
    assert (seen.record.verdict, seen.record.reason_code, seen.record.phase) == ("blocked", "word.stop", "output")
    assert (seen.record.status, closed(seen)) == (200, True)


def test_a_cut_frame_does_not_say_that_the_model_was_done() -> None:
    """The frame that the cut goes through keeps its text up to it and loses its `finish_reason`."""
    seen = play(policy_of(Word()), STREAM, events(chunk({"content": "please stop"}, finish="stop")))

    assert said(seen.body) == "please "
    assert b'"finish_reason":"stop"' not in seen.body.replace(b" ", b"")


def test_a_block_before_the_first_word_is_a_plain_409() -> None:
    """Nothing was sent, so it is answered like a whole one."""
    seen = play(policy_of(Word()), STREAM, events(stream(["stop"])))

    assert (seen.status, seen.error["code"], seen.headers["content-type"]) == (
        409,
        "output_blocked",
        "application/json",
    )
    assert (seen.record.status, closed(seen)) == (409, True)


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content", "refusal"])
def test_every_way_of_saying_it_is_judged(name: str) -> None:
    """Reasoning and refusals are texts of their own."""
    body = chunk({name: "please st"}) + chunk({"content": "hello "}) + chunk({name: "op"}) + stream(["there"])
    seen = play(policy_of(Word("go!")), STREAM, events(body))
    block = play(policy_of(Word()), STREAM, events(body))

    assert said(seen.body) == "hello there"
    assert b'st"' not in seen.body
    assert b"go!" in seen.body
    assert block.record.verdict == "blocked"
    assert b"please st" not in block.body
    assert b"op" not in block.body.partition(b"error")[0]


def test_token_tables_of_a_governed_stream_are_dropped() -> None:
    """They repeat the text, matches and all; an ungoverned stream keeps them."""
    table = {"content": [{"token": "stop", "bytes": [115], "logprob": -1}]}
    one = {"index": 0, "delta": {"content": "stop"}, "logprobs": table, "finish_reason": None}
    body = b"data: " + json.dumps({"choices": [one]}).encode() + b"\n\ndata: [DONE]\n\n"

    assert b"token" not in play(policy_of(Word("go")), STREAM, events(body)).body
    assert play(policy_of(), STREAM, events(body)).body == body


def test_an_escalated_answer_is_withheld_with_its_id() -> None:
    """`human-oversight` needs the whole answer: a plain 409 that says where to ask, and not a word of the answer."""
    seen = play(of_document({"human-oversight": {}}), STREAM, events(stream(["hello ", "there"])))

    assert (seen.status, seen.error["code"], seen.error["escalation_id"]) == (409, "escalation_required", "esc_1")
    assert (seen.error["policy"], seen.headers["content-type"]) == ("human-oversight", "application/json")
    assert b"hello" not in seen.body
    assert (seen.record.verdict, seen.record.escalation_id) == ("escalated", "esc_1")


def test_an_answer_that_is_judged_whole_comes_at_its_end() -> None:
    """Nothing before, all of it then, with the changes that were made."""
    policy = of_document({
        "topic-filter": {"blocked_topics": ["gambling"], "allowed_topics": ["gambling addiction"]},
        "pii-detector": {},
    })  # fmt: skip
    seen = play(policy, STREAM, events(stream(["gambling addic", "tion, says ada@exam", "ple.com", "."])))

    assert said(seen.body) == "gambling addiction, says [EMAIL]."
    assert len(sent(seen)) == 1
    assert seen.record.verdict == "redacted"


@pytest.mark.parametrize(("stream_asked", "status"), [(True, 422), (False, 200)])
def test_a_stream_that_would_be_buffered_can_be_refused(*, stream_asked: bool, status: int) -> None:
    """`on_unbounded: reject`: asked for as a stream it is refused before a provider is asked; whole it is answered."""
    policy = policy_of(Word(width=None), streaming=Streaming(on_unbounded="reject"))
    body = STREAM if stream_asked else STREAM.replace(b"true", b"false")
    seen = play(policy, body, Provider([answer("hi")]))

    assert (seen.status, len(seen.sent_upstream)) == (status, int(not stream_asked))
    if stream_asked:
        assert seen.error["code"] == seen.record.reason_code == "stream_not_enforceable"


def test_more_hold_back_than_allowed_means_whole() -> None:
    """`max_holdback_chars` is a promise to the client: beyond it nothing is streamed."""
    wide = policy_of(Word(width=10), streaming=Streaming(max_holdback_chars=9))
    just = policy_of(Word(width=10), streaming=Streaming(max_holdback_chars=10))
    pieces = [chunk({"content": "hello there"}), stream(["and you all"])]

    assert len(sent(play(wide, STREAM, events(*pieces)))) == 1
    assert len(sent(play(just, STREAM, events(*pieces)))) == 2


def test_a_governed_stream_without_end_is_given_up() -> None:
    """It may have to be held to its end, so it is bounded; one that nobody judges passes."""
    pieces = [chunk({"content": "hello there"}) for _ in range(10)]
    limits = SizeLimits(max_response_bytes=8 * len(pieces[0]))
    governed = play(policy_of(Word(), size_limits=limits), STREAM, events(*pieces, stream([])))
    whole = play(policy_of(Word(width=None), size_limits=limits), STREAM, events(*pieces, stream([])))
    error = last_error(governed.body)

    assert error is not None
    assert error["code"] == whole.error["code"] == "upstream_garbled"
    assert play(policy_of(size_limits=limits), STREAM, events(*pieces, stream([]))).record.verdict == "allowed"


def test_a_kind_that_crashes_blocks() -> None:
    """Law 1, and the client is told which kind it was."""
    seen = play(policy_of(Crashes()), STREAM, events(stream(["hello"])))

    assert (seen.status, seen.error["policy"], seen.record.reason_code) == (409, "word", "word.error")


def test_fail_open_lets_pass_and_says_so() -> None:
    """Law 8: what it let pass is marked in the record."""
    seen = play(policy_of(Crashes(), fail_open=True), STREAM, events(stream(["hello"])))

    assert said(seen.body) == "hello"
    assert (seen.record.verdict, seen.record.degraded) == ("allowed", True)


def test_a_whole_answer_to_a_request_for_a_stream() -> None:
    """Some providers answer so; it is judged and passed on as what it is."""
    seen = play(policy_of(Word("go")), STREAM, Provider([answer("please stop")]))

    assert (seen.status, seen.headers["content-type"]) == (200, "application/json")
    assert json.loads(seen.body)["choices"][0]["message"]["content"] == "please go"
