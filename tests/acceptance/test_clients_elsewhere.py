"""The official clients, blocking and asynchronous, whole and streamed, with tools, at providers of every form."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest
import urllib3
from pydantic import BaseModel, ValidationError

from support.gateway_process import GatewayProcess, gateway_process
from support.recorded_provider import RecordedProvider, recorded_provider

pytestmark = pytest.mark.acceptance

POLICY = """\
pack: {{name: elsewhere, version: 1.0.0, enabled: true}}
policies: {{chain: [secret-scanner, audit-logger]}}
policy: {{secret-scanner: {{action: block}}, audit-logger: {{}}}}
providers:
  targets:
    - {{id: openai, provider: groq, base_url: "{url}", secret_key_ref: {{env: KEY}}, model: o}}
    - {{id: anthropic, provider: anthropic, base_url: "{url}", secret_key_ref: {{env: KEY}}, model: a}}
    - {{id: bedrock, provider: bedrock, base_url: "{url}", secret_key_ref: {{env: KEY}}, model: b,
       aws_region: eu-west-1}}
model_groups:
  - {{name: at-openai, targets: [openai]}}
  - {{name: at-anthropic, targets: [anthropic]}}
  - {{name: at-bedrock, targets: [bedrock]}}
"""
GROUPS = ("at-openai", "at-anthropic", "at-bedrock")
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
FUNCTION: Any = {"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}
RESPONSES_FUNCTION: Any = {"type": "function", "name": "weather", "parameters": SCHEMA, "strict": False}
TOOL: Any = {"name": "weather", "input_schema": SCHEMA}
ASKED: Any = {"role": "user", "content": "what is the weather in Bern and in Zürich?"}
CALLED = [("weather", {"city": "Bern"}), ("weather", {"city": "Zürich"})]
SAID = ("A moment.", "Looking it up.")


class Place(BaseModel):
    city: str


@pytest.fixture(scope="module")
def provider() -> Iterator[RecordedProvider]:
    with recorded_provider() as made:
        yield made


@pytest.fixture(scope="module")
def gateway(provider: RecordedProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    folder = tmp_path_factory.mktemp("elsewhere")
    path = folder / "policy.yaml"
    path.write_text(POLICY.format(url=provider.url), encoding="utf-8")
    with gateway_process("--policy-config", path, "--spool-dir", folder / "spool", KEY="AKID:secret") as made:
        made.wait_until_ready()
        yield made


@pytest.fixture
def openai_client(gateway: GatewayProcess) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="unused", max_retries=0, timeout=20) as made:
        yield made


@pytest.fixture
def anthropic_client(gateway: GatewayProcess) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=gateway.url, api_key="unused", max_retries=0, timeout=20) as made:
        yield made


def calls_of(message: Any) -> list[tuple[str, Any]]:
    return [(one.function.name, json.loads(one.function.arguments)) for one in message.tool_calls]


@pytest.mark.parametrize("group", GROUPS)
def test_chat(openai_client: openai.OpenAI, provider: RecordedProvider, group: str) -> None:
    """Both calls come whole and streamed alike, with the counts that were asked for; their results can be sent."""
    completions = openai_client.chat.completions
    whole = completions.create(model=group, messages=[ASKED], tools=[FUNCTION])
    with completions.stream(
        model=group, messages=[ASKED], tools=[FUNCTION], stream_options={"include_usage": True}
    ) as stream:
        streamed = stream.get_final_completion()
    message = whole.choices[0].message
    results: list[Any] = [
        {"role": "tool", "tool_call_id": one.id, "content": "sunny"} for one in message.tool_calls or ()
    ]
    completions.create(model=group, messages=[ASKED, message.to_dict(), *results], tools=[FUNCTION])  # type: ignore[list-item]

    assert message.content == streamed.choices[0].message.content
    assert message.content in SAID
    assert calls_of(message) == calls_of(streamed.choices[0].message) == CALLED
    assert whole.created == pytest.approx(streamed.created, abs=60)
    assert (whole.choices[0].finish_reason, streamed.choices[0].finish_reason) == ("tool_calls", "tool_calls")
    assert whole.usage is not None
    assert streamed.usage is not None
    assert whole.usage.total_tokens == streamed.usage.total_tokens > 0
    assert json.dumps(provider.asked[-1][1]).count("sunny") == 2


@pytest.mark.parametrize("group", GROUPS)
def test_the_asynchronous_client(gateway: GatewayProcess, group: str) -> None:
    """Ten at a time, whole and chunk by chunk; the last chunk has the counts and no choice."""

    async def asked() -> tuple[list[Any], list[Any]]:
        async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key="x", max_retries=0) as asking:
            one = asking.chat.completions.create
            whole = await asyncio.gather(*(one(model=group, messages=[ASKED], tools=[FUNCTION]) for _ in range(10)))
            options: Any = {"include_usage": True}
            stream = await one(model=group, messages=[ASKED], tools=[FUNCTION], stream=True, stream_options=options)
            return whole, [chunk async for chunk in stream]

    whole, chunks = asyncio.run(asked())

    assert all(calls_of(one.choices[0].message) == CALLED for one in whole)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) in SAID
    assert chunks[-1].choices == []
    assert chunks[-1].usage.total_tokens > 0
    assert all(chunk.usage is None for chunk in chunks[:-1])


@pytest.mark.parametrize("group", GROUPS)
def test_responses(openai_client: openai.OpenAI, group: str) -> None:
    """The same by the newer form, with reasoning where the model tells it."""
    asked: Any = {"model": group, "input": "weather?", "tools": [RESPONSES_FUNCTION], "reasoning": {"effort": "low"}}
    whole = openai_client.responses.create(**asked)
    with openai_client.responses.stream(**asked) as stream:
        kinds = [event.type for event in stream]
        streamed = stream.get_final_response()

    both: tuple[Any, ...] = (whole, streamed)
    for response in both:
        called = [(one.name, json.loads(one.arguments)) for one in response.output if one.type == "function_call"]
        assert (called, response.status) == (CALLED, "completed")
        assert response.output_text in SAID
        assert response.usage is not None
    assert kinds[-1] == "response.completed"


@pytest.mark.parametrize("group", GROUPS)
def test_messages(anthropic_client: anthropic.Anthropic, provider: RecordedProvider, group: str) -> None:
    """Anthropic's client gets both calls as blocks, whole and streamed alike; their results can be sent."""
    asked: Any = {"model": group, "max_tokens": 100, "tools": [TOOL]}
    whole = anthropic_client.messages.create(messages=[ASKED], **asked)
    with anthropic_client.messages.stream(messages=[ASKED], **asked) as stream:
        streamed = stream.get_final_message()
    calls = [one for one in whole.content if one.type == "tool_use"]
    results = [{"type": "tool_result", "tool_use_id": one.id, "content": "sunny"} for one in calls]
    history: list[Any] = [ASKED, {"role": "assistant", "content": whole.content}, {"role": "user", "content": results}]
    anthropic_client.messages.create(messages=history, **asked)

    assert [(one.name, one.input) for one in calls] == CALLED
    assert [(one.name, one.input) for one in streamed.content if one.type == "tool_use"] == CALLED
    assert [one.type for one in whole.content] == [one.type for one in streamed.content]
    assert (whole.stop_reason, streamed.stop_reason) == ("tool_use", "tool_use")
    assert whole.usage.output_tokens == streamed.usage.output_tokens > 0
    assert json.dumps(provider.asked[-1][1]).count("sunny") == 2


def processed(gateway: GatewayProcess) -> int:
    count: int = urllib3.request("GET", f"{gateway.url}/health").json()["requests_processed"]
    return count


def test_a_refusal_is_not_repeated(gateway: GatewayProcess) -> None:
    """By clients as they come, which repeat a 409 and any 5xx unless they are told not to: it would only cost again."""
    before = processed(gateway)
    refused: Any = {"role": "user", "content": "my key is AKIAQ3ERTY7UI2OPASDF"}
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="x") as asking, pytest.raises(openai.ConflictError):
        asking.chat.completions.create(model="at-openai", messages=[refused])
    with anthropic.Anthropic(base_url=gateway.url, api_key="x") as told, pytest.raises(anthropic.ConflictError):
        told.messages.create(model="at-anthropic", max_tokens=9, messages=[refused])

    assert processed(gateway) - before == 2


@pytest.mark.parametrize(
    ("group", "name"),
    [("at-openai", "response_format"), ("at-anthropic", "output_config"), ("at-bedrock", "outputConfig")],
)
def test_a_schema_reaches_the_provider(
    openai_client: openai.OpenAI, provider: RecordedProvider, group: str, name: str
) -> None:
    """As the client writes it for a class of Python; this provider does not keep it, so the client objects."""
    with pytest.raises(ValidationError):
        openai_client.chat.completions.parse(model=group, messages=[ASKED], response_format=Place)

    assert '"title' in json.dumps(provider.asked[-1][1][name])
