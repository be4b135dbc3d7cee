"""Targets as the gateway reaches them: address, credential, and which header fields go along."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from keeptrusts.core.errors import InputError, UpstreamUnreachableError
from keeptrusts.flow.effects import Headers, OpenUpstream
from keeptrusts.gateway.amazon_sources import find_source
from keeptrusts.gateway.lending import Lender, Lenders
from keeptrusts.gateway.proxies import proxy_for
from keeptrusts.gateway.signatures import Signer, from_environment, is_named, read_key
from keeptrusts.gateway.upstream import Origin, Timeouts, request_bytes
from keeptrusts.policy.compiled import TargetSettings

HOP_BY_HOP: Final = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""RFC 9110, 7.6.1: about this connection alone."""

_OURS: Final = frozenset({"host", "content-length", "expect", "accept-encoding", "content-encoding"})
_CREDENTIALS: Final = frozenset({"authorization", "x-api-key", "api-key"})
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Route:
    """
    A target, ready to be called.

    Args:
        missing: Why it cannot be called; empty when it can.
        path_root: What stands before every path. `prefix` is the same, but for a proxy that wants the whole URL.
        headers: Its own fields, the credential among them. Never shown.
        signer: What signs each request, where no credential is sent.
        lender: Who lends the key that signs; to be asked before each request whether it is good.
    """

    settings: TargetSettings
    origin: Origin
    prefix: str = ""
    path_root: str = ""
    host: str = ""
    headers: Headers = field(default=(), repr=False)
    has_key: bool = False
    signer: Signer | None = None
    lender: Lender | None = None
    missing: str = ""

    @property
    def timeouts(self) -> Timeouts:
        known = self.settings
        return Timeouts(known.connect_timeout_seconds, known.first_byte_timeout_seconds, known.timeout_seconds)

    def request(self, asked: OpenUpstream) -> bytes:
        """
        The bytes to send.

        Raises:
            UpstreamUnreachableError: The target has no usable credential.
        """
        if self.missing:
            raise UpstreamUnreachableError(self.missing, code="credential_missing")
        forwarded = end_to_end(asked.forwarded)
        own = (*self.headers, *self._signature(asked, forwarded))
        has_key = self.has_key or self.lender is not None
        dropped = _OURS | {name for name, _ in own} | (_CREDENTIALS if has_key else frozenset())
        headers = (
            ("host", self.host),
            ("accept-encoding", "identity"),
            *((name, value) for name, value in forwarded if name not in dropped),
            *own,
        )
        return request_bytes("POST", self.prefix + asked.path, headers, asked.body)

    def _signature(self, asked: OpenUpstream, forwarded: Headers) -> Headers:
        signer = self.signer if self.lender is None else self.lender.signer
        if signer is None:
            return ()
        content_type = tuple(one for one in forwarded if one[0] == "content-type")
        return signer.fields(self.path_root + asked.path, asked.body, (("host", self.host), *content_type))


def routes_of(
    targets: Iterable[TargetSettings],
    environment: Mapping[str, str],
    variables: Mapping[str, str] = MappingProxyType({}),
    lenders: Lenders | None = None,
) -> dict[str, Route]:
    """
    A route for each target by its id. A target whose key is missing gets one that says so, and a warning is logged.

    Args:
        variables: Keys that the control plane keeps, by name.
        lenders: Those that are known from before.

    Raises:
        InputError: `HTTPS_PROXY` or `HTTP_PROXY` cannot be read.
    """
    borrowed = lenders or Lenders()
    routes = {one.target.id: _lent(_route(one, environment, variables), environment, borrowed) for one in targets}
    for name, route in routes.items():
        if route.missing:
            _log.warning("a target is unavailable", extra={"target_id": name, "reason": route.missing})
    return routes


def end_to_end(headers: Headers) -> Headers:
    """The fields that are not about one connection alone."""
    named = {
        word.strip().lower() for name, value in headers if name == "connection" for word in value.split(",")
    } | HOP_BY_HOP
    return tuple((name, value) for name, value in headers if name not in named)


def _route(settings: TargetSettings, environment: Mapping[str, str], variables: Mapping[str, str]) -> Route:
    if settings.mock is not None:
        return Route(settings, Origin("mock", 0, tls=False))
    parts = urlsplit(settings.base_url)
    tls = parts.scheme == "https"
    port = parts.port or (443 if tls else 80)
    name = parts.hostname or ""
    origin = Origin(name, port, tls, proxy_for(parts.scheme, parts.netloc))
    shown = f"[{name}]" if ":" in name else name
    host = shown if parts.port is None else f"{shown}:{port}"
    root = prefix = parts.path.rstrip("/")
    own: dict[str, str] = {key.lower(): value for key, value in settings.headers.items()}
    if origin.proxy is not None and not tls:
        prefix = f"http://{host}{prefix}"
        if origin.proxy.authorization:
            own["proxy-authorization"] = origin.proxy.authorization
    key, missing = _credential(settings, environment, variables)
    signer, missing = _signer(settings, key, missing)
    if key is not None and signer is None:
        own[settings.api_key_header.lower()] = settings.api_key_prefix + key
    return Route(
        settings, origin, prefix, root, host, tuple(own.items()), key is not None, signer=signer, missing=missing
    )


def _lent(route: Route, environment: Mapping[str, str], lenders: Lenders) -> Route:
    """A route to Amazon for which nobody has named a key, with somebody who lends one, if there is somebody."""
    settings = route.settings
    named = settings.secret_store or settings.secret_env or is_named(environment)
    if not settings.aws_region or not route.missing or named:
        return route
    try:
        source = find_source(environment)
    except InputError as unfit:
        return replace(route, missing=f"target `{settings.target.id}` has no key: {unfit}")
    if source is None:
        return route
    return replace(route, missing="", lender=lenders.of(source, settings.aws_region, environment))


def _signer(settings: TargetSettings, key: str | None, missing: str) -> tuple[Signer | None, str]:
    """What signs for a target, and why it cannot be called."""
    if key is None or not settings.aws_region:
        return None, missing
    try:
        access = read_key(key)
    except ValueError as unread:
        return None, f"target `{settings.target.id}`: {unread}"
    return None if access is None else Signer(access, settings.aws_region), missing


def _credential(
    settings: TargetSettings, environment: Mapping[str, str], variables: Mapping[str, str]
) -> tuple[str | None, str]:
    name, store = settings.target.id, settings.secret_store
    where = store or settings.secret_env
    if where is None:
        return from_environment(environment, name) if settings.aws_region else (None, "")
    key = (environment if store is None else variables).get(where, "").strip()
    if not key and store is None:
        return None, f"target `{name}` has no key: set `{where}` in the gateway's environment"
    if not key:
        return None, f"target `{name}` has no key: `kt secret set {where}` at the control plane that manages it"
    if not key.isprintable() or not key.isascii():
        return None, f"target `{name}`: the key in `{where}` is not printable ASCII"
    return key, ""
