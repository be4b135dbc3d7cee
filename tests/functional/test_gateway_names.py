"""Names of hosts that nobody answers for: who asks them waits no longer than allowed, and no more threads than said."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from keeptrusts.gateway.asking import Turns, ask_all
from keeptrusts.gateway.names import Names
from keeptrusts.gateway.upstream import Pool
from keeptrusts.policy.asking import Question
from support.gateway_parts import always, answer, provider, run_on_loop


def threads() -> int:
    return sum(thread.name == "names" for thread in threading.enumerate())


def test_lookups_that_hang_are_bounded() -> None:
    """Twenty questions at two threads: each gives up in its time, and then names are found again."""
    released = threading.Event()

    def look_up(host: str, port: int) -> list[str]:
        del port
        if host == "slow.example":
            released.wait(30)
            raise OSError("nobody answers")
        return ["127.0.0.1"]

    async def scene() -> None:
        turns = Turns(names=Names(2, look_up))
        async with provider(always(answer(b"ok"))) as up:
            slow = Question(url="http://slow.example/", timeout_ms=200, public=True, named=("127.0.0.1",))
            began = time.monotonic()
            got = await ask_all(Pool(), turns, [slow] * 20)
            assert {one.failure for one in got} == {"timeout"}
            assert time.monotonic() - began < 5
            assert threads() == 2
            released.set()
            quick = Question(url=f"http://quick.example:{up.port}/", timeout_ms=9000, public=True, named=("127.0.0.1",))
            (told,) = await ask_all(Pool(), turns, [quick])
            assert told.body == b"ok"

    run_on_loop(scene())


@pytest.mark.parametrize("host", ["no-such-name.invalid", "a" * 70 + ".example"])
def test_a_name_that_is_none(host: str) -> None:
    """An error that whoever asks knows, however the system says it."""
    with pytest.raises((OSError, ValueError)):
        run_on_loop(Names().addresses(host, 80))


def test_a_loop_that_has_ended_is_not_waited_for() -> None:
    """What comes late goes nowhere."""
    released = threading.Event()

    def look_up(host: str, port: int) -> list[str]:
        del host, port
        released.wait(30)
        return ["127.0.0.1"]

    async def scene() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(Names(1, look_up).addresses("slow.example", 80), 0.05)

    run_on_loop(scene())
    (left,) = [thread for thread in threading.enumerate() if thread.name == "names"]
    released.set()
    left.join(10)

    assert not left.is_alive()
