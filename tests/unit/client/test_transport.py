"""Addresses, credentials and proxies, before anything is sent."""

from __future__ import annotations

import pytest

from keeptrusts.client import Client
from keeptrusts.client.transport import HttpTransport, read_base_url
from keeptrusts.core.errors import InputError

TOKEN = "kt_key_0123_verysecret"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("https://kt.example.com/", "https://kt.example.com"),
        ("https://kt.example.com/v1", "https://kt.example.com"),
        ("https://kt.example.com/v1/", "https://kt.example.com"),
        (" https://example.com/keeptrusts/ ", "https://example.com/keeptrusts"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_an_address_is_taken_as_people_write_it(text: str, url: str) -> None:
    """With or without a slash or `/v1` at its end."""
    assert read_base_url(text) == url


@pytest.mark.parametrize(
    "text", ["", "kt.example.com", "ftp://x", "http://", "http://x:99999", "http://[::1", "https://:443"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    """The message shows what one looks like."""
    with pytest.raises(InputError, match="must look like"):
        read_base_url(text)


@pytest.mark.parametrize("text", ["https://user:pass@x", "https://x?key=1", "https://x#y", "https://user@x"])
def test_an_address_holds_no_credential(text: str) -> None:
    """A password in an address would end in logs."""
    with pytest.raises(InputError, match="no user, query or fragment") as caught:
        read_base_url(text)
    assert "pass" not in str(caught.value)


@pytest.mark.parametrize("token", [f"{TOKEN}\n", f"{TOKEN} x", "schlüssel", f"{TOKEN}\x00"])
def test_a_key_that_cannot_be_one_is_refused_unseen(token: str) -> None:
    """A line break in a key is no second header, and no message holds the key."""
    with pytest.raises(InputError, match="copy it again") as caught:
        Client("http://127.0.0.1:1", token)
    assert "verysecret" not in str(caught.value)


def test_no_repr_holds_the_key() -> None:
    """Neither a client nor its parts show it."""
    client = Client("http://127.0.0.1:1", TOKEN)
    shown = [repr(client), *(repr(value) for value in vars(client).values())]
    assert not [text for text in shown if "verysecret" in text]


def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """But never for this machine, nor for what NO_PROXY names."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "inside.example")
    assert proxy("https://outside.example") == "http://proxy.example:3128"
    assert proxy("https://kt.inside.example") is None
    assert [proxy(f"http://{host}:80") for host in ("127.0.0.1", "localhost", "[::1]")] == [None, None, None]


def proxy(url: str) -> str | None:
    transport = HttpTransport(url, TOKEN, timeout_seconds=1, user_agent="test")
    found = transport._pool.proxy
    return found.url if found is not None else None


@pytest.mark.parametrize("ca", ["/nowhere/ca.pem", "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----"])
def test_a_certificate_that_is_none_is_refused(ca: str) -> None:
    """Never the system's authorities in place of those that were named."""
    with pytest.raises(InputError, match="PEM text or the path"):
        Client("https://127.0.0.1:1", TOKEN, ca_certificate=ca)
