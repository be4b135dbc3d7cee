"""The sections that say from where the gateway may be called: addresses, and pages of browsers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from keeptrusts.policy.checks import header_name
from keeptrusts.policy.schema import Attr, Block, Fault

_METHODS = frozenset({"GET", "POST", "OPTIONS", "HEAD", "PUT", "PATCH", "DELETE"})
EXPOSED = (
    "x-request-id", "x-keeptrusts-event-id", "x-keeptrusts-verdict", "x-keeptrusts-config", "x-keeptrusts-overhead-ms",
    "retry-after", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "ratelimit-policy",
)  # fmt: skip


def cidr(text: str) -> Fault | None:
    """A network as `10.0.0.0/8`, or one address."""
    import ipaddress

    try:
        ipaddress.ip_network(text)
    except ValueError:
        try:
            wider = ipaddress.ip_network(text, strict=False)
        except ValueError:
            return Fault("E003", (), f"`{text[:60]}` is not a network", "write it like `10.0.0.0/8` or `2001:db8::/32`")
        return Fault("E003", (), f"`{text}` names an address inside of a network", f"write `{wider}`")
    return None


def origin(text: str) -> Fault | None:
    """`*`, or scheme, host and port as a browser sends them."""
    from urllib.parse import urlsplit

    if text == "*":
        return None
    try:
        parts = urlsplit(text)
        named = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        sound = named and text == f"{parts.scheme}://{parts.netloc}" and "@" not in text and text == text.lower()
    except ValueError:
        sound = False
    hint = "write it like `https://app.example.com`, without a path, or `*`"
    return None if sound else Fault("E003", (), f"`{text[:60]}` is not an origin", hint)


def method(text: str) -> Fault | None:
    """As HTTP spells it."""
    return None if text in _METHODS else Fault("E003", (), f"`{text[:60]}` is not a method", "write it like `POST`")


@dataclass(frozen=True, slots=True)
class IpAllowlist(Block):
    cidrs: Annotated[
        tuple[Annotated[str, Attr(check=cidr)], ...],
        Attr("Networks, or single addresses.", minimum=1, maximum=10_000, stronger="fewer"),
    ]
    enabled: Annotated[bool, Attr("False: every address is served.", stronger="on")] = True
    trust_proxy_depth: Annotated[
        int, Attr("Proxies before us whose `x-forwarded-for` counts.", minimum=0, maximum=10, stronger="unclear")
    ] = 0


@dataclass(frozen=True, slots=True)
class Cors(Block):
    allow_origins: Annotated[
        tuple[Annotated[str, Attr(check=origin)], ...],
        Attr("Pages that may call; `*` means every one.", minimum=1, stronger="fewer"),
    ]
    enabled: Annotated[bool, Attr("False: no page may call.", stronger="off")] = True
    allow_methods: Annotated[
        tuple[Annotated[str, Attr(check=method)], ...], Attr("What they may ask with.", minimum=1, stronger="fewer")
    ] = ("GET", "POST", "OPTIONS")
    allow_headers: Annotated[
        tuple[Annotated[str, Attr(check=header_name)], ...],
        Attr("Fields that they may send; empty: those that they ask for.", stronger="only"),
    ] = ()
    expose_headers: Annotated[
        tuple[Annotated[str, Attr(check=header_name)], ...], Attr("Fields that they may read.", stronger="neutral")
    ] = EXPOSED
    credentials: Annotated[bool, Attr("Cookies and client certificates may go along.", stronger="off")] = False
    max_age: Annotated[
        int, Attr("For how many seconds a browser need not ask again.", minimum=0, maximum=86_400, stronger="neutral")
    ] = 600

    def faults(self) -> Iterable[Fault]:
        if self.credentials and "*" in self.allow_origins:
            message = "`credentials` does not go with `*`: every page could act as whoever looks at it"
            yield Fault("E003", ("credentials",), message, "name the origins")
