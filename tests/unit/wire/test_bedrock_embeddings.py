"""Embeddings by Bedrock: what each family of models is sent, and the vectors as OpenAI lists them."""

from __future__ import annotations

import base64
import json
import struct
from dataclasses import replace
from typing import Any

import pytest

from keeptrusts.core.errors import UnreadableError
from keeptrusts.core.exchange import Target
from keeptrusts.policy.compiled import CompiledPolicy
from keeptrusts.wire.bedrock_embeddings import answer_from_vectors, request_to_vectors
from keeptrusts.wire.embeddings import read_answer
from keeptrusts.wire.translation import Asked
from support.bedrock import BEDROCK
from support.flows import NAMED, Provider, Seen, play, policy_of

TITAN = "amazon.titan-embed-text-v2:0"
COHERE = "eu.cohere.embed-v4:0"
ARN = f"arn:aws:bedrock:eu-west-1::foundation-model/{TITAN}"


def sent(**fields: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(request_to_vectors(json.dumps(fields).encode()))
    return body


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"model": TITAN, "input": "a"}, {"inputText": "a"}),
        ({"model": ARN, "input": ["a"], "dimensions": 256, "user": "u"}, {"inputText": "a", "dimensions": 256}),
        (
            {"model": COHERE, "input": ["a", "b"], "encoding_format": "base64"},
            {"texts": ["a", "b"], "input_type": "search_document", "embedding_types": ["float"]},
        ),
        (
            {"model": COHERE, "input": "a", "input_type": "search_query", "dimensions": 256},
            {"texts": ["a"], "input_type": "search_query", "embedding_types": ["float"], "output_dimension": 256},
        ),
    ],
)
def test_what_each_family_is_sent(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    """Titan one text, Cohere several, with what they are for."""
    assert sent(**fields) == expected


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"model": TITAN, "input": ["a", "b"]}, "several texts"),
        ({"model": TITAN, "input": "a", "input_type": "search_query"}, "`input_type`"),
        ({"model": "amazon.nova-2-multimodal-embeddings-v1:0", "input": "a"}, "Titan's or Cohere's"),
        ({"model": "arn:aws:bedrock:eu-west-1:1:application-inference-profile/x", "input": "a"}, "Titan's or Cohere's"),
        ({"model": COHERE, "input": "a", "truncate": "END"}, "`truncate`"),
        ({"model": COHERE}, "not of the form"),
    ],
)
def test_what_cannot_be_said_there_is_refused(fields: dict[str, Any], told: str) -> None:
    """By name, and nothing is dropped."""
    with pytest.raises(UnreadableError, match=told):
        sent(**fields)


PACKED = base64.b64encode(struct.pack("<2f", 0.5, -2)).decode()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("answer", "vectors", "tokens"),
    [
        ({"embedding": [0.5, -2], "inputTextTokenCount": 3}, 1, 3),
        ({"embeddings": {"float": [[0.5, -2], [0.5, -2]]}, "texts": ["a", "b"], "id": "x"}, 2, None),
        ({"embeddings": [[0.5, -2]], "response_type": "embeddings_floats"}, 1, None),
    ],
)
def test_vectors(answer: dict[str, Any], vectors: int, tokens: int | None, *, packed: bool) -> None:
    """In their order, as numbers or packed; our own reader takes them."""
    raw = answer_from_vectors(json.dumps(answer).encode(), Asked("asked", "req_1", packed=packed))
    said = json.loads(raw)

    assert [one["embedding"] for one in said["data"]] == [PACKED if packed else [0.5, -2]] * vectors
    assert [one["index"] for one in said["data"]] == list(range(vectors))
    assert said["model"] == "asked"
    assert read_answer(raw).usage.input_tokens == tokens
    assert ("usage" in said) == (tokens is not None)


@pytest.mark.parametrize(
    "answer", [{}, {"embeddings": {"int8": [[1]]}}, {"embedding": ["a"]}, {"embedding": 5}, {"embeddings": [5]}]
)
def test_what_is_no_vector(answer: dict[str, Any]) -> None:
    """Of another form than its API describes; a text among the numbers is not passed on as one of them."""
    with pytest.raises(UnreadableError):
        read_answer(answer_from_vectors(json.dumps(answer).encode(), NAMED))
    with pytest.raises(UnreadableError):
        answer_from_vectors(json.dumps(answer).encode(), replace(NAMED, packed=True))


def asked(policy: CompiledPolicy, **fields: Any) -> Seen:
    told = Provider([json.dumps({"embedding": [0.5, -2], "inputTextTokenCount": 3}).encode()])
    return play(policy, json.dumps({"model": "m", "input": "a", **fields}).encode(), told, path="/v1/embeddings")


def test_through_the_flow() -> None:
    """The model of the target counts, and stands in the path; the vectors come packed where they are wanted so."""
    up = replace(BEDROCK, target=Target("up", "bedrock", TITAN))
    seen = asked(policy_of(targets=(up,)), encoding_format="base64")
    (sent_there,) = seen.sent_upstream

    assert (sent_there.path, sent_there.body) == (f"/model/{TITAN.replace(':', '%3A')}/invoke", b'{"inputText": "a"}')
    assert json.loads(seen.body)["data"][0]["embedding"] == PACKED
    assert (seen.status, seen.record.input_tokens) == (200, 3)
    refused = asked(policy_of(targets=(BEDROCK,)))
    assert (refused.status, refused.error["code"]) == (422, "unreadable")
