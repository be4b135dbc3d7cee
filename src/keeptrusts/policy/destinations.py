"""
Where a document sends the secrets that the control plane keeps, and whether they may go there.

A secret goes to the URLs that stand beside its name in the document; where none does, to the provider's own address,
which is no word of the document.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

import yaml

from keeptrusts.policy.providers import KNOWN

_MODERATORS: Final = ("https://api.dynamo.ai", "https://api.lakera.ai")
WELL_KNOWN: Final = frozenset(
    parts.hostname
    for parts in map(urlsplit, (*(one.root for one in KNOWN.values()), *_MODERATORS))
    if parts.scheme == "https" and parts.hostname
)
"""Hosts of known providers: where a secret may go for which no hosts are named."""

_PORTS: Final = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Destination:
    """A stored secret, the URL it would be sent to, and the place of that in the document."""

    secret: str
    url: str
    path: str


def destinations(policy_yaml: str) -> tuple[Destination, ...]:
    """All of a document that lints."""
    return tuple(_within(yaml.safe_load(policy_yaml), ""))


def may_go(url: str, allowed: Sequence[str] | None) -> bool:
    """
    Whether a secret may be sent to this URL.

    Args:
        allowed: `host` for https at its own port, `host:port` for that port alone; None: known providers.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError):
        return False
    host = _shown(parts)
    usual = parts.scheme == "https" and port == _PORTS["https"]
    if allowed is None:
        return usual and host in WELL_KNOWN
    return f"{host}:{port}" in allowed or (usual and host in allowed)


def is_host(text: str) -> bool:
    """Whether it names one host, in lower case, as `may_go` compares it: a pattern would match nothing."""
    if any(sign.isspace() or sign in "/@?#\\%*" for sign in text) or not text.isascii():
        return False
    try:
        parts = urlsplit(f"//{text}")
        port = parts.port
    except ValueError:
        return False
    return text == (_shown(parts) if port is None else f"{_shown(parts)}:{port}") and bool(parts.hostname)


def _shown(parts: SplitResult) -> str:
    name = parts.hostname or ""
    return f"[{name}]" if ":" in name else name


def _within(node: Any, path: str) -> Iterator[Destination]:
    if isinstance(node, Mapping):
        names = [name for value in node.values() if (name := _stored(value))]
        for key, url in _urls(node) if names else ():
            yield from (Destination(name, url, _joined(path, key)) for name in names)
        for key, value in node.items():
            yield from _within(value, _joined(path, str(key)))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _within(value, f"{path}[{index}]")


def _joined(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _stored(value: Any) -> str | None:
    name = value.get("store") if isinstance(value, Mapping) else None
    return name if isinstance(name, str) else None


def _urls(node: Mapping[Any, Any]) -> Iterable[tuple[str, str]]:
    for key, value in node.items():
        if isinstance(value, str) and value.lower().startswith(("http://", "https://")):
            yield str(key), value
