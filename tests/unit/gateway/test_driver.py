"""The driver: a flow is run to its end, and leaves its record whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from keeptrusts.core.decision import Decision
from keeptrusts.core.errors import ClientGoneError, UpstreamLostError
from keeptrusts.flow.effects import Effect, Flow, ReadUpstream, Record, SendToClient
from keeptrusts.gateway.driver import drive


def decided(reason: str) -> Decision:
    return Decision(id="evt_1", timestamp="", request_id="req_1", verdict="failed", reason_code=reason, status=0)


def crashed(bug: Exception) -> Decision:
    return decided(f"crashed: {type(bug).__name__}")


class World:
    """Answers effects from a table and remembers the records."""

    def __init__(self, **acts: Callable[[], Awaitable[Any]]) -> None:
        self._acts = acts
        self.records: list[str] = []

    async def perform(self, effect: Effect[Any]) -> Any:
        if isinstance(effect, Record):
            await asyncio.sleep(0)
            self.records.append(effect.decision.reason_code)
            return None
        return await self._acts[type(effect).__name__]()


async def data() -> bytes:
    return b"data"


async def lost() -> bytes:
    raise UpstreamLostError("gone")


async def stuck() -> bytes:
    await asyncio.Event().wait()
    return b""


async def bug() -> bytes:
    raise ZeroDivisionError


def reading() -> Flow[str]:
    """A flow as they all are: it turns what is thrown into a reason and records it last."""
    try:
        yield from ReadUpstream()
        reason = "fine"
    except UpstreamLostError:
        reason = "lost"
    except ClientGoneError:
        reason = "gone"
    yield from Record(decided(reason))
    return reason


def test_replies_and_errors_reach_the_flow() -> None:
    """A reply is the value of the `yield`, a declared error is raised there, and the result is the flow's."""
    for act, reason in ((data, "fine"), (lost, "lost")):
        world = World(ReadUpstream=act)

        assert asyncio.run(drive(reading(), world.perform, crashed)) == reason
        assert world.records == [reason]


def test_cancelled_flow_still_records() -> None:
    """Cancellation arrives as `ClientGoneError`; the record is written although the task is cancelled again."""

    async def scene(world: World) -> None:
        task = asyncio.ensure_future(drive(reading(), world.perform, crashed))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    world = World(ReadUpstream=stuck)
    asyncio.run(scene(world))

    assert world.records == ["gone"]


def test_bug_in_what_is_performed_is_recorded() -> None:
    """An error that no effect declares is a bug of ours: recorded, then raised."""
    world = World(ReadUpstream=bug)
    with pytest.raises(ZeroDivisionError):
        asyncio.run(drive(reading(), world.perform, crashed))

    assert world.records == ["crashed: ZeroDivisionError"]


def test_bug_in_the_flow_is_recorded() -> None:
    """So is one in the flow itself."""

    def broken() -> Flow[None]:
        yield from SendToClient(b"")
        raise LookupError("what the client wrote")

    world = World(SendToClient=data)
    with pytest.raises(LookupError):
        asyncio.run(drive(broken(), world.perform, crashed))

    assert world.records == ["crashed: LookupError"]
