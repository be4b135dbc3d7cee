"""How long lists and counts take over HTTP, on whatever the database holds."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import psycopg
import urllib3
from processes import cpu_seconds, parent

_FOUND = "pii_detector.found"
WINDOWS = {"1 h": 1, "24 h": 24, "7 d": 168, "30 d": 720}


LIST_MS, STATS_MS = 50, 200
"""What a p95 is to stay below."""


@dataclass(frozen=True, slots=True)
class Times:
    """In ms: of a request of one kind, and the CPU of server and database for it."""

    median: float
    p95: float
    cpu: float


def measure(url: str, token: str, rounds: int, database: str, server: int) -> dict[str, Times]:
    """Of each kind of request; the kinds take turns, and the first turn is not counted."""
    http = urllib3.PoolManager(headers={"Authorization": f"Bearer {token}"})
    chance, kinds = random.Random(1), _requests()
    times: dict[str, list[float]] = {name: [] for name in kinds}
    cpu = dict.fromkeys(kinds, 0.0)
    with psycopg.connect(database) as connection:
        postmaster = parent(connection.info.backend_pid)
    for turn in range(rounds + 1):
        for name, make in kinds.items():
            path, before = make(chance), cpu_seconds(postmaster, server)
            begun = time.perf_counter()
            answer = http.request("GET", url + path)
            took = time.perf_counter() - begun
            assert answer.status == 200, (path, answer.data[:200])
            if turn:
                times[name].append(took * 1000)
                cpu[name] += (cpu_seconds(postmaster, server) - before) * 1000
    return {
        name: Times(statistics.median(found), sorted(found)[int(len(found) * 0.95)], cpu[name] / rounds)
        for name, found in times.items()
    }


def _requests() -> dict[str, Callable[[random.Random], str]]:
    lists: dict[str, Callable[[random.Random], str]] = {
        "list: newest 50": lambda _: _list(),
        "list: a page of somewhere in 30 days": lambda chance: _list(until=_ago(chance.uniform(1, 700))),
        "list: verdict=blocked": lambda chance: _list(verdict="blocked", until=_ago(chance.uniform(0, 600))),
        "list: verdict, one gateway": lambda chance: _list(verdict="redacted", gateway_id=_gateway(chance)),
        "list: verdict, one user": lambda chance: _list(verdict="blocked", user_id=_user(chance)),
        "list: reason, one user": lambda chance: _list(reason_code=_FOUND, user_id=_user(chance)),
        "list: reason, one gateway": lambda chance: _list(reason_code=_FOUND, gateway_id=_gateway(chance)),
        "list: one gateway, an hour": lambda chance: _list(gateway_id=_gateway(chance), **_hour(chance)),
        "list: one configuration": lambda chance: _list(configuration_id=f"cfg_{chance.randrange(12)}"),
        "list: one user": lambda chance: _list(user_id=_user(chance)),
        "list: a user that there is not": lambda chance: _list(user_id=f"nobody-{chance.random()}"),
        "list: one agent": lambda chance: _list(agent_id=f"agent-{chance.randrange(200)}"),
        "list: one reason": lambda _: _list(reason_code="prompt_injection.detected"),
        "list: a reason that there is not": lambda chance: _list(reason_code=f"none.{chance.random()}"),
        "list: one model": lambda chance: _list(model=f"model-{chance.randrange(20)}"),
        "list: a model that there is not": lambda chance: _list(model=f"none-{chance.random()}"),
        "list: gaps, of which there are none": lambda _: _list(event_type="gap"),
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


def _user(chance: random.Random) -> str:
    return f"user-{chance.randrange(5000)}"


def _hour(chance: random.Random) -> dict[str, str]:
    back = chance.uniform(2, 700)
    return {"since": _ago(back), "until": _ago(back - 1)}


def _ago(hours: float) -> str:
    return (datetime.now(UTC) - timedelta(hours=hours)).isoformat().replace("+00:00", "Z")
