"""Clients that are slow, and clocks that are off by a day: nothing hangs, nothing is lost, nothing comes twice."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import timedelta
from typing import Any

import pytest
from starlette.types import Message, Scope

from keeptrusts.control import middleware
from support.control import Person, Plane
from support.records import Instance

DAY = 86_400


def test_a_client_that_stops_in_its_body(still: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    """408 when its time is over, and a connection that is closed; what it sent so far is forgotten."""
    monkeypatch.setattr(middleware, "BODY_TIMEOUT_S", 0.2)
    monkeypatch.setattr(middleware, "LINGER_S", 0.05)
    told: list[Message] = []
    pieces = [{"type": "http.request", "body": b'{"name": "half', "more_body": True}]

    async def receive() -> Message:
        if pieces:
            return pieces.pop()
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        told.append(message)

    headers = [(b"authorization", f"Bearer {still.admin.token}".encode()), (b"content-length", b"1000")]
    scope: Scope = {
        "type": "http", "method": "POST", "path": "/v1/configurations", "raw_path": b"/v1/configurations",
        "query_string": b"", "headers": headers, "client": ("192.0.2.1", 1), "server": ("127.0.0.1", 1),
        "http_version": "1.1", "scheme": "http", "root_path": "", "app": still.client.app,
    }  # fmt: skip
    asyncio.run(_bounded(still.client.app(scope, receive, send)))
    assert told[0]["status"] == 408
    assert (b"connection", b"close") in [(name.lower(), value) for name, value in told[0]["headers"]]
    problem = json.loads(b"".join(one.get("body", b"") for one in told[1:]))
    assert problem["code"] == "body_timeout"
    assert still.admin.get("/v1/configurations").json()["data"] == []


async def _bounded(answer: Any) -> None:
    async with asyncio.timeout(20):
        await answer


@pytest.mark.parametrize("off", [DAY, -DAY])
def test_a_gateway_whose_clock_is_a_day_off(admin: Person, off: int) -> None:
    """Its events are taken once, are found under its own time, and stand in their chain without a break."""
    one = Instance()
    moment = time.time()
    records = [one.decision(at=moment + wrong) for wrong in (0, off, 0)]
    for accepted in (3, 0):
        receipt = admin.made("/v1/gateway/events", {"events": records})
        assert (len(receipt["accepted"]), len(receipt["duplicates"])) == (accepted, 3 - accepted)
    listed = [one["id"] for one in admin.get("/v1/events").json()["data"]]
    assert listed == sorted((one["id"] for one in records), reverse=True)
    since = records[1]["timestamp"]
    assert records[1]["id"] in [one["id"] for one in admin.get(f"/v1/events?since={since}").json()["data"]]
    assert admin.get(f"/v1/events/{records[2]['id']}").json()["sequence"] == 3


@pytest.mark.parametrize("off", [timedelta(days=1), timedelta(days=-1)])
def test_a_server_whose_clock_is_a_day_off(still: Plane, off: timedelta) -> None:
    """What is written goes on being written, read and changed; a lease is the database's matter."""
    hook = still.admin.made("/v1/webhooks", {"url": "https://example.com/", "event_types": ["*"]})
    clock = still.services.store.clock
    still.services.store.clock = lambda: clock() + off
    changed = still.admin.patch(f"/v1/webhooks/{hook['id']}", {"description": "later"})
    assert changed.status_code == 200
    one = Instance()
    assert len(still.admin.made("/v1/gateway/events", {"events": [one.decision()]})["accepted"]) == 1
    still.services.store.clock = clock
    assert len(still.admin.made("/v1/gateway/events", {"events": [one.decision()]})["accepted"]) == 1
    assert len(still.admin.get("/v1/events").json()["data"]) == 2
    assert still.admin.get("/v1/whoami").status_code == 200
