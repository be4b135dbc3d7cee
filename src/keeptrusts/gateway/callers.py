"""Who may call: the file of client keys, and what a request says of its caller (ADR-0030)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from keeptrusts.core.errors import InputError, NotAuthorisedError
from keeptrusts.core.exchange import Caller
from keeptrusts.flow.effects import Headers

CREDENTIALS: Final = frozenset(
    {"authorization", "proxy-authorization", "x-api-key", "api-key", "cookie", "x-keeptrusts-admin-token"}
)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_TRACE = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")


@dataclass(frozen=True, slots=True)
class ClientKey:
    """A key that callers may use. `expires` is UTC."""

    name: str
    expires: datetime | None = None


class ClientKeys:
    """
    Keys by their digest; a key itself is never stored.

    Args:
        keys: `sha256:` and hexadecimal to the key it belongs to.
    """

    def __init__(self, keys: Mapping[str, ClientKey]) -> None:
        self._keys = dict(keys)

    def name_of(self, headers: Headers, now: datetime) -> str:
        """
        The name of the key that the request carries.

        Raises:
            NotAuthorisedError: `missing_api_key`, `invalid_api_key` or `expired_api_key`.
        """
        presented = _presented(headers)
        if not presented:
            raise NotAuthorisedError("an API key is needed: send `Authorization: Bearer <key>`", code="missing_api_key")
        # Looking up a digest tells an attacker nothing: he cannot choose the digest of a key he guesses.
        known = self._keys.get("sha256:" + hashlib.sha256(presented.encode("latin-1")).hexdigest())
        if known is None:
            raise NotAuthorisedError("the API key is not known: ask for a new one", code="invalid_api_key")
        if known.expires is not None and known.expires <= now:
            raise NotAuthorisedError("the API key has expired: ask for a new one", code="expired_api_key")
        return known.name


def read_client_keys(path: Path) -> ClientKeys:
    """
    Read lines of `name sha256:<hex> [expires RFC3339]`; empty ones and those that begin with `#` are skipped.

    Raises:
        InputError: The file cannot be read, or a line has another form.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as failed:
        reason = getattr(failed, "strerror", None) or "it is not UTF-8"
        raise InputError(f"`{path}` cannot be read: {reason}") from None
    keys: dict[str, ClientKey] = {}
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            digest, key = _line(line.split(), f"{path}:{number}")
            keys[digest] = key
    return ClientKeys(keys)


def _line(words: list[str], place: str) -> tuple[str, ClientKey]:
    form = "a line is `name sha256:<64 hexadecimal digits> [expires <RFC 3339 time>]`"
    if len(words) not in {2, 4} or not _DIGEST.fullmatch(words[1]) or words[2:3] not in ([], ["expires"]):
        raise InputError(f"`{place}`: {form}")
    if len(words) == 2:
        return words[1], ClientKey(words[0])
    try:
        expires = datetime.fromisoformat(words[3])
    except ValueError:
        raise InputError(f"`{place}`: {form}") from None
    if expires.tzinfo is None:
        raise InputError(f"`{place}`: the time needs a zone, such as `Z`")
    return words[1], ClientKey(words[0], expires.astimezone(UTC))


def _presented(headers: Headers) -> str:
    fields = dict(reversed(headers))
    scheme, _, key = fields.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and key.strip():
        return key.strip()
    return fields.get("x-api-key", "").strip()


def without_key(headers: Headers) -> Headers:
    """The fields without those that carry a key of the gateway: it goes no further."""
    return tuple((name, value) for name, value in headers if name not in {"authorization", "x-api-key"})


def caller_of(headers: Headers, *, key_id: str | None, ip: str) -> Caller:
    """Who asks, by the fields that say so. They are believed only as far as whoever can reach the gateway is."""
    fields = {name: value for name, value in reversed(headers) if name not in CREDENTIALS}
    return Caller(
        key_id=key_id,
        user_id=fields.get("x-keeptrusts-user-id") or fields.get("x-user-id"),
        team_id=fields.get("x-keeptrusts-team-id") or fields.get("x-team-id"),
        agent_id=fields.get("x-keeptrusts-agent-id"),
        session_id=fields.get("x-keeptrusts-session-id") or fields.get("x-session-id"),
        ip=ip,
        headers=fields,
    )


def address_of(peer: str, headers: Headers, trust_proxy_depth: int) -> str:
    """
    The client's address.

    Args:
        peer: Other end of the connection.
        trust_proxy_depth: Proxies before us that are ours; the last so many entries of `x-forwarded-for` are theirs.
            0 believes nothing but the connection.
    """
    if trust_proxy_depth < 1:
        return peer
    said = [part.strip() for name, value in headers if name == "x-forwarded-for" for part in value.split(",")]
    if len(said) < trust_proxy_depth:
        return peer
    try:
        return str(ip_address(said[-trust_proxy_depth]))
    except ValueError:
        return peer


def trace_of(headers: Headers) -> tuple[str | None, str | None]:
    """The trace of a `traceparent` field (W3C Trace Context), and the caller's span in it."""
    for name, value in headers:
        if name == "traceparent":
            found = _TRACE.fullmatch(value)
            return (found[1], found[2]) if found and found[1].strip("0") and found[2].strip("0") else (None, None)
    return None, None
