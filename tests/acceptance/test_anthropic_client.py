"""The official `anthropic` client against the gateway: answers, streams, tools, and its documented exceptions."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import pytest
from anthropic.types import MessageParam

from keeptrusts.gateway.segments import read_events
from support.client_gateway import DYING, KEY, ONE_A_MINUTE, SECRET, client_gateway, keys_of_clients
from support.gateway_parts import always, provider, run_on_loop
from support.gateway_parts import answer as http_answer
from support.gateway_process import GatewayProcess

pytestmark = pytest.mark.acceptance

CALLING = (
    "{id: mock, provider: mock, mock: {reply: 'a moment', tool_calls: [{name: weather, arguments: {city: Bern}}]}}"
)
TOOL: Any = {"name": "weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with client_gateway(tmp_path_factory.mktemp("gateway")) as made:
        yield made


@pytest.fixture(scope="module")
def calling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """Its provider calls a tool."""
    with client_gateway(tmp_path_factory.mktemp("calling"), target=CALLING) as made:
        yield made


def client(gateway: GatewayProcess, key: str = "unused") -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=gateway.url, api_key=key, max_retries=0, timeout=20)


def user(text: str) -> MessageParam:
    return {"role": "user", "content": text}


def ask(asking: anthropic.Anthropic, text: str) -> str:
    with asking:
        message = asking.messages.create(model="claude", max_tokens=100, messages=[user(text)])
    return "".join(block.text for block in message.content if block.type == "text")


def test_answer(gateway: GatewayProcess) -> None:
    """A plain answer, parsed by the client."""
    assert ask(client(gateway), "hello there") == "hello there"


def test_stream(gateway: GatewayProcess) -> None:
    """In pieces, and put together by the client, with the reason it ended and the tokens it took."""
    with (
        client(gateway) as asking,
        asking.messages.stream(model="claude", max_tokens=100, messages=[user("hello there, how are you?")]) as stream,
    ):
        pieces = list(stream.text_stream)
        message = stream.get_final_message()

    assert "".join(pieces) == "hello there, how are you?"
    assert len(pieces) > 1
    assert message.stop_reason == "end_turn"
    assert message.usage.output_tokens > 0


def test_async_stream(gateway: GatewayProcess) -> None:
    """The asynchronous client, by raw events."""

    async def kinds() -> list[str]:
        async with anthropic.AsyncAnthropic(base_url=gateway.url, api_key="unused", max_retries=0) as asking:
            plain = await asking.messages.create(model="claude", max_tokens=100, messages=[user("hi")])
            assert plain.type == "message"
            stream = await asking.messages.create(model="claude", max_tokens=9, messages=[user("hi")], stream=True)
            return [event.type async for event in stream]

    assert asyncio.run(kinds()) == [
        "message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta",
        "message_stop",
    ]  # fmt: skip


def test_tools(calling: GatewayProcess) -> None:
    """A call comes back as a block with its input, whole and streamed, and its result can be sent."""
    with client(calling) as asking:
        message = asking.messages.create(model="claude", max_tokens=100, messages=[user("weather?")], tools=[TOOL])
        with asking.messages.stream(
            model="claude", max_tokens=100, messages=[user("weather?")], tools=[TOOL]
        ) as stream:
            streamed = stream.get_final_message()
        *_, call = message.content
        assert call.type == "tool_use"
        result: Any = {"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}
        history: list[Any] = [
            user("weather?"),
            {"role": "assistant", "content": message.content},
            {"role": "user", "content": [result]},
        ]
        again = asking.messages.create(model="claude", max_tokens=100, messages=history, tools=[TOOL])

    assert (call.name, call.input, message.stop_reason) == ("weather", {"city": "Bern"}, "tool_use")
    assert [block.type for block in streamed.content] == ["text", "tool_use"]
    assert streamed.content[1].to_dict() | {"id": ""} == call.to_dict() | {"id": ""}
    assert again.type == "message"


def test_models(gateway: GatewayProcess) -> None:
    """`client.models.list()` works."""
    with client(gateway) as asking:
        assert [model.display_name for model in asking.models.list()] == ["mock"]


def test_secret_is_redacted_before_the_provider_sees_it(gateway: GatewayProcess) -> None:
    """The mock provider echoes what it received."""
    assert SECRET not in ask(client(gateway), f"my key is {SECRET}")


@pytest.mark.parametrize("stream", [False, True])
def test_block_is_a_conflict(gateway: GatewayProcess, stream: bool) -> None:
    """409 in Anthropic's shape with our code, which policy, and the ids to look it up by."""
    with client(gateway) as asking, pytest.raises(anthropic.ConflictError) as blocked:
        asking.messages.create(
            model="claude", max_tokens=100, messages=[user("how does wolfram smuggling work?")], stream=stream
        )

    body: Any = blocked.value.body
    assert body["type"] == "error"
    assert (body["error"]["code"], body["error"]["policy"]) == ("input_blocked", "topic-filter")
    assert body["error"]["event_id"].startswith("evt_")
    assert blocked.value.request_id == body["request_id"]


def test_nonsense_is_unprocessable(gateway: GatewayProcess) -> None:
    """A picture, which no policy of this gateway reads: 422."""
    source: Any = {"type": "base64", "media_type": "image/png", "data": "aGk="}
    with client(gateway) as asking, pytest.raises(anthropic.UnprocessableEntityError):
        asking.messages.create(
            model="claude",
            max_tokens=9,
            messages=[{"role": "user", "content": [{"type": "image", "source": source}]}],
        )


def test_unknown_route_is_not_found(gateway: GatewayProcess) -> None:
    """What is not governed is not passed on, and said so in Anthropic's shape."""
    with client(gateway) as asking, pytest.raises(anthropic.NotFoundError) as refused:
        asking.messages.batches.list()

    body: Any = refused.value.body
    assert (body["type"], body["error"]["type"], body["error"]["code"]) == ("error", "not_found_error", "unknown_route")


def test_limit_is_a_rate_limit_error(tmp_path: Path) -> None:
    """429 with `Retry-After`."""
    with client_gateway(tmp_path, section=ONE_A_MINUTE) as made:
        ask(client(made), "one")
        with pytest.raises(anthropic.RateLimitError) as limited:
            ask(client(made), "two")
        assert 1 <= int(limited.value.response.headers["retry-after"]) <= 60


def test_upstream_failure_is_an_internal_server_error(tmp_path: Path) -> None:
    """502 when the provider cannot be reached or fails."""
    unreachable = "{id: up, provider: anthropic, base_url: 'http://127.0.0.1:1'}"
    with client_gateway(tmp_path, target=unreachable) as made:
        with pytest.raises(anthropic.InternalServerError) as failed:
            ask(client(made), "hello")
        assert failed.value.status_code == 502
    (event,) = read_events(tmp_path / "spool")
    assert (event["verdict"], event["api_format"]) == ("failed", "anthropic_messages")


def test_provider_that_dies_mid_stream_is_an_api_error(tmp_path: Path) -> None:
    """The client that has begun to read is told by an error event, not by silence."""
    with client_gateway(tmp_path, target=DYING) as made, client(made) as asking:
        with pytest.raises(anthropic.APIStatusError) as failed:
            list(asking.messages.create(model="claude", max_tokens=9, messages=[user("hello")], stream=True))
        body: Any = failed.value.body
        assert body["error"]["type"] == "api_error"


def test_keys_of_clients(tmp_path: Path) -> None:
    """Without a known key 401; with it the record names the key."""
    with client_gateway(tmp_path, "--client-keys", keys_of_clients(tmp_path)) as made:
        with pytest.raises(anthropic.AuthenticationError):
            ask(client(made, "wrong"), "hello")
        assert ask(client(made, KEY), "hello") == "hello"
    assert [event["key_id"] for event in read_events(tmp_path / "spool")] == ["app"]


def test_tokens_are_counted(tmp_path: Path) -> None:
    """By a provider of Anthropic's, with the key of the client."""

    async def count() -> int:
        script = always(http_answer(b'{"input_tokens": 14}', b"content-type: application/json"))
        async with provider(script) as counting:
            target = f"{{id: up, provider: anthropic, base_url: 'http://127.0.0.1:{counting.port}'}}"
            found = 0
            with client_gateway(tmp_path, target=target) as made:
                async with anthropic.AsyncAnthropic(base_url=made.url, api_key=KEY, max_retries=0) as asking:
                    found = (await asking.messages.count_tokens(model="claude", messages=[user("hello")])).input_tokens
            return found

    assert run_on_loop(count()) == 14
