"""Every cell of the matrix of enforcement is what really happens to a stream."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from keeptrusts.core.exchange import Phase
from keeptrusts.flow.effects import ReadUpstream, SendToClient
from keeptrusts.flow.explaining import CHAIN, FORMATS, MODES, Enforcement, explain
from keeptrusts.policy.compiled import CompiledPolicy, Streaming
from keeptrusts.policy.document import compile_document
from keeptrusts.policy.kind import Policy
from keeptrusts.policy.reference import example_block
from keeptrusts.policy.registry import KINDS, load_kind
from keeptrusts.wire.dialects import DIALECTS
from support.flows import Provider, Seen, chunk, play, policy_of
from support.policy_cases import document

TEXT = "plain words follow one another here " * 12
MESSAGES = {"max_tokens": 9, "messages": [{"role": "user", "content": "hello"}]}
ASKED = {"openai_responses": {"input": "hello"}, "openai_completions": {"prompt": "hello"}}
PATHS = {dialect.name: path for path, dialect in DIALECTS.items()}


def on_answers(policy: Policy) -> Policy:
    """The same kind where it meets answers alone: the request of these tests is nothing to it."""
    phases = policy.phases - {Phase.INPUT, Phase.ROUTE}
    narrow: Policy = object.__new__(type("Narrow", (type(policy),), {"phases": phases}))
    narrow.__dict__.update(policy.__dict__)
    return narrow


def spoken(text: str, finish: str | None = None) -> bytes:
    """A piece of a chat completion, which is what a provider of OpenAI's answers to most formats."""
    return chunk({"content": text}, finish=finish)


def completed(text: str, finish: str | None = None) -> bytes:
    """A piece of a completion, which it answers in the format itself."""
    one = {"index": 0, "text": text, "logprobs": None, "finish_reason": finish}
    event = {"id": "c1", "object": "text_completion", "created": 1, "model": "m", "choices": [one]}
    return f"data: {json.dumps(event)}\n\n".encode()


def streamed(policy: CompiledPolicy, api_format: str) -> Seen:
    """A stream of one character at a time under this policy."""
    body = {"model": "m", "stream": True, **ASKED.get(api_format, MESSAGES)}
    piece = completed if api_format == "openai_completions" else spoken
    pieces = [piece(""), *(piece(letter) for letter in TEXT), piece("", "stop"), b"data: [DONE]\n\n"]
    provider = Provider(pieces, media_type="text/event-stream")
    return play(policy, json.dumps(body).encode(), provider, path=PATHS[api_format])


def said(body: bytes) -> str:
    """The text in what the client has received so far, in any format."""
    texts = []
    for line in body.decode().splitlines():
        name, _, data = line.partition(": ")
        if name == "data" and data.startswith("{"):
            event = json.loads(data)
            texts += [
                (one.get("delta") or {}).get("content") or one.get("text") or "" for one in event.get("choices", ())
            ]
            delta = event.get("delta") or ""
            texts.append(delta if isinstance(delta, str) else delta.get("text") or "")
    return "".join(texts)


def lags(seen: Seen) -> Iterator[int]:
    """How many characters the client was behind, whenever something was sent to it before the model was done."""
    read, sent = -1, b""  # the first piece holds no character
    for effect in seen.effects:
        if isinstance(effect, ReadUpstream):
            read += 1
        elif isinstance(effect, SendToClient):
            sent += effect.data
            if 0 < read < len(TEXT):
                yield read - len(said(sent))


def happens(seen: Seen) -> tuple[str, int]:
    """What a stream went through, in the words of the matrix."""
    if seen.status == 422:
        return "refused", 0
    found = list(lags(seen))
    if not found:
        return "buffered", 0
    return ("live", found[-1]) if found[-1] else ("on the fly", 0)


def rows(kind: str) -> list[Enforcement]:
    return list(explain(policy_of(example_block(load_kind(kind)))))


@pytest.mark.parametrize("kind", KINDS)
def test_the_matrix_has_a_cell_for_each_format_and_mode(kind: str) -> None:
    """No format and no mode is left out."""
    assert [(row.api_format, row.mode) for row in rows(kind)] == [(form, mode) for form in FORMATS for mode in MODES]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("api_format", FORMATS)
def test_a_cell_is_what_happens(kind: str, api_format: str) -> None:
    """The client stays exactly as far behind as the matrix says, gets nothing before the end, or is refused."""
    policy = on_answers(example_block(load_kind(kind)))
    for row in rows(kind):
        if row.api_format != api_format or row.mode == "whole":
            continue
        streaming = Streaming(on_unbounded="reject" if row.mode == "strict stream" else "buffer")
        found = happens(streamed(policy_of(policy, streaming=streaming), api_format))
        told = ("on the fly", 0) if row.how in {"request", "calls"} else (row.how, row.holdback_chars)
        assert found == told, row


def test_a_chain_is_as_far_behind_as_its_kinds_together() -> None:
    """Until that is more than `streaming.max_holdback_chars`: then it is buffered."""
    blocks: dict[str, Any] = {
        "dlp-filter": {"blocked_terms": ["apollo"]},
        "topic-filter": {"blocked_topics": ["games"]},
    }
    told = {row.kind: row for row in explain(compile_document(document(blocks))) if row.mode == "stream"}
    assert told[CHAIN].holdback_chars == told["dlp-filter"].holdback_chars + told["topic-filter"].holdback_chars
    narrow = compile_document(document(blocks, streaming={"max_holdback_chars": 10}))
    assert {row.how for row in explain(narrow) if row.kind == CHAIN and row.mode == "stream"} == {"buffered"}
    for policy in (compile_document(document(blocks)), narrow):
        (row, *_) = [row for row in explain(policy) if row.kind == CHAIN and row.mode == "stream"]
        provider = policy_of(*policy.chain.policies, streaming=policy.streaming)
        assert happens(streamed(provider, row.api_format)) == (row.how, row.holdback_chars)


def test_a_cell_as_json() -> None:
    """Every field is there."""
    row = next(row for row in rows("dlp-filter") if row.mode == "stream")
    assert row.as_json() == {
        "kind": "dlp-filter", "api_format": "openai_chat", "mode": "stream", "enforcement": "live",
        "holdback_chars": row.holdback_chars,
        "description": f"on the fly, {row.holdback_chars} characters held back",
    }  # fmt: skip
