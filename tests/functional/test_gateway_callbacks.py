"""Decisions told to a real server behind the answer: once, in batches, and lost with a word in the log."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest

from keeptrusts.core.decision import Decision
from keeptrusts.flow.arrival import Snapshot
from keeptrusts.gateway import callbacks as module
from keeptrusts.gateway.active import Holder
from keeptrusts.gateway.callbacks import Callbacks
from keeptrusts.gateway.upstream import Pool
from keeptrusts.policy.document import compile_document
from support.gateway_parts import answer, provider, read_request, run_on_loop
from support.policy_cases import document


def decided(number: int) -> Decision:
    return Decision(
        id=f"evt_{number}",
        timestamp="2026-01-02T03:04:05.000006Z",
        request_id=f"req_{number}",
        verdict="allowed",
        reason_code="all_policies_passed",
        status=200,
    )


class Told:
    """What a server was told; the statuses are answered in turn, the last one again and again."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses) or [200]
        self.letters: list[tuple[bytes, Any]] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head, body = await read_request(reader)
            self.letters.append((head, json.loads(body)))
            status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
            writer.write(answer(b"").replace(b"200", str(status).encode(), 1))
            await writer.drain()

    @property
    def ids(self) -> list[list[str]]:
        return [[event["id"] for event in body["events"]] for _, body in self.letters]


def told(script: Told, count: int, **callback: Any) -> None:
    """Notice so many decisions, and tell them."""

    async def scene() -> None:
        async with provider(script) as server:
            pool, holder = Pool(), Holder()
            place = {"type": "webhook", "url": f"http://127.0.0.1:{server.port}/hook", **callback}
            blocks = document({"audit-logger": {}}, callbacks=[place, {"type": "prometheus"}])
            holder.activate(Snapshot(policy=compile_document(blocks)), "test")
            callbacks = Callbacks(pool, lambda: holder.active, pause=0.001)
            for number in range(count):
                callbacks.notice(decided(number))
            await callbacks.flush()
            pool.close()

    run_on_loop(scene())


def test_decisions_come_in_their_order_and_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each once, with the key of the environment."""
    monkeypatch.setattr(module, "MOST_AT_ONCE", 2)
    monkeypatch.setenv("HOOK_KEY", "s3cret")
    script = Told()
    told(script, 3, secret_key_ref={"env": "HOOK_KEY"})
    assert script.ids == [["evt_0", "evt_1"], ["evt_2"]]
    assert all(b"authorization: Bearer s3cret" in head for head, _ in script.letters)


def test_a_failure_is_tried_again() -> None:
    """Until it goes well."""
    script = Told(503, 429, 204)
    told(script, 1)
    assert script.ids == [["evt_0"]] * 3


def test_what_cannot_be_told_is_lost_with_a_word(caplog: pytest.LogCaptureFixture) -> None:
    """After the third try; the log says how much, and not what."""
    script = Told(500)
    with caplog.at_level(logging.WARNING):
        told(script, 2)
    assert len(script.letters) == 3
    (line,) = [vars(one) for one in caplog.records if one.message == "a callback could not be told"]
    assert (line["type"], line["reason"], line["status"], line["lost"]) == ("webhook", "status", 500, 2)


def test_the_queue_has_an_end(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """What comes beyond it is lost, and counted."""
    monkeypatch.setattr(module, "MOST_WAITING", 2)
    script = Told()
    with caplog.at_level(logging.WARNING):
        told(script, 5)
    assert script.ids == [["evt_0", "evt_1"]]
    assert [vars(one)["lost"] for one in caplog.records if one.message.startswith("callbacks take")] == [3]


def test_a_missing_key_tells_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A place that wants one is not sent records without it."""
    monkeypatch.delenv("HOOK_KEY", raising=False)
    script = Told()
    told(script, 1, secret_key_ref={"env": "HOOK_KEY"})
    assert script.letters == []
