"""Links in a text, the hosts that a document allows, and what a fetched page says."""

from __future__ import annotations

import html
import ipaddress
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from encodings.aliases import aliases
from typing import Final
from urllib.parse import quote, urlsplit

from keeptrusts.policy.schema import Fault

_BEGINNING: Final = re.compile("https?://", re.IGNORECASE | re.ASCII)
_ENDS: Final = frozenset("<>\"'`{}|\\^")
_TRAILING: Final = ".,;:!?)]*_~"
_LONGEST: Final = 2_000
_PORTS: Final = {"http": 80, "https": 443}
_KEPT: Final = "/:@!$&'()*+,;=-._~%"
"""What stays as it is in a path (RFC 3986, 3.3); what is quoted already is not quoted again."""
_TEXTS: Final = frozenset({"application/json", "application/xml", "application/xhtml+xml", "application/yaml"})
_FAMILIES: Final = (
    "utf_8", "utf_16", "utf_32", "ascii", "latin_1", "iso8859", "cp", "mac_", "koi8", "kz1048", "tis_620", "gb", "hz",
    "big5", "euc_", "shift_jis", "iso2022_", "johab",
)  # fmt: skip
_CODECS: Final = frozenset(name for name in (*aliases.values(), "cp874", "koi8_u") if name.startswith(_FAMILIES))
"""For text of the web. Others are of no page: `punycode` takes the square of a text's length."""
_HOST: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-_")


def links_in(text: str) -> Iterator[str]:
    """Every `http` and `https` link, from the left."""
    past = 0
    for found in _BEGINNING.finditer(text):
        start = end = found.start()
        if start < past:
            continue
        while end < len(text) and end - start < _LONGEST and not (text[end].isspace() or text[end] in _ENDS):
            end += 1
        past = end
        yield text[start:end].rstrip(_TRAILING)


@dataclass(frozen=True, slots=True)
class Link:
    """A link that may be followed. `url` is as it is sent."""

    url: str
    host: str
    port: int


def read_link(text: str) -> Link | None:
    """A link without a user in it; None when it cannot be followed."""
    try:
        parts = urlsplit(text)
        port = parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError):
        return None
    host = (parts.hostname or "").rstrip(".")
    if not host or "@" in parts.netloc or not host.isascii():
        return None
    shown = f"[{host}]" if ":" in host else host
    place = shown if parts.port is None else f"{shown}:{port}"
    path = quote(parts.path or "/", safe=_KEPT)
    query = f"?{quote(parts.query, safe=_KEPT + '?')}" if parts.query else ""
    return Link(f"{parts.scheme}://{place}{path}{query}", host, port)


def is_allowed(link: Link, rules: Iterable[str]) -> bool:
    """Whether a rule names its host: `example.com`, `*.example.com` for those below it, either with `:port`."""
    return any(_allows(rule.lower(), link) for rule in rules)


def _allows(rule: str, link: Link) -> bool:
    name, port = split_rule(rule)
    if port is None and link.port not in _PORTS.values():
        return False
    if port is not None and link.port != port:
        return False
    return link.host.endswith(name[1:]) if name.startswith("*.") else link.host == name


def split_rule(rule: str) -> tuple[str, int | None]:
    """Host and port of a rule."""
    name, colon, port = rule.rpartition(":")
    if colon and port.isdecimal() and (":" not in name or name.endswith("]")):
        return name.strip("[]"), int(port)
    return rule.strip("[]"), None


def host_rule(text: str) -> Fault | None:
    """A rule for hosts that lints."""
    name, port = split_rule(text.lower())
    bare = name.removeprefix("*.")
    if bare and (_HOST.issuperset(bare) or addresses_of((f"[{bare}]",))) and (port is None or 0 < port < 65_536):
        return None
    hint = "write `example.com`, `*.example.com` or `example.com:8080`"
    return Fault("E003", (), f"`{text[:60]}` is not a host", hint)


def addresses_of(rules: Iterable[str]) -> tuple[str, ...]:
    """Addresses that the rules name themselves: those may be dialled although they are not of the internet."""
    found: list[str] = []
    for rule in rules:
        name = split_rule(rule.lower())[0]
        if name == "localhost":
            found += ("127.0.0.1", "::1")
            continue
        try:
            found.append(str(ipaddress.ip_address(name)))
        except ValueError:
            continue
    return tuple(found)


def page_texts(body: bytes, media_type: str) -> tuple[str, ...] | None:
    """
    What a page says: as it is, and without its tags when it is HTML. None when it is not text.

    Comments and attributes are part of it as it is; a word that tags cut in two is whole without them.
    """
    bare, _, parameters = media_type.partition(";")
    name = bare.strip().lower()
    if not (name.startswith("text/") or name in _TEXTS or name.endswith(("+json", "+xml"))):
        return None
    source = _decoded(body, parameters)
    if "html" not in name:
        return (source,)
    return source, html.unescape("".join(_between_tags(source)))


def _decoded(body: bytes, parameters: str) -> str:
    named = [part.partition("=") for part in parameters.lower().split(";")]
    charset = next((value.strip(" \"'") for name, _, value in named if name.strip() == "charset"), "utf-8")
    named_so = charset.replace("-", "_")
    codec = aliases.get(named_so, named_so)  # no look-up: Python remembers every name that it looked for
    try:
        return body.decode(codec if codec in _CODECS else "utf-8", "replace")
    except ValueError:
        return body.decode("utf-8", "replace")


def _between_tags(source: str) -> Iterator[str]:
    at = 0
    while (start := source.find("<", at)) >= 0:
        yield source[at:start]
        end = source.find(">", start)
        if end < 0:
            return
        at = end + 1
    yield source[at:]
