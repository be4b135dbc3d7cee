"""How long lists and counts take over HTTP, on whatever the database holds."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import psycopg
import urllib3
from processes import cpu_seconds, parent

WINDOWS = {"1 h": 1, "24 h": 24, "7 d": 168, "30 d": 720}


def measure(url: str, token: str, rounds: int, database: str, server: int) -> list[tuple[str, float, float, float]]:
    """Name, median and p95 in ms, and ms of CPU of server and database, of each kind of request."""
    http = urllib3.PoolManager(headers={"Authorization": f"Bearer {token}"})
    chance, found = random.Random(1), []
    with psycopg.connect(database) as connection:
        postmaster = parent(connection.info.backend_pid)
    for name, make in _requests().items():
        times, before = [], cpu_seconds(postmaster, server)
        for _ in range(rounds):
            path = make(chance)
            begun = time.perf_counter()
            answer = http.request("GET", url + path)
            times.append((time.perf_counter() - begun) * 1000)
            assert answer.status == 200, (path, answer.data[:200])
        cpu = (cpu_seconds(postmaster, server) - before) / rounds * 1000
        found.append((name, statistics.median(times), sorted(times)[int(len(times) * 0.95)], cpu))
    return found


def _requests() -> dict[str, Callable[[random.Random], str]]:
    lists: dict[str, Callable[[random.Random], str]] = {
        "list: newest 50": lambda _: _list(),
        "list: a page of somewhere in 30 days": lambda chance: _list(until=_ago(chance.uniform(1, 700))),
        "list: verdict=blocked": lambda chance: _list(verdict="blocked", until=_ago(chance.uniform(0, 600))),
        "list: verdict, one gateway": lambda chance: _list(verdict="redacted", gateway_id=_gateway(chance)),
        "list: one gateway, an hour": lambda chance: _list(gateway_id=_gateway(chance), **_hour(chance)),
        "list: one configuration": lambda chance: _list(configuration_id=f"cfg_{chance.randrange(12)}"),
        "list: one user": lambda chance: _list(user_id=f"user-{chance.randrange(5000)}"),
        "list: a user that there is not": lambda chance: _list(user_id=f"nobody-{chance.random()}"),
        "list: one agent": lambda chance: _list(agent_id=f"agent-{chance.randrange(200)}"),
        "list: one reason": lambda _: _list(reason_code="prompt_injection.detected"),
        "list: a reason that there is not": lambda chance: _list(reason_code=f"none.{chance.random()}"),
        "list: one model": lambda chance: _list(model=f"model-{chance.randrange(20)}"),
        "list: a policy that acted": lambda _: _list(policy="pii-detector"),
    }
    for name, hours in WINDOWS.items():
        lists[f"stats: {name}"] = lambda _, hours=hours: _stats(hours)
        lists[f"stats: {name}, one gateway"] = lambda chance, hours=hours: _stats(hours, gateway_id=_gateway(chance))
    return lists


def _list(**query: str) -> str:
    return f"/v1/events?{urlencode(query)}"


def _stats(hours: int, **query: str) -> str:
    return f"/v1/events/stats?{urlencode({'since': _ago(hours), **query})}"


def _gateway(chance: random.Random) -> str:
    return f"gw_{chance.randrange(60)}"


def _hour(chance: random.Random) -> dict[str, str]:
    back = chance.uniform(2, 700)
    return {"since": _ago(back), "until": _ago(back - 1)}


def _ago(hours: float) -> str:
    return (datetime.now(UTC) - timedelta(hours=hours)).isoformat().replace("+00:00", "Z")
