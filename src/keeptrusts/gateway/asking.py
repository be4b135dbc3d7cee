"""
Questions of policies, put over the gateway's own connections. Whatever goes wrong is an answer that says so.

No redirect is followed. An address that the operator did not name is dialled as it was checked, so that a name cannot
move between the two.
"""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final
from urllib.parse import SplitResult, urlsplit

from keeptrusts.core.addresses import is_public
from keeptrusts.core.errors import (
    InputError,
    KeeptrustsError,
    UpstreamError,
    UpstreamGarbledError,
    UpstreamLostError,
    UpstreamTimeoutError,
)
from keeptrusts.core.version import VERSION
from keeptrusts.flow.effects import UpstreamHead
from keeptrusts.gateway.names import Names
from keeptrusts.gateway.proxies import Proxy, proxy_for
from keeptrusts.gateway.upstream import Origin, Pool, Timeouts, UpstreamConnection, request_bytes
from keeptrusts.policy.asking import STORED, Answer, Credential, Failure, Question

AT_A_TIME: Final = 64
"""Questions under way at one origin, and to all hosts together that the operator did not name one by one."""


class Turns:
    """Who may ask now, and who looks up `names`. A question waits for its turn within its own time-out."""

    def __init__(self, most: int = AT_A_TIME, names: Names | None = None) -> None:
        self._most = most
        self.names = names or Names()
        self._turns: dict[Origin | None, asyncio.Semaphore] = {}

    def at(self, origin: Origin | None) -> asyncio.Semaphore:
        """Of an origin; None: of all that are not the operator's."""
        return self._turns.setdefault(origin, asyncio.Semaphore(self._most))


async def ask_all(
    pool: Pool, turns: Turns, questions: Sequence[Question], variables: Mapping[str, str] = MappingProxyType({})
) -> tuple[Answer, ...]:
    """
    All at once; the answers in the order of the questions.

    Args:
        variables: Keys that the control plane keeps, by name.
    """
    asked = (_ask(_Asking(pool, turns, question, variables), question) for question in questions)
    return tuple(await asyncio.gather(*asked))


class _NotAskedError(KeeptrustsError):
    """It never left this machine."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failure = failure


async def _ask(asking: _Asking, question: Question) -> Answer:
    began = time.perf_counter_ns()
    try:
        async with asyncio.timeout(question.timeout_ms / 1000):
            answer = await asking.answer()
    except TimeoutError:
        answer = Answer(failure="timeout" if asking.has_turn else "busy")
    except _NotAskedError as refused:
        answer = Answer(failure=refused.failure)
    except UpstreamError as failed:
        answer = Answer(failure=_failure(failed))
    return replace(answer, latency_us=(time.perf_counter_ns() - began) // 1000)


def _failure(failed: UpstreamError) -> Failure:
    match failed:
        case UpstreamTimeoutError():
            return "timeout"
        case UpstreamLostError():
            return "lost"
        case UpstreamGarbledError():
            return "garbled"
        case _:
            return "unreachable"


@dataclass(frozen=True, slots=True)
class _Way:
    origin: Origin
    target: str
    host: str


class _Asking:
    """One question on its way."""

    def __init__(self, pool: Pool, turns: Turns, question: Question, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self._pool = pool
        self._turns = turns
        self._question = question
        self.has_turn = False

    async def answer(self) -> Answer:
        question = self._question
        way = _way_to(question)
        request = _request(question, way, self._variables)
        async with self._turns.at(None if question.public else way.origin):
            self.has_turn = True
            origin = await _checked(way.origin, question.named, self._turns.names) if question.public else way.origin
            seconds = 2 * question.timeout_ms / 1000  # the one that counts is around all of this
            pool = self._pool
            connection, head, deadline = await pool.exchange(origin, request, Timeouts(seconds, seconds, seconds))
            try:
                return await self._read(connection, head, deadline)
            finally:
                if question.public:  # there may be as many hosts as somebody names: none is kept
                    connection.transport.abort()
                else:
                    pool.give_back(origin, connection)

    async def _read(self, connection: UpstreamConnection, head: UpstreamHead, deadline: float) -> Answer:
        fields = dict(head.headers)
        if fields.get("content-encoding", "identity").strip().lower() != "identity":
            return Answer(status=head.status, failure="garbled")
        pieces: list[bytes] = []
        size = 0
        while data := await connection.read(deadline):
            size += len(data)
            if size > self._question.max_bytes:
                return Answer(status=head.status, failure="too_large")
            pieces.append(data)
        return Answer(status=head.status, media_type=fields.get("content-type", ""), body=b"".join(pieces))


def _way_to(question: Question) -> _Way:
    parts = urlsplit(question.url)
    name, tls = parts.hostname or "", parts.scheme == "https"
    proxy = None if question.public else _proxy(parts)
    origin = Origin(name, parts.port or (443 if tls else 80), tls, proxy)
    shown = f"[{name}]" if ":" in name else name
    host = shown if parts.port is None else f"{shown}:{parts.port}"
    return _Way(origin, _target(parts, host, through_proxy=proxy is not None and not tls), host)


def _proxy(parts: SplitResult) -> Proxy | None:
    try:
        return proxy_for(parts.scheme, parts.netloc)
    except InputError:  # the environment names one that we do not speak to
        raise _NotAskedError("unreachable") from None


def _target(parts: SplitResult, host: str, *, through_proxy: bool) -> str:
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return f"http://{host}{path}" if through_proxy else path


def _request(question: Question, way: _Way, variables: Mapping[str, str]) -> bytes:
    own = [("host", way.host), ("user-agent", f"keeptrusts/{VERSION}"), ("accept-encoding", "identity")]
    if question.credential is not None:
        own.append((question.credential.header, _value(question.credential, variables)))
    proxy = way.origin.proxy
    if proxy is not None and not way.origin.tls and proxy.authorization:
        own.append(("proxy-authorization", proxy.authorization))
    try:
        return request_bytes(question.method, way.target, (*own, *question.headers), question.body)
    except ValueError:  # of the URL or a field: it cannot be said in HTTP
        raise _NotAskedError("garbled") from None


def _value(credential: Credential, variables: Mapping[str, str]) -> str:
    stored = credential.env.startswith(STORED)
    name = credential.env.removeprefix(STORED)
    key = (variables if stored else os.environ).get(name, "").strip()
    if not key or not key.isprintable() or not key.isascii():
        raise _NotAskedError("credential")
    if credential.user is not None:
        return "Basic " + base64.b64encode(f"{credential.user}:{key}".encode()).decode()
    return credential.prefix + key


async def _checked(origin: Origin, named: Sequence[str], names: Names) -> Origin:
    """The origin at an address that may be dialled: every address that its name has must be one."""
    try:
        addresses = await names.addresses(origin.host, origin.port)
    except (OSError, ValueError):
        raise _NotAskedError("unreachable") from None
    if not addresses or not all(_may_be_dialled(address, named) for address in addresses):
        raise _NotAskedError("refused_address")
    return replace(origin, address=addresses[0])


def _may_be_dialled(address: str, named: Sequence[str]) -> bool:
    if "%" in address:  # a scope id picks an interface of ours
        return False
    return address in named or is_public(ipaddress.ip_address(address))
