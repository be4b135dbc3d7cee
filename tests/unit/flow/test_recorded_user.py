"""The `user` of a request is a text like any other: the record names it only as far as the policies let it be said."""

from __future__ import annotations

import json
from typing import Any

import pytest

from keeptrusts.policy.document import compile_document
from support.flows import Provider, Seen, answer, play
from support.policy_cases import document

TARGET = {"id": "main", "provider": "openai:chat:m", "secret_key_ref": {"env": "KEY"}}
ADDRESS = "ada@example.com"


def asked_by(user: str, blocks: dict[str, Any]) -> Seen:
    policy = compile_document(document(blocks, providers={"targets": [TARGET]}))
    body = {"model": "m", "user": user, "messages": [{"role": "user", "content": "hello"}]}
    return play(policy, json.dumps(body).encode(), Provider([answer("hi")]))


@pytest.mark.parametrize(
    ("blocks", "recorded"),
    [
        ({"pii-detector": {}}, "[EMAIL]"),
        ({"pii-detector": {"action": "block"}}, "[email]"),
        ({"audit-logger": {"content": "digest"}, "pii-detector": {}}, "[EMAIL]"),
        ({"audit-logger": {"content": "full"}, "pii-detector": {}}, ADDRESS),
        ({"audit-logger": {}}, ADDRESS),
    ],
)
def test_an_address_as_user(blocks: dict[str, Any], recorded: str) -> None:
    """Redacted or refused, it stands nowhere in the record, unless the record is to keep everything."""
    record = asked_by(ADDRESS, blocks).record

    assert record.user_id == recorded
    if recorded != ADDRESS:
        assert ADDRESS not in json.dumps(record.as_event())


def test_a_plain_user_stays() -> None:
    """An id is what the field is for."""
    assert asked_by("u-17", {"pii-detector": {}}).record.user_id == "u-17"
