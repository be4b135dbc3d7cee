"""What the services of `external-moderation` are asked, word by word, and what is made of many texts."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from keeptrusts.core.exchange import Exchange, Phase, Role, Text
from keeptrusts.core.verdict import Allow, Match
from keeptrusts.policy.asking import Ask, Question
from keeptrusts.policy.joined import Joined
from keeptrusts.policy.kinds.external_moderation import ExternalModeration
from keeptrusts.policy.moderators import AZURE_CHARS
from keeptrusts.policy.secret_refs import SecretRef
from keeptrusts.policy.vectors import cosine, pieces_of, vectors_of

TEXTS = (Text(("a",), "hello"), Text(("b",), " \n"), Text(("c",), "world", Role.ASSISTANT))
KEY = SecretRef(env="KEY")


def questions(*texts: Text, answered: bool = False, **block: Any) -> tuple[Question, ...]:
    exchange = Exchange(Phase.OUTPUT if answered else Phase.INPUT, texts or TEXTS, model="m", answered=answered)
    said = ExternalModeration(**{"secret_key_ref": KEY, **block}).judge(exchange)
    assert isinstance(said, Ask)
    return said.questions


@pytest.mark.parametrize(
    ("block", "url", "body"),
    [
        (
            {"endpoint": "https://m.example/check", "categories": ("hate",)},
            "https://m.example/check",
            {
                "phase": "input",
                "model": "m",
                "categories": ["hate"],
                "texts": [
                    {"text": "hello", "role": "user", "part": "content"},
                    {"text": "world", "role": "assistant", "part": "content"},
                ],
            },
        ),
        (
            {"provider": "openai-moderation"},
            "https://api.openai.com/v1/moderations",
            {"model": "omni-moderation-latest", "input": ["hello", "world"]},
        ),
        (
            {"provider": "azure-content-safety", "endpoint": "https://r.example/", "categories": ("Hate",)},
            "https://r.example/contentsafety/text:analyze?api-version=2024-09-01",
            {"text": "hello\nworld", "outputType": "EightSeverityLevels", "categories": ["Hate"]},
        ),
        (
            {"provider": "bedrock-apply-guardrail", "endpoint": "https://b.example/guardrail/g/version/1/apply"},
            "https://b.example/guardrail/g/version/1/apply",
            {"source": "INPUT", "content": [{"text": {"text": "hello"}}, {"text": {"text": "world"}}]},
        ),
        (
            {"provider": "presidio", "endpoint": "http://p.example:3000", "threshold": 0.7},
            "http://p.example:3000/analyze",
            {"text": "hello\nworld", "language": "en", "score_threshold": 0.7},
        ),
        (
            {"provider": "dynamo-ai"},
            "https://api.dynamo.ai/v1/moderation/analyze/",
            {"messages": [{"role": "user", "content": "hello\nworld"}]},
        ),
        (
            {"provider": "lakera", "endpoint": "https://eu.lakera.example/v2/guard"},
            "https://eu.lakera.example/v2/guard",
            {"messages": [{"role": "user", "content": "hello\nworld"}], "breakdown": True},
        ),
        (
            {"provider": "embedding-endpoint", "endpoint": "https://e.example/v1/embeddings", "categories": ("x",)},
            "https://e.example/v1/embeddings",
            {"input": ["x", "hello\nworld"]},
        ),
    ],
)
def test_a_service_is_asked_in_its_form(block: dict[str, Any], url: str, body: dict[str, Any]) -> None:
    """Where, what, and with which key; blank texts say nothing."""
    (question,) = questions(**block)

    assert question.url == url
    assert json.loads(question.body) == body
    assert question.credential is not None
    assert question.credential.env == "KEY"
    expected = "ocp-apim-subscription-key" if block.get("provider") == "azure-content-safety" else "authorization"
    assert question.credential.header == expected


def test_guardrails_ai_is_asked_text_by_text() -> None:
    """Its guards validate one text at a time."""
    asked = questions(provider="guardrails-ai", endpoint="https://g.example/guards/x/validate")
    assert [json.loads(question.body) for question in asked] == [{"llmOutput": "hello"}, {"llmOutput": "world"}]


def test_of_an_answer_the_services_are_told_that_it_is_one() -> None:
    """Each in its own words."""
    guard = "https://b.example/guardrail/g/version/1/apply"
    (bedrock,) = questions(answered=True, provider="bedrock-apply-guardrail", endpoint=guard)
    (lakera,) = questions(answered=True, provider="lakera")
    (webhook,) = questions(answered=True, endpoint="https://m.example")

    assert json.loads(bedrock.body)["source"] == "OUTPUT"
    assert json.loads(lakera.body)["messages"][0]["role"] == "assistant"
    assert json.loads(webhook.body)["phase"] == "output"


@pytest.mark.parametrize("length", [1, AZURE_CHARS, AZURE_CHARS + 1, 3 * AZURE_CHARS])
def test_azure_gets_a_long_text_in_pieces(length: int) -> None:
    """None is too long, none is left out, and what stands at a cut is whole in one of them."""
    text = "".join(chr(97 + at % 26) for at in range(length))
    asked = questions(Text(("a",), text), provider="azure-content-safety", endpoint="https://r.example")
    pieces = [json.loads(question.body)["text"] for question in asked]

    assert max(map(len, pieces)) <= AZURE_CHARS
    assert pieces[0] + "".join(piece[200:] for piece in pieces[1:]) == text


def test_without_a_text_nobody_is_asked() -> None:
    """There is nothing to object to."""
    exchange = Exchange(Phase.INPUT, (Text(("a",), " "),))
    assert ExternalModeration(endpoint="https://m.example").judge(exchange) == Allow()


def test_a_place_in_joined_texts_is_one_in_a_text() -> None:
    """The first and the last character of each; what goes over an end is cut there."""
    joined = Joined([Text(("a",), "ab"), Text(("b",), ""), Text(("c",), "cde")])

    assert joined.value == "ab\n\ncde"
    assert joined.match(0, 2) == Match(("a",), 0, 2, "")
    assert joined.match(1, 6) == Match(("a",), 1, 2, "")
    assert joined.match(4, 7) == Match(("c",), 0, 3, "")
    for start, end in ((-1, 2), (3, 3), (5, 4), (6, 8)):
        with pytest.raises(ValueError, match="^$"):
            joined.match(start, end)


@pytest.mark.parametrize("length", [0, 1, 1000, 1001, 5_000, 1_000_000])
def test_pieces_cover_the_text_and_are_not_many(length: int) -> None:
    """However long it is."""
    pieces = pieces_of(length)

    assert pieces[0][0] == 0
    assert pieces[-1][1] == length
    assert all(later[0] < earlier[1] for earlier, later in itertools.pairwise(pieces))
    assert len(pieces) <= 64


def test_vectors_are_compared_by_their_angle() -> None:
    """Length says nothing; nothing is like nothing."""
    assert cosine([1, 2], [2, 4]) == pytest.approx(1)
    assert cosine([1, 0], [0, 3]) == 0
    assert cosine([1, 0], [-2, 0]) == -1
    assert cosine([0, 0], [1, 0]) == 0


@pytest.mark.parametrize(
    "data",
    [
        [{"index": 0, "embedding": [1.0]}],
        [{"index": 0, "embedding": [1.0]}, {"index": 0, "embedding": [1.0]}],
        [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [1.0, 2.0]}],
        [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [0.0]}],
        [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": ["1"]}],
        [{"index": 0, "embedding": [1.0]}, {"index": 1}],
    ],
)
def test_vectors_that_do_not_fit_are_none(data: list[Any]) -> None:
    """Too few, twice the same, of other lengths, of nothing, of no numbers."""
    with pytest.raises((ValueError, TypeError, KeyError)):
        vectors_of({"data": data}, 2)
