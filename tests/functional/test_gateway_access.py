"""From where the gateway may be called: addresses, and pages of browsers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from keeptrusts.flow.chat import serve
from keeptrusts.gateway.admission import Access
from keeptrusts.gateway.callers import ClientKeys
from keeptrusts.policy.compiled import Cors, IpAllowlist
from support.flows import HELLO
from support.flows import answer as completion
from support.gateway_parts import (
    CLOSE,
    Rig,
    always,
    answer,
    fields,
    gateway,
    get,
    policy_to,
    post,
    provider,
    run_on_loop,
)

FINE = answer(completion("hi"), b"content-type: application/json")
PAGE = b"origin: https://app.example.com"
NAMED = Cors(("https://app.example.com",), expose_headers=("x-request-id",), max_age=60)


async def ask(rig: Rig, *headers: bytes) -> tuple[int, dict[str, str], bytes]:
    return fields(await rig.ask(post(HELLO, CLOSE, *headers)))


def preflight(*headers: bytes) -> bytes:
    lines = [b"OPTIONS /v1/chat/completions HTTP/1.1", b"host: g", CLOSE, *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n"


@pytest.mark.parametrize(
    ("cidrs", "depth", "forwarded", "status"),
    [
        (("127.0.0.0/8",), 0, b"10.0.0.1", 200),
        (("127.0.0.1",), 0, b"10.0.0.1", 200),
        (("10.0.0.0/8", "::1"), 0, b"10.0.0.1", 403),
        (("10.0.0.0/8",), 1, b"10.0.0.1", 200),
        (("10.0.0.0/8",), 1, b"::ffff:10.0.0.1", 200),
        (("2001:db8::/32",), 1, b"2001:db8::7", 200),
        (("10.0.0.0/8",), 1, b"10.0.0.1, 11.0.0.1", 403),
        (("10.0.0.0/8",), 2, b"10.0.0.1, 11.0.0.1", 200),
    ],
)
def test_addresses(tmp_path: Path, cidrs: tuple[str, ...], depth: int, forwarded: bytes, status: int) -> None:
    """Only those of the list are served, told by the connection or by as many proxies as are trusted."""

    async def scene() -> None:
        async with provider(always(FINE)) as up:
            policy = replace(policy_to(up.port), ip_allowlist=IpAllowlist(cidrs, depth))
            async with gateway(tmp_path, policy, serve=serve) as rig:
                got, _, body = await ask(rig, b"x-forwarded-for: " + forwarded)
                assert got == status
                if status == 403:
                    assert json.loads(body)["error"]["code"] == "address_not_allowed"
                assert fields(await rig.ask(get("/healthz")))[0] == 200

    run_on_loop(scene())


def test_a_page_may_call(tmp_path: Path) -> None:
    """It asks first, without a key; then it may read the answer, a refusal too."""

    async def scene() -> None:
        async with provider(always(FINE)) as up:
            access = Access(keys=ClientKeys({}))
            policy = replace(policy_to(up.port), cors=NAMED)
            async with gateway(tmp_path, policy, serve=serve, access=access) as rig:
                asked = (b"access-control-request-method: POST", b"access-control-request-headers: authorization, X-A")
                status, named, body = fields(await rig.ask(preflight(PAGE, *asked)))
                assert (status, body) == (204, b"")
                assert {name: named[name] for name in named if name.startswith("access-control")} == {
                    "access-control-allow-origin": "https://app.example.com",
                    "access-control-allow-methods": "GET, POST, OPTIONS",
                    "access-control-allow-headers": "authorization, x-a",
                    "access-control-max-age": "60",
                }
                status, named, _ = await ask(rig, PAGE)
                assert (status, named["access-control-allow-origin"]) == (401, "https://app.example.com")
                assert (named["access-control-expose-headers"], named["vary"]) == ("x-request-id", "origin")

    run_on_loop(scene())


@pytest.mark.parametrize(
    ("cors", "headers", "status"),
    [
        (NAMED, (b"origin: https://evil.example", b"access-control-request-method: POST"), 403),
        (NAMED, (b"origin: null", b"access-control-request-method: POST"), 403),
        (NAMED, (PAGE, b"access-control-request-method: DELETE"), 403),
        (replace(NAMED, allow_headers=("X-A",)), (PAGE, b"access-control-request-method: POST",
          b"access-control-request-headers: x-a, x-b"), 403),
        (replace(NAMED, allow_headers=("X-A",)), (PAGE, b"access-control-request-method: POST",
          b"access-control-request-headers: x-a"), 204),
        (Cors(("*",)), (b"origin: https://any.example", b"access-control-request-method: POST"), 204),
        (NAMED, (PAGE,), 405),
        (None, (PAGE, b"access-control-request-method: POST"), 405),
    ],
)  # fmt: skip
def test_a_page_may_not(tmp_path: Path, cors: Cors | None, headers: tuple[bytes, ...], status: int) -> None:
    """Another origin, method or field; without the section nothing is allowed."""

    async def scene() -> None:
        async with gateway(tmp_path, replace(policy_to(1), cors=cors), serve=serve) as rig:
            got, named, _ = fields(await rig.ask(preflight(*headers)))
            assert got == status
            assert ("access-control-allow-methods" in named) == (status == 204)

    run_on_loop(scene())


def test_who_is_no_page_is_served_all_the_same(tmp_path: Path) -> None:
    """And another page's answer does not say that it may be read."""

    async def scene() -> None:
        async with provider(always(FINE)) as up:
            policy = replace(policy_to(up.port), cors=replace(NAMED, credentials=True))
            async with gateway(tmp_path, policy, serve=serve) as rig:
                for headers in ((), (b"origin: https://evil.example",)):
                    status, named, _ = await ask(rig, *headers)
                    assert (status, "access-control-allow-origin" in named, named["vary"]) == (200, False, "origin")
                assert (await ask(rig, PAGE))[1]["access-control-allow-credentials"] == "true"

    run_on_loop(scene())
