"""Where a webhook may go, however the address is spelled."""

from __future__ import annotations

import asyncio
import ssl

import pytest

from keeptrusts.control.lines import Line
from keeptrusts.control.outbound import OutboundRules, RefusedAddressError
from keeptrusts.control.sending import Sender
from keeptrusts.core.errors import InputError

STRICT = OutboundRules()
INSECURE = OutboundRules(insecure=True)

INSIDE = (
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "169.254.169.254", "169.254.0.1",
    "168.63.129.16",
    "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1",
    "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:0:7f00:1", "64:ff9b::7f00:1",
    "64:ff9b:1::7f00:1", "100::1", "2001::1", "2001:10::1", "2001:db8::1", "2002:7f00:1::", "3fff::1", "5f00::1",
    "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1",
)  # fmt: skip
"""One of each kind that is not the public internet."""
OUTSIDE = ("8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450::1")


class FakeNetwork:
    """Dials nothing; remembers what it was asked to."""

    def __init__(self) -> None:
        self.dialled: list[str] = []

    async def dial(self, address: str, _port: int, _tls: ssl.SSLContext | None, _name: str) -> Line:
        self.dialled.append(address)
        raise ConnectionRefusedError


def attempt(url: str, *answers: list[str], rules: OutboundRules = STRICT) -> tuple[str | None, list[str]]:
    """Post to a URL whose name resolves to these addresses, one list a look-up: the error, and what was dialled."""
    network, left = FakeNetwork(), list(answers)

    async def resolve(host: str, _port: int) -> list[str]:
        return left.pop(0) if left else [host]

    async def go() -> str | None:
        async with Sender(rules, resolve=resolve, dial=network.dial) as sender:
            error = (await sender.post(url, {}, b"{}")).error
            for _ in answers[1:]:
                error = (await sender.post(url, {}, b"{}")).error
            return error

    return asyncio.run(go()), network.dialled


@pytest.mark.parametrize("address", INSIDE)
def test_nothing_inside_is_dialled(address: str) -> None:
    """Neither as an address in the URL nor behind a name."""
    literal = f"[{address}]" if ":" in address else address
    for error, dialled in (attempt(f"https://{literal}/"), attempt("https://name.example/", [address])):
        assert dialled == []
        assert error is not None
        assert "private or special" in error


@pytest.mark.parametrize("address", OUTSIDE)
def test_the_internet_is_dialled(address: str) -> None:
    """By the address that was checked, not by the name."""
    _, dialled = attempt("https://name.example/", [address])
    assert dialled == [address]


@pytest.mark.parametrize(
    "host",
    ["2130706433", "0x7f000001", "017700000001", "127.1", "0x7f.0.0.1", "0177.0.0.1", "127.0.0.1.", "[::1]", "0",
     "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]", "localhost", "3232235777", "0xA9FEA9FE", "169.254.43518"],
)  # fmt: skip
def test_every_spelling_of_an_address(host: str) -> None:
    """Decimal, octal, hexadecimal, short, mapped: refused before anything is looked up."""
    with pytest.raises(RefusedAddressError):
        STRICT.check_url(f"https://{host}/")
    assert attempt(f"https://{host}/", ["8.8.8.8"])[1] == []


def test_one_bad_address_refuses_them_all() -> None:
    """A name that has a public and a private address leads nowhere, in either order."""
    for found in (["8.8.8.8", "10.0.0.1"], ["10.0.0.1", "8.8.8.8"], ["8.8.8.8", "::1"]):
        assert attempt("https://name.example/", found)[1] == []


def test_a_name_that_moves() -> None:
    """What is dialled is what was checked at that very moment: moving the name to the inside leads nowhere."""
    _, dialled = attempt("https://name.example/", ["8.8.8.8"], ["127.0.0.1"], ["8.8.4.4"])
    assert dialled == ["8.8.8.8", "8.8.4.4"]


def test_an_address_with_a_zone_is_refused() -> None:
    """It names an interface of this machine."""
    assert attempt("https://name.example/", ["2606:4700::1111%eth0"])[1] == []
    with pytest.raises(RefusedAddressError):
        STRICT.check_url("https://[fe80::1%25eth0]/")


def test_all_addresses_are_tried() -> None:
    """The next one when one does not answer."""
    error, dialled = attempt("https://name.example/", ["8.8.8.8", "8.8.4.4"])
    assert dialled == ["8.8.8.8", "8.8.4.4"]
    assert error == "no connection could be made to the endpoint"


def test_a_name_without_an_address() -> None:
    """Told as such."""
    assert attempt("https://name.example/", [])[0] == "the name of the endpoint has no address"


def test_the_operator_opens_a_network() -> None:
    """That one and no other; never this machine, which needs its own flag."""
    rules = OutboundRules.read(insecure=False, subnets=["10.1.0.0/16", "fd00::/8", "127.0.0.0/8"])
    assert attempt("https://name.example/", ["10.1.2.3"], rules=rules)[1] == ["10.1.2.3"]
    assert attempt("https://name.example/", ["fd12::1"], rules=rules)[1] == ["fd12::1"]
    for address in ("10.2.0.1", "127.0.0.1", "::1", "169.254.169.254"):
        assert attempt("https://name.example/", [address], rules=rules)[1] == []
    assert attempt("http://10.1.2.3/", rules=rules)[1] == []


def test_a_network_that_is_none() -> None:
    """The operator is told what one looks like."""
    with pytest.raises(InputError, match="`10.20.0.0/16`"):
        OutboundRules.read(insecure=False, subnets=["ten"])


def test_insecure_means_loopback_and_no_more() -> None:
    """Http to this machine; http to anywhere else, or to a name that resolves elsewhere, stays refused."""
    assert attempt("http://127.0.0.1:8000/", rules=INSECURE)[1] == ["127.0.0.1"]
    assert attempt("http://localhost:8000/", ["127.0.0.1", "::1"], rules=INSECURE)[1] == ["127.0.0.1", "::1"]
    assert attempt("http://localhost/", ["8.8.8.8"], rules=INSECURE)[1] == []
    for url in ("http://example.com/", "http://8.8.8.8/", "http://10.0.0.1/", "http://0.0.0.0/", "https://10.0.0.1/"):
        with pytest.raises(RefusedAddressError):
            INSECURE.check_url(url)
    with pytest.raises(RefusedAddressError):
        STRICT.check_url("http://127.0.0.1/")


@pytest.mark.parametrize(
    "url",
    ["", "example.com", "//example.com/", "ftp://example.com/", "file:///etc/passwd", "javascript:alert(1)",
     "https://", "https:///x", "https://user@example.com/", "https://user:pass@example.com/", "https://example.com/#a",
     "https://example.com:0/", "https://example.com:99999/", "https://exa mple.com/", "https://exam\nple.com/",
     "https://127.0.0.1\\@example.com/", "https://" + "a" * 300 + ".com/", "gopher://127.0.0.1:6379/_x"],
)  # fmt: skip
def test_what_is_no_address_of_a_webhook(url: str) -> None:
    """Refused in words that do not repeat it."""
    with pytest.raises(RefusedAddressError) as refused:
        STRICT.check_url(url)
    assert "example" not in str(refused.value).replace("https://example.com/hook", "")


@pytest.mark.parametrize(
    "url", ["https://example.com", "HTTPS://Example.COM:8443/a?b=c", "https://bücher.example/ü", "https://8.8.8.8/x"]
)
def test_what_is_one(url: str) -> None:
    """With a port, a path, a query, a name in any script."""
    assert STRICT.check_url(url).scheme == "https"
