"""Links in a text, rules for hosts, and the text of a page."""

from __future__ import annotations

import time

import pytest

from keeptrusts.policy.links import Link, addresses_of, host_rule, is_allowed, links_in, page_texts, read_link


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("no link", []),
        ("http:// is one without a host", ["http://"]),
        ("See https://a.example/x, or HTTP://B.example.", ["https://a.example/x", "HTTP://B.example"]),
        ("(https://a.example/x)!", ["https://a.example/x"]),
        ('<https://a.example/x> "http://b.example"', ["https://a.example/x", "http://b.example"]),
        ("[text](https://a.example/x)", ["https://a.example/x"]),
        ("İhttps://a.example", ["https://a.example"]),
        ("https://a.example/http://b.example", ["https://a.example/http://b.example"]),
    ],
)  # fmt: skip
def test_links_are_found(text: str, links: list[str]) -> None:
    """Without the marks around them."""
    assert list(links_in(text)) == links


@pytest.mark.parametrize(
    ("said", "link"),
    [
        ("https://a.example", Link("https://a.example/", "a.example", 443)),
        ("HTTP://A.Example:8080/x?y=1#z", Link("http://a.example:8080/x?y=1", "a.example", 8080)),
        ("https://a.example./ü%20 x", Link("https://a.example/%C3%BC%20%20x", "a.example", 443)),
        ("http://[::1]:80/", Link("http://[::1]:80/", "::1", 80)),
        ("https://user@a.example/", None),
        ("https://a.example@evil.example/", None),
        ("https://ä.example/", None),
        ("https://a.example:99999/", None),
        ("ftp://a.example/", None),
        ("https:///x", None),
        ("http://[::1/", None),
    ],
)
def test_a_link_is_read_in_one_way(said: str, link: Link | None) -> None:
    """Host and port, and the URL as it is sent; what could be read differently is not followed."""
    assert read_link(said) == link


@pytest.mark.parametrize(
    ("rules", "url", "allowed"),
    [
        (("a.example",), "https://a.example/", True),
        (("A.example",), "http://a.example/", True),
        (("a.example",), "https://b.a.example/", False),
        (("*.a.example",), "https://b.a.example/", True),
        (("*.a.example",), "https://a.example/", False),
        (("*.a.example",), "https://evila.example/", False),
        (("a.example",), "https://a.example:8443/", False),
        (("a.example:8443",), "https://a.example:8443/", True),
        (("a.example:8443",), "https://a.example/", False),
        (("[::1]:8080",), "http://[::1]:8080/", True),
        (("::1",), "http://[::1]/", True),
        ((), "https://a.example/", False),
    ],
)
def test_rules_name_hosts(rules: tuple[str, ...], url: str, *, allowed: bool) -> None:
    """Exactly, or what is below; another port must be named."""
    link = read_link(url)
    assert link is not None
    assert is_allowed(link, rules) is allowed


@pytest.mark.parametrize("rule", ["a.example", "*.a.example:8080", "10.0.0.7", "[::1]:80", "::1", "localhost"])
def test_a_rule_lints(rule: str) -> None:
    """Names and addresses, with or without a port."""
    assert host_rule(rule) is None


@pytest.mark.parametrize(
    "rule", ["https://a.example", "a.example/x", "a.example:http", "*", "*.", "a.example:0", ":80"]
)
def test_what_is_no_rule_does_not(rule: str) -> None:
    """It says how one looks."""
    fault = host_rule(rule)
    assert fault is not None
    assert fault.code == "E003"


def test_addresses_are_those_that_the_rules_name() -> None:
    """And nothing that a name leads to."""
    assert addresses_of(("a.example", "10.0.0.7:8080", "[::1]", "localhost:3000")) == (
        "10.0.0.7", "::1", "127.0.0.1", "::1"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("body", "media_type", "texts"),
    [
        (b"a", "text/plain", ("a",)),
        (b"a", "", None),
        (b"%PDF", "application/pdf", None),
        (b'{"a": 1}', "application/problem+json", ('{"a": 1}',)),
        ("ü".encode("latin-1"), "text/plain; charset=ISO-8859-1", ("ü",)),
        (b"\xff", "text/plain; charset=no-such", ("\ufffd",)),
        (b"<b>a</b>&amp;<!-- x", "text/html; charset=utf-8", ("<b>a</b>&amp;<!-- x", "a&")),
        (b"1 < 2", "text/html", ("1 < 2", "1 ")),
        (b"<" * 50_000, "text/html", ("<" * 50_000, "")),
    ],
)
def test_a_page_says_its_text(body: bytes, media_type: str, texts: tuple[str, ...] | None) -> None:
    """As it is, and without tags; what is not text says nothing that can be judged."""
    assert page_texts(body, media_type) == texts


@pytest.mark.parametrize("charset", ["punycode", "idna", "unicode_escape", "rot13", "\x00", "os"])
def test_a_page_does_not_choose_a_codec_that_is_none_of_pages(charset: str) -> None:
    """It is read as UTF-8; `punycode` would take seconds for what is here."""
    began = time.process_time()
    assert page_texts(b"b9" * 40_000, f"text/plain; charset={charset}") == ("b9" * 40_000,)
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize(
    ("charset", "letter"),
    [("ISO-8859-1", b"\xfc"), ("windows-1252", b"\xfc"), ("utf-16-le", b"\xfc\0"), ("koi8-u", b"\xb6")],
)
def test_a_page_is_read_in_its_own_charset(charset: str, letter: bytes) -> None:
    """By any of the names that its codec has."""
    assert page_texts(letter, f"text/plain; charset={charset}") in {("ü",), ("І",)}
