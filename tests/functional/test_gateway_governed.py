"""What the gateway does around a request: access, limits, its own pages, reload, drain."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from keeptrusts.core.errors import InputError
from keeptrusts.flow.arrival import Arrival, Snapshot
from keeptrusts.flow.effects import Flow
from keeptrusts.gateway.admission import Access
from keeptrusts.gateway.callers import ClientKey, ClientKeys
from keeptrusts.gateway.http1 import Patience
from support.gateway_parts import (
    CLOSE,
    always,
    answer,
    fields,
    gateway,
    get,
    plain,
    policy_to,
    post,
    provider,
    read_request,
    relay,
    run_on_loop,
    unchunked,
)

HELLO = always(answer(b"hello"))
HASTY = Patience(head=0.2, body=0.2, idle=0.2, write=0.3, linger=0.2)


def test_crash_of_a_flow_blocks_and_is_recorded(tmp_path: Path) -> None:
    """A bug gives 500, a record that says so, and hurts no other request."""

    def broken(arrival: Arrival, snapshot: Snapshot, clock: Callable[[], int]) -> Flow[None]:
        if arrival.body == b"good":
            yield from plain(arrival, snapshot, clock)
        raise ZeroDivisionError("secret text of the client")

    async def scene() -> None:
        async with gateway(tmp_path, policy_to(1), serve=broken) as rig:
            status, _, body = fields(await rig.ask(post(b"{}", CLOSE)))
            assert status == 500
            assert b"secret" not in body
            (record,) = await rig.recorded(1)
            assert (record["verdict"], record["reason_code"], record["status"]) == ("blocked", "gateway_crashed", 500)
            assert "secret" not in json.dumps(record)

    run_on_loop(scene())


def test_before_a_configuration_is_active(tmp_path: Path) -> None:
    """Requests get 503 `starting`; `/healthz` lives and `/readyz` waits."""

    async def scene() -> None:
        async with provider(HELLO) as up, gateway(tmp_path, None) as rig:
            status, named, body = fields(await rig.ask(post(b"{}", CLOSE)))
            assert (status, named["retry-after"], json.loads(body)["error"]["code"]) == (503, "1", "starting")
            assert fields(await rig.ask(get("/readyz")))[0] == 503
            assert fields(await rig.ask(get("/healthz")))[0] == 200
            assert json.loads(fields(await rig.ask(get("/health")))[2])["status"] == "starting"
            rig.holder.activate(Snapshot(policy=policy_to(up.port)), "test")
            assert fields(await rig.ask(get("/readyz")))[0] == 200
            assert unchunked(fields(await rig.ask(post(b"{}", CLOSE)))[2]) == b"hello"

    run_on_loop(scene())


def test_too_many_at_a_time(tmp_path: Path) -> None:
    """Past `--max-concurrency`: 503 `overloaded` with `Retry-After`, and room again afterwards."""

    async def scene() -> None:
        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while True:
                await read_request(reader)
                await asyncio.sleep(0.3)
                writer.write(answer(b"hello"))

        async with (
            provider(script) as up,
            gateway(tmp_path, policy_to(up.port), access=Access(max_concurrency=2)) as rig,
        ):
            answers = [fields(one) for one in await asyncio.gather(*(rig.ask(post(b"{}", CLOSE)) for _ in range(3)))]
            assert sorted(status for status, _, _ in answers) == [200, 200, 503]
            refused = next(one for one in answers if one[0] == 503)
            assert (refused[1]["retry-after"], json.loads(refused[2])["error"]["code"]) == ("1", "overloaded")
            assert fields(await rig.ask(post(b"{}", CLOSE)))[0] == 200

    run_on_loop(scene())


def test_client_keys(tmp_path: Path) -> None:
    """Without a known key 401; with it the key's name is the caller's, and the key goes no further."""

    async def scene() -> None:
        keys = ClientKeys({"sha256:" + hashlib.sha256(b"good").hexdigest(): ClientKey("app")})
        async with gateway(tmp_path, policy_to(1), serve=plain, access=Access(keys)) as rig:
            for header, code in ((b"x: y", "missing_api_key"), (b"authorization: Bearer bad", "invalid_api_key")):
                status, _, body = fields(await rig.ask(post(b"{}", CLOSE, header)))
                error = json.loads(body)["error"]
                assert (status, error["code"], error["type"]) == (401, code, "authentication_error")
            status, _, body = fields(await rig.ask(post(b"{}", CLOSE, b"authorization: Bearer good")))
            shown = json.loads(body)
            assert (status, shown["key"]) == (200, "app")
            assert "authorization" not in shown["headers"]

    run_on_loop(scene())


def test_full_spool_refuses_before_the_provider_is_asked(tmp_path: Path) -> None:
    """No record, no answer, and no bill."""

    async def scene() -> None:
        async with provider(HELLO) as up, gateway(tmp_path, policy_to(up.port), max_bytes=12_000) as rig:
            statuses = [fields(await rig.ask(post(b"{}", CLOSE)))[0] for _ in range(12)]
            assert statuses[0] == 200
            assert statuses[-1] == 503
            answered = statuses.count(200)
            assert statuses == [200] * answered + [503] * (12 - answered)
            assert len(await rig.recorded(answered)) == answered
            body = fields(await rig.ask(post(b"{}", CLOSE)))[2]
            assert json.loads(body)["error"]["code"] == "spool_full"

    run_on_loop(scene())


def test_own_pages_are_for_this_machine(tmp_path: Path) -> None:
    """`/keeptrusts/...` opens to loopback peers that are not proxies, or with the admin token."""

    async def scene() -> None:
        access = Access(admin_token="letmein")
        async with gateway(tmp_path, policy_to(1), access=access) as rig:
            assert fields(await rig.ask(get("/keeptrusts/config")))[0] == 200
            relayed = b"x-forwarded-for: 1.1.1.1"
            assert fields(await rig.ask(get("/keeptrusts/config", relayed)))[0] == 403
            assert fields(await rig.ask(get("/keeptrusts/config", relayed, b"authorization: Bearer no")))[0] == 403
            opened = await rig.ask(get("/keeptrusts/config", relayed, b"authorization: Bearer letmein"))
            assert json.loads(fields(opened)[2])["active"]["digest"] == "sha256:test"
            rig.reloads += [True, InputError("E001: no such kind", code="invalid_policy")]
            reload = post(b"", CLOSE, path=b"/keeptrusts/config/reload")
            assert json.loads(fields(await rig.ask(reload))[2]) == {"changed": True, "config_digest": "sha256:test"}
            status, _, body = fields(await rig.ask(reload))
            assert (status, json.loads(body)["error"]["code"]) == (422, "invalid_policy")

    run_on_loop(scene())


def test_metrics_count(tmp_path: Path) -> None:
    """Requests, verdicts, and the depth of the spool."""

    async def scene() -> None:
        async with provider(HELLO) as up, gateway(tmp_path, policy_to(up.port)) as rig:
            rig.metrics.show_spool(lambda: rig.spool.head.sequence, lambda: rig.spool.stored_bytes)
            rig.metrics.activated("sha256:test", 512)
            await rig.ask(post(b"{}", CLOSE))
            text = fields(await rig.ask(get("/metrics")))[2].decode()
            for line in (
                'keeptrusts_requests_total{status="200"} 1.0',
                'keeptrusts_verdicts_total{verdict="allowed"} 1.0',
                'keeptrusts_active_configuration{digest="sha256:test"} 1.0',
                "keeptrusts_stream_holdback_chars 512.0",
                "keeptrusts_stream_held_chars_count 0.0",
                "keeptrusts_spool_depth 1.0",
            ):
                assert line in text
            health = json.loads(fields(await rig.ask(get("/health")))[2])
            assert (health["requests_processed"], health["config_digest"]) == (1, "sha256:test")
            up_stands = {"provider": "openai-compatible", "available": True, "circuit": "closed"}
            assert health["providers"] == {"up": up_stands}

    run_on_loop(scene())


def test_drain_finishes_what_is_in_flight(tmp_path: Path) -> None:
    """A request begun before the end is answered, its connection closed, and a new one is refused."""

    async def scene() -> None:
        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            await asyncio.sleep(0.3)
            writer.write(answer(b"hello"))
            await reader.read()

        async with provider(script) as up, gateway(tmp_path, policy_to(up.port)) as rig:
            idle, busy = await rig.connect(), await rig.connect()
            busy[1].write(post(b"{}"))
            await asyncio.sleep(0.05)
            draining = asyncio.ensure_future(rig.server.drain(5))
            await asyncio.sleep(0.05)
            with pytest.raises(ConnectionError):
                await rig.connect()
            status, named, body = fields(await busy[0].read())
            assert (status, named["connection"], unchunked(body)) == (200, "close", b"hello")
            assert await idle[0].read() == b""
            await draining
            busy[1].close()
            idle[1].close()

    run_on_loop(scene())


def test_drain_gives_up_after_its_time(tmp_path: Path) -> None:
    """What does not end in time is cancelled, and recorded as such."""

    async def scene() -> None:
        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            await reader.read()
            del writer

        async with provider(script) as up, gateway(tmp_path, policy_to(up.port)) as rig:
            _, writer = await rig.connect()
            writer.write(post(b"{}"))
            await asyncio.sleep(0.1)
            await rig.server.drain(0.1)
            (record,) = await rig.recorded(1)
            assert record["status"] == 499
            writer.close()

    run_on_loop(scene())


def test_reload_under_load_fails_no_request(tmp_path: Path) -> None:
    """Requests that began on one configuration end on it while another becomes active."""

    async def scene() -> None:
        old, new = provider(always(answer(b"old"))), provider(always(answer(b"new")))
        async with old as one, new as two, gateway(tmp_path, policy_to(one.port)) as rig:
            seen: list[bytes] = []

            async def client() -> None:
                reader, writer = await rig.connect()
                for _ in range(60):
                    writer.write(post(b"{}"))
                    got = await reader.readuntil(b"0\r\n\r\n")
                    assert fields(got)[0] == 200
                    seen.append(unchunked(got.partition(b"\r\n\r\n")[2]))
                writer.close()

            clients = [asyncio.ensure_future(client()) for _ in range(8)]
            for turn in range(10):
                await asyncio.sleep(0.01)
                rig.holder.activate(Snapshot(policy=policy_to((two, one)[turn % 2].port)), "test")
            await asyncio.gather(*clients)
            assert set(seen) == {b"old", b"new"}
            assert len(await rig.recorded(480)) == 480

    run_on_loop(scene())


def test_relay_is_what_the_rest_relies_on() -> None:
    """The flow of these tests opens the provider first."""
    arrival = Arrival(request_id="r", event_id="e", escalation_id="x", method="POST", path="/v1/chat/completions")
    flow = relay(arrival, Snapshot(policy=policy_to(1)), time.time_ns)

    assert type(next(flow)).__name__ == "OpenUpstream"
    flow.close()
