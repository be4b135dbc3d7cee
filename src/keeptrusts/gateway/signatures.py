"""
Requests signed for Amazon's services, and the keys for it.

Source: AWS, "Signature Version 4 for API requests", for requests whose path is encoded already and has no query.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from keeptrusts.flow.effects import Headers

BEARER: Final = "AWS_BEARER_TOKEN_BEDROCK"
"""Variable in which Amazon's own tools look for an API key of Bedrock's."""

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_VARIABLES: Final = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class AccessKey:
    """Who signs. `token`: of a session, for keys that Amazon lends for a while; else empty."""

    id: str
    secret: str = field(repr=False)
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Signer:
    """
    Signs requests to one service in one region.

    Args:
        clock: The time in UTC. Amazon refuses a signature that is more than five minutes off.
    """

    key: AccessKey
    region: str
    service: str = "bedrock"
    clock: Callable[[], datetime] = _now

    def fields(self, path: str, body: bytes, signed: Headers) -> Headers:
        """
        The fields that make a POST of this one a signed request.

        Args:
            path: As it stands in the request line.
            signed: Further fields that the signature covers: `host`, and whichever else is not to change.
        """
        at = self.clock().strftime("%Y%m%dT%H%M%SZ")
        own: Headers = (("x-amz-date", at), *((("x-amz-security-token", self.key.token),) if self.key.token else ()))
        covered = sorted((*signed, *own))
        names = ";".join(name for name, _ in covered)
        scope = f"{at[:8]}/{self.region}/{self.service}/aws4_request"
        request = _canonical(path, covered, names, body)
        said = "\n".join((_ALGORITHM, at, scope, hashlib.sha256(request.encode()).hexdigest()))
        signature = hmac.digest(self._signing_key(at[:8]), said.encode(), "sha256").hex()
        credential = f"Credential={self.key.id}/{scope}, SignedHeaders={names}, Signature={signature}"
        return (*own, ("authorization", f"{_ALGORITHM} {credential}"))

    def _signing_key(self, day: str) -> bytes:
        made = f"AWS4{self.key.secret}".encode()
        for word in (day, self.region, self.service, "aws4_request"):
            made = hmac.digest(made, word.encode(), "sha256")
        return made


def _canonical(path: str, covered: list[tuple[str, str]], names: str, body: bytes) -> str:
    """The request as both sides write it down. What is encoded in the path is encoded once more."""
    fields = (f"{name}:{' '.join(value.split())}" for name, value in covered)
    return "\n".join(("POST", quote(path, safe="/~"), "", *fields, "", names, hashlib.sha256(body).hexdigest()))


def from_environment(environment: Mapping[str, str], target: str) -> tuple[str | None, str]:
    """A key as Amazon's own tools find it in the environment, in the form of `read_key`; or why there is none."""
    bearer = environment.get(BEARER, "").strip()
    if bearer:
        return bearer, ""
    name, secret, token = (environment.get(variable, "").strip() for variable in _VARIABLES)
    if name and secret:
        return f"{name}:{secret}:{token}".rstrip(":"), ""
    return None, (
        f"target `{target}` has no key: set `{_VARIABLES[0]}` and `{_VARIABLES[1]}` in the gateway's environment, or "
        "write `secret_key_ref`"
    )


def is_named(environment: Mapping[str, str]) -> bool:
    """Whether the environment holds a key or half of one: then nobody else is asked for another."""
    return any(environment.get(variable, "").strip() for variable in (BEARER, *_VARIABLES[:2]))


def read_key(text: str) -> AccessKey | None:
    """
    An access key, `ID:SECRET` or `ID:SECRET:TOKEN`; None for an API key of Bedrock's, in which no colon stands.

    Raises:
        ValueError: It is neither.
    """
    if ":" not in text:
        return None
    name, secret, token = (*text.split(":", 2), "")[:3]
    if not name or not secret:
        raise ValueError("an access key is `ID:SECRET` or `ID:SECRET:TOKEN`")
    return AccessKey(name, secret, token)
