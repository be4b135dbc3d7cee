"""
Where a webhook may go. The address that is checked is the address that is dialled.

A name is resolved when the connection is made, every address it has is judged, and one bad address refuses them all: a
name that is moved between check and use, or that hides a private address among public ones, leads nowhere. No redirect
is followed and no proxy of the environment is used.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from httpx2 import URL, InvalidURL

from keeptrusts.core.addresses import Address, is_public
from keeptrusts.core.errors import InputError

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_HOST = re.compile(r"[0-9a-z._:-]+", re.ASCII | re.IGNORECASE)
_ONLY_DIGITS = re.compile(r"[0-9a-fx.]+", re.ASCII | re.IGNORECASE)
LONGEST_HOST: Final = 253


class RefusedAddressError(InputError):
    """This endpoint may not be reached."""

    code = "refused_address"


@dataclass(frozen=True, slots=True)
class OutboundRules:
    """
    What the operator allows.

    Args:
        insecure: http is allowed, to loopback alone; and https to loopback.
        subnets: Networks that may be reached though they are not public.
    """

    insecure: bool = False
    subnets: tuple[Network, ...] = ()

    @classmethod
    def read(cls, *, insecure: bool, subnets: Iterable[str]) -> OutboundRules:
        """
        From the operator's words.

        Raises:
            InputError: One is no network.
        """
        found: list[Network] = []
        for text in subnets:
            try:
                found.append(ipaddress.ip_network(text, strict=False))
            except ValueError:
                raise InputError(f"`{text}` is not a network; write it as in `10.20.0.0/16`") from None
        return cls(insecure, tuple(found))

    def allows(self, address: Address, *, tls: bool) -> bool:
        """Whether this address may be dialled."""
        if address.is_loopback:
            return self.insecure
        if not tls:
            return False
        return is_public(address) or any(address in subnet for subnet in self.subnets)

    def check(self, found: Sequence[str], *, tls: bool) -> list[str]:
        """
        All the addresses of one name.

        Raises:
            RefusedAddressError: There is none, or one of them may not be dialled.
        """
        if not found:
            raise RefusedAddressError("the name of the endpoint has no address")
        for text in found:
            # a scope id (`fe80::1%eth0`) picks an interface of ours
            if "%" in text or not self.allows(ipaddress.ip_address(text), tls=tls):
                raise RefusedAddressError(_why(tls=tls))
        return list(found)

    def check_url(self, text: str) -> URL:
        """
        Before anything is resolved: the form, the scheme, and a host that is an address in any spelling.

        Raises:
            RefusedAddressError: With what to do.
        """
        url = _parse(text)
        if url.scheme not in {"https", "http"} or (url.scheme == "http" and not self.insecure):
            raise RefusedAddressError("a webhook's `url` must begin with `https://`")
        if url.userinfo or url.fragment:
            raise RefusedAddressError("a webhook's `url` may hold no user, password or fragment; use `headers`")
        literal = _literal(url.host)
        if literal is not None:
            self.check([literal], tls=url.scheme == "https")
        elif url.scheme == "http" and url.host != "localhost":
            raise RefusedAddressError("http is allowed to this machine alone; use `https://`")
        elif url.host == "localhost" and not self.insecure:
            raise RefusedAddressError(_why(tls=True))
        return url


def _why(*, tls: bool) -> str:
    if not tls:
        return "http is allowed to this machine alone, and only with `--allow-insecure-webhooks`; use `https://`"
    return (
        "the endpoint is on a private or special network; the operator can allow it with "
        "`--webhook-allow-subnet CIDR` (this machine itself: `--allow-insecure-webhooks`)"
    )


def _parse(text: str) -> URL:
    try:
        url = URL(text)
        host = url.raw_host.decode("ascii")
    except (InvalidURL, ValueError):
        raise RefusedAddressError("a webhook's `url` must be one, as in `https://example.com/hook`") from None
    port = 443 if url.port is None else url.port
    if not _HOST.fullmatch(host) or len(host) > LONGEST_HOST or not 0 < port < 2**16:
        raise RefusedAddressError("a webhook's `url` must name a host, as in `https://example.com/hook`")
    return url


def _literal(host: str) -> str | None:
    """The address that the host spells, however: `127.1`, `2130706433` and `0x7f000001` are addresses to a resolver."""
    bare = host.strip("[]").rstrip(".")
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        pass
    if _ONLY_DIGITS.fullmatch(bare) and any(sign.isdigit() for sign in bare):
        try:
            return socket.inet_ntoa(socket.inet_aton(bare))
        except OSError:
            return None
    return None
