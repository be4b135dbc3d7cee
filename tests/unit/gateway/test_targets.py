"""How a target is called."""

from __future__ import annotations

from typing import Any

import pytest

from keeptrusts.core.errors import UpstreamUnreachableError
from keeptrusts.core.exchange import Target
from keeptrusts.flow.effects import Headers, OpenUpstream
from keeptrusts.gateway.targets import Route, end_to_end, routes_of
from keeptrusts.policy.compiled import TargetSettings


def route(environment: dict[str, str] | None = None, **settings: Any) -> Route:
    fields: dict[str, Any] = {"base_url": "https://api.example.com", "format": "openai", **settings}
    target = TargetSettings(target=Target(id="t", provider="openai"), **fields)
    return routes_of([target], environment or {})["t"]


def sent(made: Route, *forwarded: tuple[str, str]) -> list[str]:
    asked = OpenUpstream(made.settings.target, "/v1/chat/completions", b"{}", forwarded)
    return made.request(asked).decode().split("\r\n")


def test_request_has_the_key_and_not_the_clients() -> None:
    """The target's own key goes, the client's authorization stays here."""
    made = route({"KEY": "sk-1"}, secret_env="KEY")

    assert sent(made, ("authorization", "Bearer client"), ("x-api-key", "client"), ("openai-beta", "x")) == [
        "POST /v1/chat/completions HTTP/1.1",
        "host: api.example.com",
        "accept-encoding: identity",
        "openai-beta: x",
        "authorization: Bearer sk-1",
        "content-length: 2",
        "",
        "{}",
    ]


def test_clients_key_is_passed_on_when_the_target_has_none() -> None:
    """Without a key of its own, the target gets the client's."""
    assert "authorization: Bearer client" in sent(route(), ("authorization", "Bearer client"))


def test_hop_by_hop_fields_are_dropped() -> None:
    """What is about one connection ends there, also what `connection` names."""
    headers: Headers = (
        ("connection", "close, X-Odd"),
        ("x-odd", "1"),
        ("te", "trailers"),
        ("upgrade", "h2c"),
        ("a", "b"),
    )

    assert end_to_end(headers) == (("a", "b"),)
    lines = sent(route(), *headers, ("host", "evil"), ("content-length", "9"), ("expect", "100-continue"))
    assert [line for line in lines if line.startswith(("host", "content-length", "expect", "connection", "x-odd"))] == [
        "host: api.example.com",
        "content-length: 2",
    ]


def test_key_header_prefix_and_path_are_as_configured() -> None:
    """Anthropic's header, a path below the root, a port."""
    made = route(
        {"KEY": " sk-2\n"},
        base_url="http://10.0.0.1:8000/proxy/",
        secret_env="KEY",
        api_key_header="x-api-key",
        api_key_prefix="",
        headers={"Anthropic-Version": "2023-06-01"},
    )

    assert sent(made, ("anthropic-version", "old"))[:5] == [
        "POST /proxy/v1/chat/completions HTTP/1.1",
        "host: 10.0.0.1:8000",
        "accept-encoding: identity",
        "anthropic-version: 2023-06-01",
        "x-api-key: sk-2",
    ]
    assert (made.origin.host, made.origin.port, made.origin.tls) == ("10.0.0.1", 8000, False)


@pytest.mark.parametrize(
    ("settings", "environment", "words"),
    [
        ({"secret_env": "KEY"}, {}, "set `KEY`"),
        ({"secret_env": "KEY"}, {"KEY": "  "}, "set `KEY`"),
        ({"secret_env": "KEY"}, {"KEY": "a\x00b"}, "not printable"),
        ({"secret_store": "name"}, {}, "kt secret set"),
    ],
)
def test_target_without_its_key_is_unavailable(
    settings: dict[str, str], environment: dict[str, str], words: str
) -> None:
    """It is never called without the key that was meant, and it says what to do."""
    made = route(environment, **settings)

    assert words in made.missing
    with pytest.raises(UpstreamUnreachableError) as refused:
        sent(made, ("authorization", "Bearer client"))
    assert refused.value.code == "credential_missing"


def test_key_is_not_shown() -> None:
    """A route in a log line does not hold the key."""
    assert "sk-1" not in repr(route({"KEY": "sk-1"}, secret_env="KEY"))


@pytest.mark.parametrize("forwarded", [("x", "a\r\nevil: 1"), ("x\nevil", "1")])
def test_line_breaks_cannot_be_smuggled(forwarded: tuple[str, str]) -> None:
    """A field with a line break is a bug of ours and stops here."""
    with pytest.raises(ValueError, match="line break"):
        sent(route(), forwarded)


def test_proxy_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """`HTTPS_PROXY` for TLS, `HTTP_PROXY` in absolute form, `NO_PROXY` for neither."""
    monkeypatch.setenv("https_proxy", "http://user:p%40ss@proxy:3128")
    monkeypatch.setenv("http_proxy", "http://proxy:3128")
    monkeypatch.setenv("no_proxy", "internal")

    tls, plain, direct = (route(base_url=url) for url in ("https://a", "http://b", "http://internal"))
    assert tls.origin.proxy is not None
    assert (tls.origin.proxy.host, tls.origin.proxy.port) == ("proxy", 3128)
    assert tls.origin.proxy.authorization == "Basic dXNlcjpwQHNz"
    assert "ss" not in repr(tls.origin.proxy)
    assert sent(plain)[0] == "POST http://b/v1/chat/completions HTTP/1.1"
    assert direct.origin.proxy is None
