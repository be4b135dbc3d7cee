"""
Keys that are lent for a while: fetched when they are first needed, and anew before they end.

Whoever asks waits for the first key alone. A later one is fetched beside, while the one at hand is still good.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlencode, urlsplit

from keeptrusts.core.errors import InputError, KeeptrustsError, UpstreamUnreachableError
from keeptrusts.gateway.amazon_sources import (
    LENDERS,
    Container,
    Machine,
    Profile,
    Role,
    Source,
    WebIdentity,
    read_profile,
)
from keeptrusts.gateway.asking import Turns, ask_all
from keeptrusts.gateway.signatures import AccessKey, Signer
from keeptrusts.gateway.upstream import Pool
from keeptrusts.policy.asking import Fields, Question
from keeptrusts.policy.providers import amazon_zone

RENEW_SECONDS: Final = 600.0
"""Before the end of a key the next one is fetched."""
LEAST_SECONDS: Final = 60.0
"""A key that is good for less than this is waited for no longer: its requests could be refused on their way."""
REREAD_SECONDS: Final = 60.0
AGAIN_SECONDS: Final = 5.0
TIMEOUT_MS: Final = 5000
NEARBY_MS: Final = 2000
"""For who lends on this machine or its link: an answer that takes longer does not come."""
_JSON_WORDS: Final = ("AccessKeyId", "SecretAccessKey", "Token", "Expiration")
_XML_WORDS: Final = ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Lent:
    """A key, and when it ends, in seconds since the epoch."""

    key: AccessKey
    until: float


class NotLentError(KeeptrustsError):
    """Nobody gave a key. The message says who was asked, never what was said."""


@dataclass(slots=True)
class Lender:
    """
    The keys of one source for one region.

    Args:
        environment: Where a profile may say that the key is.
        clock: The time in seconds since the epoch.
    """

    source: Source
    region: str
    environment: Mapping[str, str] = field(repr=False)
    clock: Callable[[], float] = time.time
    _turns: Turns = field(default_factory=Turns, repr=False)
    _lent: Lent | None = field(default=None, repr=False)
    _fetching: asyncio.Task[None] | None = field(default=None, repr=False)
    _failed_at: float | None = None

    @property
    def signer(self) -> Signer:
        """What signs with the key at hand. Raises `UpstreamUnreachableError` when there is none."""
        if self._lent is None:
            raise UpstreamUnreachableError("no key is lent", code="credential_missing")
        return Signer(self._lent.key, self.region)

    async def ready(self, pool: Pool) -> None:
        """
        See to a key that is good.

        Raises:
            UpstreamUnreachableError: There is none.
        """
        left = self._lent.until - self.clock() if self._lent is not None else 0.0
        if left > RENEW_SECONDS:
            return
        if self._fetching is None and not self._just_failed():
            self._fetching = asyncio.get_running_loop().create_task(self._renew(pool))
        if left > LEAST_SECONDS:
            return
        if self._fetching is not None:
            await asyncio.shield(self._fetching)
        if self._lent is None or self._lent.until <= self.clock():
            raise UpstreamUnreachableError("no key is lent", code="credential_missing")

    def _just_failed(self) -> bool:
        return self._failed_at is not None and 0 <= self.clock() - self._failed_at < AGAIN_SECONDS

    async def _renew(self, pool: Pool) -> None:
        """Fetch; a failure is logged when it begins, and so is its end."""
        shown = {"source": type(self.source).__name__.lower()}
        try:
            self._lent = await self._fetched(pool, self.source)
            if self._failed_at is not None:
                _log.info("keys for Amazon are lent again", extra=shown)
            self._failed_at = None
        except KeeptrustsError as failed:
            if self._failed_at is None:
                _log.error("no key for Amazon is lent", extra={**shown, "reason": str(failed)})
            self._failed_at = self.clock()
        finally:
            self._fetching = None

    async def _fetched(self, pool: Pool, source: Source) -> Lent:
        match source:
            case AccessKey():
                return Lent(source, self.clock() + RENEW_SECONDS + REREAD_SECONDS)
            case Profile():
                return await self._fetched(pool, await asyncio.to_thread(read_profile, source, self.environment))
            case Container():
                return await self._of_container(pool, source)
            case Machine():
                return await self._of_machine(pool, source)
            case WebIdentity():
                token = await asyncio.to_thread(_read_token, source.token)
                asked = {"Action": "AssumeRoleWithWebIdentity", "WebIdentityToken": token}
                return await self._of_role(pool, asked, source.role, source.session, None)
            case Role():
                base = await self._fetched(pool, source.base)
                asked = {"Action": "AssumeRole"} | ({"ExternalId": source.external_id} if source.external_id else {})
                return await self._of_role(pool, asked, source.role, source.session, base.key)

    async def _of_container(self, pool: Pool, source: Container) -> Lent:
        token = source.token
        if source.token_file is not None:
            token = await asyncio.to_thread(_read_token, source.token_file)
        headers: Fields = (("authorization", token),) if token else ()
        return _from_json(await self._ask(pool, source.url, headers=headers))

    async def _of_machine(self, pool: Pool, source: Machine) -> Lent:
        root = f"{source.url.rstrip('/')}/latest"
        asked: Fields = (("x-aws-ec2-metadata-token-ttl-seconds", "300"),)
        token = (await self._ask(pool, f"{root}/api/token", method="PUT", headers=asked)).decode("latin-1")
        shown: Fields = (("x-aws-ec2-metadata-token", token.strip()),)
        place = f"{root}/meta-data/iam/security-credentials/"
        role = (await self._ask(pool, place, headers=shown)).decode("latin-1").partition("\n")[0].strip()
        return _from_json(await self._ask(pool, place + role, headers=shown))

    async def _of_role(
        self, pool: Pool, asked: Mapping[str, str], role: str, session: str, key: AccessKey | None
    ) -> Lent:
        """A role by Amazon's service for it, asked as whoever `key` is, or with the token that is in the question."""
        named = self.environment.get("AWS_ENDPOINT_URL_STS", "").strip()
        url = (named or f"https://sts.{self.region}.{amazon_zone(self.region)}").rstrip("/") + "/"
        said = {**asked, "Version": "2011-06-15", "RoleArn": role, "RoleSessionName": session}
        body = urlencode(said).encode()
        headers: Fields = (("content-type", "application/x-www-form-urlencoded"),)
        if key is not None:
            covered = (("host", urlsplit(url).netloc), *headers)
            headers += Signer(key, self.region, "sts").fields(urlsplit(url).path, body, covered)
        return _from_xml(await self._ask(pool, url, method="POST", headers=headers, body=body))

    async def _ask(
        self,
        pool: Pool,
        url: str,
        *,
        method: Literal["GET", "POST", "PUT"] = "GET",
        headers: Fields = (),
        body: bytes = b"",
    ) -> bytes:
        """The body of a good answer. What is not TLS stays on this machine or its link, and goes through no proxy."""
        nearby = urlsplit(url).scheme != "https" and method != "POST"
        question = Question(
            url=url,
            timeout_ms=NEARBY_MS if nearby else TIMEOUT_MS,
            method=method,
            headers=headers,
            body=body,
            public=nearby,
            named=LENDERS if nearby else (),
        )
        (answer,) = await ask_all(pool, self._turns, [question])
        if answer.failure is not None or answer.status != 200:
            raise NotLentError(f"`{urlsplit(url).netloc}` gave none: {answer.failure or answer.status}")
        return answer.body


class Lenders:
    """One for each source and region, over every reload: a changed document is no reason to fetch a key anew."""

    def __init__(self) -> None:
        self._known: dict[tuple[Source, str], Lender] = {}

    def of(self, source: Source, region: str, environment: Mapping[str, str]) -> Lender:
        return self._known.setdefault((source, region), Lender(source, region, environment))


def _read_token(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise InputError(f"the token in `{path}` cannot be read") from None


def _from_json(body: bytes) -> Lent:
    try:
        said: Any = json.loads(body)
        return _lent(*(str(said[word]) for word in _JSON_WORDS))
    except (ValueError, KeyError, TypeError):
        raise NotLentError("what was lent is not of the form that Amazon describes") from None


def _from_xml(body: bytes) -> Lent:
    text = body.decode("utf-8", "replace")
    found = (text.partition(f"<{word}>")[2].partition(f"</{word}>")[0].strip() for word in _XML_WORDS)
    try:
        return _lent(*found)
    except ValueError:
        raise NotLentError("what was lent is not of the form that Amazon describes") from None


def _lent(name: str, secret: str, token: str, ends: str) -> Lent:
    """Raises `ValueError` for what cannot be a key, or stand in a header field."""
    if not all(value and value.isascii() and value.isprintable() for value in (name, secret, token)):
        raise ValueError("no key")
    return Lent(AccessKey(name, secret, token), datetime.fromisoformat(ends).timestamp())
