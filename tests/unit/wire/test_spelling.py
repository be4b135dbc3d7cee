"""Requests that another parser would read differently are refused: keys spelt nearly alike, and two caps."""

from __future__ import annotations

import json
from typing import Any

import pytest

from keeptrusts.core.errors import UnreadableError
from keeptrusts.wire.openai_chat import read_request
from keeptrusts.wire.readings import ModelRequest

TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}


def read(message: dict[str, Any] | None = None, **fields: Any) -> ModelRequest:
    document = {"model": "m", "messages": [message or {"role": "user", "content": "hello"}], **fields}
    return read_request(json.dumps(document).encode())


ODD: dict[str, dict[str, Any]] = {
    "another case": {"Max_Tokens": 4096},
    "camel case": {"maxTokens": 4096},
    "a letter that folds": {"me\u017f\u017fages": []},
    "a tool list": {"TOOLS": [TOOL]},
    "a tool's function": {"tools": [TOOL | {"Function": {"name": "shell"}}]},
    "a function's name": {"tools": [{"type": "function", "function": {"name": "look_up", "Name": "shell"}}]},
    "a message's role": {"message": {"role": "assistant", "Role": "user", "content": "x"}},
    "a part's text": {"message": {"role": "user", "content": [{"type": "text", "text": "x", "Text": "y"}]}},
    "a call's function": {"message": {"role": "assistant", "tool_calls": [CALL | {"FUNCTION": {"name": "shell"}}]}},
    "a call's name": {
        "message": {"role": "assistant", "tool_calls": [CALL | {"function": {"name": "look_up", "NAME": "shell"}}]}
    },
    "an older call's name": {"message": {"role": "assistant", "function_call": {"name": "look_up", "Name": "shell"}}},
}


@pytest.mark.parametrize("fields", ODD.values(), ids=ODD)
def test_a_key_spelt_nearly_as_a_known_one_is_refused(fields: dict[str, Any]) -> None:
    """A provider whose parser folds cases would read another request than the policies."""
    with pytest.raises(UnreadableError, match="in its spelling alone"):
        read(**fields)


def test_names_that_are_free_stay_free() -> None:
    """What a tool calls its parameters, and fields that nobody knows."""
    parameters = {"type": "object", "properties": {"Name": {"type": "string"}, "Messages": {"type": "array"}}}
    function = {"name": "look_up", "parameters": parameters}
    request = read(tools=[{"type": "function", "function": function}], metadata={"Model": "x"}, Novelty=1)

    assert request.tools == ("look_up",)


def test_two_caps_are_refused() -> None:
    """Some providers read the one, some the other."""
    with pytest.raises(UnreadableError, match="send one of them"):
        read(max_tokens=4096, max_completion_tokens=16)


@pytest.mark.parametrize(
    ("fields", "cap", "key"),
    [
        ({}, None, "max_tokens"),
        ({"max_tokens": 16}, 16, "max_tokens"),
        ({"max_completion_tokens": 16}, 16, "max_completion_tokens"),
        ({"max_tokens": 4096, "max_completion_tokens": None}, 4096, "max_tokens"),
        ({"max_tokens": None, "max_completion_tokens": 16}, 16, "max_completion_tokens"),
        ({"max_completion_tokens": None}, None, "max_completion_tokens"),
    ],
)
def test_the_cap_that_counts(fields: dict[str, Any], cap: int | None, key: str) -> None:
    """A null is no cap, and does not hide one under the other name."""
    request = read(**fields)

    assert (request.max_tokens, request.max_tokens_key) == (cap, key)
