"""The official `openai` client against the gateway: answers, streams, and its documented exceptions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from keeptrusts.gateway.segments import read_events
from support.client_gateway import DYING, KEY, ONE_A_MINUTE, SECRET, client_gateway, keys_of_clients
from support.gateway_process import GatewayProcess

pytestmark = pytest.mark.acceptance


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with client_gateway(tmp_path_factory.mktemp("gateway")) as made:
        yield made


def client(gateway: GatewayProcess, key: str = "unused") -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=key, max_retries=0, timeout=20)


def ask(asking: openai.OpenAI, text: str) -> str | None:
    with asking:
        answer = asking.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": text}])
    return answer.choices[0].message.content


def test_answer(gateway: GatewayProcess) -> None:
    """A plain answer, parsed by the client."""
    assert ask(client(gateway), "hello there") == "hello there"


def test_stream(gateway: GatewayProcess) -> None:
    """The same in pieces, with usage at the end."""
    with client(gateway) as asking:
        stream = asking.chat.completions.create(
            model="gpt-4o",
            messages=[{"role": "user", "content": "hello there, how are you today?"}],
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = list(stream)
    said = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]

    assert "".join(said) == "hello there, how are you today?"
    assert len([piece for piece in said if piece]) > 1
    assert chunks[-1].usage is not None


def test_response(gateway: GatewayProcess) -> None:
    """Responses, whole, and streamed event by event to the same end."""
    with client(gateway) as asking:
        whole = asking.responses.create(model="gpt-4o", input="hello there, how are you?")
        with asking.responses.stream(model="gpt-4o", input="hello there, how are you?") as stream:
            kinds = [event.type for event in stream]
            final = stream.get_final_response()

    assert whole.output_text == final.output_text == "hello there, how are you?"
    assert final.usage is not None
    assert (kinds[0], kinds[-1]) == ("response.created", "response.completed")
    assert kinds.count("response.output_text.delta") > 1


def test_completions_and_embeddings(gateway: GatewayProcess) -> None:
    """A prompt, whole and streamed; vectors of texts; token numbers are refused."""
    with client(gateway) as asking:
        whole = asking.completions.create(model="gpt-4o", prompt="hello there")
        chunks = list(asking.completions.create(model="gpt-4o", prompt="hello there", stream=True))
        vectors = asking.embeddings.create(model="e", input=["a", "b"], encoding_format="float").data
        with pytest.raises(openai.UnprocessableEntityError):
            asking.embeddings.create(model="e", input=[1, 2, 3])
        with pytest.raises(openai.ConflictError):
            asking.embeddings.create(model="e", input="wolfram smuggling")

    assert whole.choices[0].text == "".join(chunk.choices[0].text for chunk in chunks) == "hello there"
    assert [len(one.embedding) for one in vectors] == [8, 8]


def test_blocks_of_responses(gateway: GatewayProcess) -> None:
    """409 when a policy objects; 422 for what the provider has stored and no policy sees."""
    with client(gateway) as asking:
        with pytest.raises(openai.ConflictError):
            asking.responses.create(model="gpt-4o", input="wolfram smuggling", stream=True)
        with pytest.raises(openai.UnprocessableEntityError) as refused:
            asking.responses.create(model="gpt-4o", input="and then?", previous_response_id="resp_1")
    assert "`previous_response_id`" in refused.value.message


def test_secret_is_redacted_before_the_provider_sees_it(gateway: GatewayProcess) -> None:
    """The mock provider echoes what it received."""
    assert SECRET not in str(ask(client(gateway), f"my key is {SECRET}"))


def test_models(gateway: GatewayProcess) -> None:
    """`client.models.list()` works."""
    with client(gateway) as asking:
        assert [model.id for model in asking.models.list()]


def test_block_is_a_conflict(gateway: GatewayProcess) -> None:
    """409 with our code, which policy, and the ids to look it up by."""
    with pytest.raises(openai.ConflictError) as blocked:
        ask(client(gateway), "how does wolfram smuggling work?")

    assert blocked.value.status_code == 409
    assert blocked.value.code == "input_blocked"
    body = blocked.value.body
    assert isinstance(body, dict)
    assert body["policy"] == "topic-filter"
    assert body["event_id"].startswith("evt_")
    assert blocked.value.request_id == body["request_id"]


def test_block_of_a_streamed_request_is_a_conflict(gateway: GatewayProcess) -> None:
    """Before a stream has begun, a block is the same exception."""
    with client(gateway) as asking, pytest.raises(openai.ConflictError):
        asking.chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": "wolfram smuggling"}], stream=True
        )


def test_nonsense_is_unprocessable(gateway: GatewayProcess) -> None:
    """A body that is not what it claims to be: 422."""
    with client(gateway) as asking, pytest.raises(openai.UnprocessableEntityError):
        asking.post("/chat/completions", cast_to=object, content=b'{"model": "gpt-4o", "messages": \xff}')


def test_unknown_route_is_not_found(gateway: GatewayProcess) -> None:
    """What is not governed is not passed on."""
    with client(gateway) as asking, pytest.raises(openai.NotFoundError) as refused:
        asking.files.list()

    assert refused.value.code == "unknown_route"


def test_limit_is_a_rate_limit_error(tmp_path: Path) -> None:
    """429 with `Retry-After`."""
    with client_gateway(tmp_path, section=ONE_A_MINUTE) as made:
        ask(client(made), "one")
        with pytest.raises(openai.RateLimitError) as limited:
            ask(client(made), "two")
        assert 1 <= int(limited.value.response.headers["retry-after"]) <= 60


def test_upstream_failure_is_an_internal_server_error(tmp_path: Path) -> None:
    """502 when the provider cannot be reached or fails."""
    unreachable = "{id: up, provider: openai-compatible, base_url: 'http://127.0.0.1:1'}"
    with client_gateway(tmp_path, target=unreachable) as made:
        with pytest.raises(openai.InternalServerError) as failed:
            ask(client(made), "hello")
        assert failed.value.status_code == 502
    events = list(read_events(tmp_path / "spool"))
    assert [event["verdict"] for event in events] == ["failed"]


def test_provider_that_dies_mid_stream_is_an_api_error(tmp_path: Path) -> None:
    """The client that has begun to read is told by an error event, not by silence."""
    with client_gateway(tmp_path, target=DYING) as made, client(made) as asking, pytest.raises(openai.APIError):
        list(
            asking.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "hello"}], stream=True)
        )


def test_keys_of_clients(tmp_path: Path) -> None:
    """Without a known key 401; with it the record names the key."""
    with client_gateway(tmp_path, "--client-keys", keys_of_clients(tmp_path)) as made:
        with pytest.raises(openai.AuthenticationError) as refused:
            ask(client(made, "wrong"), "hello")
        assert refused.value.code == "invalid_api_key"
        assert ask(client(made, KEY), "hello") == "hello"
    assert [event["key_id"] for event in read_events(tmp_path / "spool")] == ["app"]
