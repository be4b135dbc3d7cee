"""
The interpreter of flows: the only place where a request waits.

`drive` runs a flow to its end and sees to its one record, whatever happens. `Performer` does what a flow asks.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol, TypeAlias, TypeVar, cast

from keeptrusts.core.decision import Decision
from keeptrusts.core.errors import (
    ApiUnreachableError,
    ClientGoneError,
    KeeptrustsError,
    UpstreamError,
    UpstreamGarbledError,
)
from keeptrusts.flow.effects import (
    AskOthers,
    ChooseTargets,
    CloseUpstream,
    Effect,
    EndResponse,
    Flow,
    OpenUpstream,
    Pause,
    ReadUpstream,
    Record,
    Respond,
    Room,
    SendToClient,
    SettleQuota,
    StartResponse,
    TakeQuota,
    UpstreamHead,
)
from keeptrusts.flow.escalations import Decided, Hold, Redeem
from keeptrusts.gateway.asking import Turns, ask_all
from keeptrusts.gateway.holding import Holding
from keeptrusts.gateway.http1 import Responder
from keeptrusts.gateway.quota import Counting
from keeptrusts.gateway.spool import Spool
from keeptrusts.gateway.standings import Standings, Try
from keeptrusts.gateway.strategies import Router
from keeptrusts.gateway.targets import Route, end_to_end
from keeptrusts.gateway.upstream import Origin, Pool, UpstreamConnection
from keeptrusts.policy.asking import Answer
from keeptrusts.policy.compiled import CompiledPolicy, TargetSettings

R = TypeVar("R")
Perform: TypeAlias = Callable[[Effect[Any]], Awaitable[Any]]


async def drive(flow: Flow[R], perform: Perform, crashed: Callable[[Exception], Decision]) -> R:
    """
    Run a flow to its end; leave a record even if we are cancelled or it has a bug.

    Args:
        crashed: The decision to record for a bug.
    """
    try:
        return await _run(flow, perform, flow.send, None)
    except asyncio.CancelledError:
        await asyncio.shield(_run(flow, perform, flow.throw, ClientGoneError("the client left")))
        raise
    except Exception as bug:
        await perform(Record(crashed(bug)))
        raise


async def _run(flow: Flow[R], perform: Perform, resume: Callable[[Any], Effect[Any]], value: Any) -> R:
    while True:
        try:
            effect = resume(value)
        except StopIteration as done:
            result: R = done.value
            return result
        try:
            resume, value = flow.send, await perform(effect)
        except KeeptrustsError as error:
            resume, value = flow.throw, error


class Source(Protocol):
    """An answer of a provider that is being read."""

    async def read(self) -> bytes: ...

    def close(self) -> None: ...


MockProvider: TypeAlias = Callable[[TargetSettings, bytes], Awaitable[tuple[UpstreamHead, Source]]]
"""Answers for a target of the provider `mock`: the head, and the body to be read."""


@dataclass(frozen=True, slots=True)
class World:
    """What every flow of this process shares."""

    pool: Pool
    spool: Spool
    quota: Counting
    watch: Callable[[Decision], None]
    answer_as_mock: MockProvider
    standings: Standings = field(default_factory=lambda: Standings(time.monotonic))
    router: Router = field(init=False)
    turns: Turns = field(default_factory=Turns)
    holding: Holding | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "router", Router(self.standings, random.random))


class Performer:
    """
    Does what one flow asks.

    Args:
        routes: Of the configuration that the request began with, by target id.
        variables: Keys that the control plane keeps, as that configuration has them.
    """

    def __init__(
        self,
        world: World,
        policy: CompiledPolicy,
        routes: Mapping[str, Route],
        responder: Responder,
        variables: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._world = world
        self._variables = variables
        self._policy = policy
        self._routes = routes
        self._responder = responder
        self._source: Source | None = None
        self._try: Try | None = None
        self._received = 0
        self._recorded: asyncio.Future[None] | None = None

    async def perform(self, effect: Effect[Any]) -> Any:
        """The reply to an effect, or the error that the effect may raise."""
        return await _ACTS[type(effect)](self, effect)

    def close(self) -> None:
        """The flow is over: give up what it left open."""
        source, self._source = self._source, None
        if source is not None:
            source.close()
        tried, self._try = self._try, None
        if tried is not None:
            tried.end()

    async def choose_targets(self, effect: ChooseTargets) -> tuple[str, ...]:
        targets = [self._routes[name].settings for name in effect.targets]
        return self._world.router.order(targets, self._policy, effect.sticky)

    async def open_upstream(self, effect: OpenUpstream) -> UpstreamHead:
        self.close()
        self._received = 0
        route = self._routes[effect.target.id]
        if route.lender is not None:
            await route.lender.ready(self._world.pool)
        request = b"" if route.settings.mock is not None else route.request(effect)
        self._try = tried = self._world.standings.begin(effect.target.id, self._policy.circuit_breaker)
        try:
            head = await self._exchange(route, effect, request)
        except UpstreamError as failed:
            tried.fail(failed.code)
            raise
        tried.answered(head.status)
        return head

    async def _exchange(self, route: Route, effect: OpenUpstream, request: bytes) -> UpstreamHead:
        if route.settings.mock is not None:
            head, self._source = await self._world.answer_as_mock(route.settings, effect.body)
            return head
        pool = self._world.pool
        connection, head, deadline = await pool.exchange(route.origin, request, route.timeouts)
        self._source = _Pooled(pool, route.origin, connection, deadline)
        kept = tuple((name, value) for name, value in end_to_end(head.headers) if name != "content-length")
        return UpstreamHead(head.status, kept)

    async def read_upstream(self, effect: ReadUpstream) -> bytes:
        del effect
        if self._source is None or self._try is None:
            raise UpstreamError("no answer is open")
        try:
            data = await self._source.read()
        except UpstreamError as failed:
            self._try.fail(failed.code)
            raise
        self._received += len(data)
        limit = self._policy.size_limits.max_response_bytes
        if limit is not None and self._received > limit:
            self.close()
            raise UpstreamGarbledError(f"the provider's answer exceeds {limit} bytes", code="response_too_large")
        if not data:
            self._try.complete()
            self.close()
        return data

    async def pause(self, effect: Pause) -> None:
        await asyncio.sleep(random.uniform(effect.at_least_ms, effect.at_most_ms) / 1000)  # noqa: S311 - it keeps no secret

    async def close_upstream(self, effect: CloseUpstream) -> None:
        del effect
        self.close()

    async def ask_others(self, effect: AskOthers) -> tuple[Answer, ...]:
        return await ask_all(self._world.pool, self._world.turns, effect.questions, self._variables)

    async def respond(self, effect: Respond) -> None:
        await self._responder.respond(effect.status, effect.headers, effect.body)

    async def start_response(self, effect: StartResponse) -> None:
        await self._responder.start(effect.status, effect.headers)

    async def send_to_client(self, effect: SendToClient) -> None:
        await self._responder.send(effect.data)

    async def end_response(self, effect: EndResponse) -> None:
        del effect
        await self._responder.end()

    async def take_quota(self, effect: TakeQuota) -> Room:
        return await self._world.quota.take(effect.meters)

    async def settle_quota(self, effect: SettleQuota) -> None:
        await self._world.quota.settle(effect.changes, effect.at_ms)

    async def hold(self, effect: Hold) -> bool:
        holding = self._world.holding
        return holding is not None and await holding.hold(effect.held)

    async def redeem(self, effect: Redeem) -> Decided:
        if self._world.holding is None:
            raise ApiUnreachableError("there is no control plane")
        return await self._world.holding.redeem(effect.escalation_id, effect.request_digest, effect.event_id)

    async def record(self, effect: Record) -> None:
        # One flow, one record: a second one, after a cancellation, waits for the first.
        if self._recorded is None:
            self._world.watch(effect.decision)
            self._recorded = self._world.spool.record(effect.decision.as_event())
        await asyncio.shield(self._recorded)


class _Pooled:
    def __init__(self, pool: Pool, origin: Origin, connection: UpstreamConnection, deadline: float) -> None:
        self._pool = pool
        self._origin = origin
        self._connection = connection
        self._deadline = deadline

    async def read(self) -> bytes:
        return await self._connection.read(self._deadline)

    def close(self) -> None:
        self._pool.give_back(self._origin, self._connection)


_ACTS = cast(
    "Mapping[type[Effect[Any]], Callable[[Performer, Effect[Any]], Awaitable[Any]]]",
    {
        ChooseTargets: Performer.choose_targets,
        OpenUpstream: Performer.open_upstream,
        ReadUpstream: Performer.read_upstream,
        CloseUpstream: Performer.close_upstream,
        Pause: Performer.pause,
        Respond: Performer.respond,
        StartResponse: Performer.start_response,
        SendToClient: Performer.send_to_client,
        EndResponse: Performer.end_response,
        AskOthers: Performer.ask_others,
        TakeQuota: Performer.take_quota,
        SettleQuota: Performer.settle_quota,
        Hold: Performer.hold,
        Redeem: Performer.redeem,
        Record: Performer.record,
    },
)
