"""The operator's instruction on its way to a provider, in the format that the client speaks."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from keeptrusts.core.exchange import Target
from keeptrusts.policy.kinds.request_rewriter import RequestRewriter
from support import messages
from support.flows import TARGET, Provider, answer, play, policy_of
from support.messages import ANTHROPIC

TOLD = RequestRewriter(system_message="Be kind.")
OPENAI = replace(TARGET, target=Target("main", "openai"))
USER = {"role": "user", "content": "hello"}


def sent(path: str, request: dict[str, Any], **targets: Any) -> dict[str, Any]:
    """What the provider was sent."""
    seen = play(policy_of(TOLD, **targets), json.dumps(request).encode(), Provider([answer("hi")]), path=path)
    body: dict[str, Any] = json.loads(seen.sent_upstream[0].body)
    return body


def test_chat_gets_a_message() -> None:
    """Before all others."""
    assert sent("/v1/chat/completions", {"model": "m", "messages": [USER]})["messages"] == [
        {"role": "system", "content": "Be kind."},
        USER,
    ]


def test_messages_get_a_system_text() -> None:
    """From a provider that speaks them, and in chat from one that does not."""
    asked = messages.HELLO | {"system": "Be brief."}

    assert sent(messages.PATH, asked, targets=(ANTHROPIC,))["system"] == "Be kind.\n\nBe brief."
    assert sent(messages.PATH, asked)["messages"][0] == {"role": "system", "content": "Be kind.\n\nBe brief."}


def test_chat_is_told_it_in_the_words_of_its_provider() -> None:
    """The message becomes the system text of Messages."""
    assert (
        sent("/v1/chat/completions", {"model": "m", "messages": [USER]}, targets=(ANTHROPIC,))["system"] == "Be kind."
    )


def test_responses_get_instructions() -> None:
    """Before the client's own; a provider that has no such API gets them as a message."""
    asked = {"model": "m", "input": "hello", "instructions": "Be brief."}

    assert sent("/v1/responses", asked, targets=(OPENAI,))["instructions"] == "Be kind.\n\nBe brief."
    assert sent("/v1/responses", asked)["messages"][0]["content"] == "Be kind.\n\nBe brief."


def test_a_text_to_complete_has_no_place_for_it() -> None:
    """The request is refused: the model would not be told what it has to be told."""
    seen = play(policy_of(TOLD), b'{"model": "m", "prompt": "hello"}', path="/v1/completions")

    assert (seen.status, seen.sent_upstream) == (422, [])
    assert "no place for the system message" in seen.error["message"]


@pytest.mark.parametrize("given", ["hello", ["hello", "you"]])
def test_embeddings_are_told_nothing(given: object) -> None:
    """And are none the worse for it."""
    asked = {"model": "m", "input": given}

    assert sent("/v1/embeddings", asked) == asked
