"""
Who is let in: decided by the head of a request, so that nothing of its body need be kept for those who are not.

A request is asked about here when its head is complete and its body is not, and again when it is served.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, TypeAlias

from keeptrusts.core.errors import KeeptrustsError, NotAuthorisedError
from keeptrusts.flow.effects import Headers
from keeptrusts.gateway.active import Active, Holder
from keeptrusts.gateway.callers import ClientKeys, address_of, without_key
from keeptrusts.policy.compiled import IpAllowlist
from keeptrusts.wire.dialects import DIALECTS

GOVERNED: Final[Mapping[str, str]] = {**dict.fromkeys(DIALECTS, "POST"), "/v1/models": "GET"}
SOON: Final[Headers] = (("retry-after", "1"),)
_Networks: TypeAlias = tuple[IPv4Network | IPv6Network, ...]


class RefusedError(KeeptrustsError):
    """An answer that no flow gives, and that leaves no record: the request was never taken in."""

    def __init__(self, status: int, code: str, message: str, headers: Headers = ()) -> None:
        super().__init__(message, code=code)
        self.status = status
        self.headers = headers


@dataclass(frozen=True, slots=True)
class Access:
    """
    Who may do what.

    Args:
        keys: None lets everybody call who can reach the port.
        admin_token: Opens `/keeptrusts/...` from elsewhere than this machine; empty opens it to nobody else.
    """

    keys: ClientKeys | None = None
    admin_token: str = field(default="", repr=False)
    max_concurrency: int = 1000


@dataclass(frozen=True, slots=True)
class Admitted:
    """
    A request that may be served.

    Args:
        headers: Without the key of the gateway.
        ip: The client's address, as far as `ip_rate_limit` believes proxies.
    """

    active: Active
    headers: Headers
    key_id: str | None
    ip: str


class Admission:
    """
    Args:
        has_room: Whether another decision could be recorded.
    """

    def __init__(self, holder: Holder, access: Access, has_room: Callable[[], bool]) -> None:
        self._holder = holder
        self._access = access
        self._has_room = has_room
        self.in_flight = 0

    def admit(self, path: str, method: str, headers: Headers, peer: str) -> Admitted:
        """
        Let a request for a governed route in.

        Raises:
            RefusedError: It is not let in.
        """
        active = self._holder.active
        if active is None:
            raise RefusedError(503, "starting", "no configuration is active yet", SOON)
        _check_address(active.snapshot.policy.ip_allowlist, headers, peer)
        if method != GOVERNED[path]:
            allowed = GOVERNED[path]
            raise RefusedError(405, "method_not_allowed", f"`{path}` takes {allowed}", (("allow", allowed),))
        key_id, kept = self._key(headers)
        if self.in_flight >= self._access.max_concurrency:
            raise RefusedError(503, "overloaded", "too many requests at a time; try again", SOON)
        if not self._has_room():
            message = "decisions cannot be recorded, so none is made"
            raise RefusedError(503, "spool_full", message, (("retry-after", "5"),))
        limits = active.snapshot.policy.rate_limits
        depth = max((limit.trust_proxy_depth for limit in limits if limit.name == "ip"), default=0)
        return Admitted(active, kept, key_id, address_of(peer, headers, depth))

    def _key(self, headers: Headers) -> tuple[str | None, Headers]:
        if self._access.keys is None:
            return None, headers
        try:
            key_id = self._access.keys.name_of(headers, datetime.now(UTC))
        except NotAuthorisedError as unknown:
            raise RefusedError(401, unknown.code, str(unknown), (("www-authenticate", "Bearer"),)) from None
        return key_id, without_key(headers)


def path_of(target: str) -> str:
    """Without the query."""
    path = target.partition("?")[0]
    if path.startswith(("http://", "https://")):  # RFC 9112, 3.2.2: the absolute form must be taken
        path = "/" + path.partition("://")[2].partition("/")[2]
    return path


def _check_address(allowed: IpAllowlist | None, headers: Headers, peer: str) -> None:
    if allowed is not None and not _is_in(
        _networks(allowed.cidrs), address_of(peer, headers, allowed.trust_proxy_depth)
    ):
        raise RefusedError(403, "address_not_allowed", "this address may not call the gateway")


def _is_in(networks: _Networks, address: str) -> bool:
    try:
        one = ip_address(address)
    except ValueError:
        return False
    if isinstance(one, IPv6Address) and one.ipv4_mapped is not None:
        one = one.ipv4_mapped
    return any(one in network for network in networks)


@lru_cache(maxsize=8)
def _networks(cidrs: tuple[str, ...]) -> _Networks:
    return tuple(ip_network(text) for text in cidrs)
