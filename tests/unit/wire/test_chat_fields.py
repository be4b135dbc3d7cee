"""Fields of a chat request on their way to Anthropic's and Amazon's forms: carried, left out, or refused by name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from keeptrusts.core.errors import UnreadableError
from keeptrusts.wire.dialects import CHAT, bridge_to

PROVIDERS = ("anthropic", "bedrock")
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}


def sent(provider: str, **fields: Any) -> dict[str, Any]:
    """What the provider is asked, beyond what it is always asked."""
    asked = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    bridge = bridge_to(CHAT, provider, provider)
    assert bridge is not None
    plain, told = (json.loads(bridge.request(json.dumps(one).encode())) for one in (asked, asked | fields))
    return {name: value for name, value in told.items() if plain.get(name) != value}


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    "fields",
    [
        {"n": 1},
        {"frequency_penalty": 0, "presence_penalty": 0.0},
        {"logprobs": False, "top_logprobs": 0, "logit_bias": {}},
        {"response_format": {"type": "text"}, "modalities": ["text"]},
        {"tools": [], "functions": [], "reasoning_effort": None},
        {"parallel_tool_calls": False, "tool_choice": "none"},
        {"store": True, "metadata": {"a": "b"}, "seed": 7, "service_tier": "flex"},
        {"prompt_cache_key": "k", "safety_identifier": "s", "stream_options": {"include_usage": True}},
    ],
)
def test_what_asks_for_nothing_is_left_out(provider: str, fields: dict[str, Any]) -> None:
    """Defaults that a client writes out, and hints; the request is the same with them as without."""
    assert sent(provider, **fields) == {}


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"n": 2}, "`n`"),
        ({"n": True}, "`n`"),
        ({"logprobs": True}, "`logprobs`"),
        ({"logprobs": 0}, "`logprobs`"),
        ({"presence_penalty": 0.5}, "`presence_penalty`"),
        ({"modalities": ["text", "audio"]}, "`modalities`"),
        ({"verbosity": "low"}, "`verbosity`"),
        ({"prediction": {"type": "content", "content": "x"}}, "`prediction`"),
        ({"web_search_options": {}}, "`web_search_options`"),
        ({"something_new": 1}, "`something_new`"),
        ({"functions": [{"name": "f"}]}, "send `tools`"),
        ({"messages": [{"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}}]}, "`tool_calls`"),
        ({"messages": [{"role": "function", "name": "f", "content": "x"}]}, "`tool_calls`"),
        ({"response_format": {"type": "json_object"}, "tools": [{"type": "function"}]}, "`json_schema`"),
        ({"response_format": {"type": "grammar"}}, "`json_schema`"),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "a"}}}, "`json_schema`"),
    ],
)
def test_what_has_no_word_there_is_refused_by_name(provider: str, fields: dict[str, Any], told: str) -> None:
    """And where there is another way to say it, that is named."""
    with pytest.raises(UnreadableError, match=told):
        sent(provider, **fields)


@pytest.mark.parametrize(
    ("effort", "anthropic", "bedrock"),
    [
        ("minimal", "low", "low"),
        ("low", "low", "low"),
        ("medium", "medium", "medium"),
        ("high", "high", "high"),
        ("xhigh", "xhigh", "xhigh"),
        ("max", "max", "max"),
    ],
)
def test_effort(effort: str, anthropic: str, bedrock: str) -> None:
    """How hard to think, in the words that both have for it."""
    assert sent("anthropic", reasoning_effort=effort) == {"output_config": {"effort": anthropic}}
    assert sent("bedrock", reasoning_effort=effort) == {"outputConfig": {"effort": bedrock}}


def test_no_effort() -> None:
    """Anthropic's models are told not to think; Converse has no word for that."""
    form = {"type": "json_schema", "json_schema": {"name": "place", "schema": SCHEMA}}

    assert sent("anthropic", reasoning_effort="none") == {"thinking": {"type": "disabled"}}
    assert sent("anthropic", reasoning_effort="none", response_format=form)["output_config"].keys() == {"format"}
    with pytest.raises(UnreadableError, match="`reasoning_effort`"):
        sent("bedrock", reasoning_effort="none")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_effort_that_nobody_knows(provider: str) -> None:
    """It is not passed on as another one."""
    with pytest.raises(UnreadableError):
        sent(provider, reasoning_effort="endless")


def test_a_schema() -> None:
    """The answer's form; what it is for is told with it, where that can be said."""
    described = {"name": "place", "description": "where it is", "schema": SCHEMA, "strict": True}
    form = {"type": "json_schema", "json_schema": described}
    told = sent("bedrock", response_format=form)["outputConfig"]["textFormat"]

    assert sent("anthropic", response_format=form, reasoning_effort="low") == {
        "output_config": {
            "format": {"type": "json_schema", "schema": {"description": "where it is", **SCHEMA}},
            "effort": "low",
        }
    }
    assert json.loads(told["structure"]["jsonSchema"].pop("schema")) == SCHEMA
    assert told == {
        "type": "json_schema",
        "structure": {"jsonSchema": {"name": "place", "description": "where it is"}},
    }


def test_a_tool_that_is_strict() -> None:
    """Its arguments keep the schema, at Anthropic's too."""
    tool = {"type": "function", "function": {"name": "f", "parameters": SCHEMA, "strict": True}}

    assert sent("anthropic", tools=[tool])["tools"] == [{"name": "f", "input_schema": SCHEMA, "strict": True}]
