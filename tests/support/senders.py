"""Gateways that send their chains to a control plane at once, however often it fails, and keep what it acknowledged."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import urllib3

from support.records import Instance
from support.server import Server

BATCH = 10
PATH = "/v1/gateway/events"
REPLAYED = frozenset({0, 3, 7})
"""Of each ten batches, those that come twice: thirty of a hundred."""


@dataclass(frozen=True, slots=True)
class Manner:
    """
    How a gateway sends.

    Args:
        off_s: Its clock is ahead by this.
        twice: Thirty of a hundred batches come twice, half of these at the same time.
        slowly: Some bodies come in two parts, and some break off after the first.
    """

    off_s: int = 0
    twice: bool = False
    slowly: bool = False


@dataclass(slots=True)
class Told:
    """What one was answered: accepted ids as often as they were, duplicates, and statuses."""

    accepted: list[str] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)


class Sender(threading.Thread):
    """
    One instance's chain, batch by batch, each again and again until it is acknowledged.

    Args:
        batches: It goes on when it has sent these, until it is to finish.
    """

    def __init__(self, server: Server, name: str, batches: int, manner: Manner) -> None:
        super().__init__(daemon=True)  # one that is never acknowledged does not outlive the tests
        self._server = server
        self._instance = Instance(name)
        self._batches = batches
        self._manner = manner
        self._finishing = threading.Event()
        self._http = urllib3.PoolManager(retries=False, timeout=20, maxsize=2)
        self.sent: list[list[dict[str, Any]]] = []
        self.told = Told()

    def run(self) -> None:
        while (number := len(self.sent)) < self._batches or not self._finishing.is_set():
            at = time.time() + self._manner.off_s
            records = [self._instance.decision(at=at) for _ in range(BATCH)]
            self.sent.append(records)
            self.deliver(number, records)

    def finish(self) -> None:
        """Wait for the last of its batches."""
        self._finishing.set()
        self.join()

    def deliver(self, number: int, records: Sequence[dict[str, Any]]) -> None:
        """In its manner, until they are acknowledged."""
        http, body = self._http, json.dumps({"events": records}).encode()
        if self._manner.slowly and number % 10 == 5:
            self._break_off(body)
        send = self._slowly if self._manner.slowly and number % 10 == 1 else self._at_once
        again = self._manner.twice and number % 10 in REPLAYED
        if again and number % 2:
            with ThreadPoolExecutor(2) as both:
                list(both.map(lambda one: self._until_told(send, one, body), [http, http]))
            return
        for _ in range(2 if again else 1):
            self._until_told(send, http, body)

    def _until_told(
        self, send: Callable[[urllib3.PoolManager, bytes], Any], http: urllib3.PoolManager, body: bytes
    ) -> None:
        while True:
            try:
                status, answer = send(http, body)
            except (OSError, urllib3.exceptions.HTTPError):
                status, answer = 0, {}
            self.told.statuses[status] += 1
            if status == 200:
                self.told.accepted += answer["accepted"]
                self.told.duplicates += answer["duplicates"]
                return
            assert status in {0, 503}, answer
            assert status == 0 or answer["code"] == "store_unavailable", answer
            time.sleep(0.1)

    def _at_once(self, http: urllib3.PoolManager, body: bytes) -> tuple[int, Any]:
        answer = http.request("POST", self._server.url + PATH, body=body, headers=self._server.headers)
        return answer.status, answer.json()

    def _slowly(self, _http: urllib3.PoolManager, body: bytes) -> tuple[int, Any]:
        """With a pause in the middle of the body."""
        with self._half(body) as connection:
            time.sleep(0.2)
            connection.sendall(body[len(body) // 2 :])
            with connection.makefile("rb") as answer:
                status = int(answer.readline().split()[1])
                return status, json.loads(answer.read().partition(b"\r\n\r\n")[2])

    def _break_off(self, body: bytes) -> None:
        try:
            self._half(body).close()
        except OSError:
            return

    def _half(self, body: bytes) -> socket.socket:
        headers = self._server.headers | {"Host": "x", "Content-Length": str(len(body)), "Connection": "close"}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        connection = socket.create_connection(("127.0.0.1", self._server.port), 20)
        connection.sendall(f"POST {PATH} HTTP/1.1\r\n{lines}\r\n".encode() + body[: len(body) // 2])
        return connection


@dataclass(frozen=True, slots=True)
class Totals:
    """
    What became of the events.

    Args:
        refused: Batches that were answered 503, or not at all.
        replayed: Events that were answered as duplicates.
        lost: Acknowledged, and not stored.
        duplicated: Stored more than once, or accepted more than once.
    """

    acknowledged: int
    stored: int
    refused: int
    replayed: int
    lost: int
    duplicated: int

    @classmethod
    def of(cls, told: Iterable[Told], stored: Sequence[str]) -> Totals:
        """
        Args:
            stored: Ids, as often as they are found.
        """
        told = list(told)
        accepted = Counter(one for each in told for one in each.accepted)
        replayed = [one for each in told for one in each.duplicates]
        acknowledged = accepted.keys() | set(replayed)
        found = Counter(stored)
        twice = sum(number - 1 for number in found.values()) + sum(number - 1 for number in accepted.values())
        refused = sum(number for each in told for status, number in each.statuses.items() if status != 200)
        lost = len(acknowledged - found.keys())
        return cls(len(acknowledged), len(found), refused, len(replayed), lost, twice)


def send_a_bomb(server: Server) -> None:
    """Nine MiB in nine KiB: refused, and nothing else is harmed."""
    headers = server.headers | {"Content-Encoding": "gzip"}
    bomb = gzip.compress(b'{"events":[' + b" " * (9 << 20))
    answer = urllib3.request("POST", server.url + PATH, body=bomb, headers=headers, retries=False)
    assert (answer.status, answer.json()["code"]) == (413, "body_too_large")
