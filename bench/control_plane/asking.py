"""
Asks the API again and again, in a process of its own: what others wait for while something else goes on.

It stops when its input ends, and writes when each request began and what it took, in milliseconds.
"""

from __future__ import annotations

import json
import select
import subprocess
import sys
import time

import urllib3

PATHS = ("/healthz", "/v1/gateways?limit=50")
EVERY_S = 0.05


class Asking:
    """The process, between its begin and its end."""

    def __init__(self, url: str, token: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, url, token], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def end(self, since: float) -> dict[str, list[float]]:
        """Of each path, sorted; without what began before that moment of the monotonic clock."""
        said, _ = self._process.communicate()
        return {path: sorted(took for at, took in each if at >= since) for path, each in json.loads(said).items()}


def _ask(url: str, token: str) -> dict[str, list[tuple[float, float]]]:
    http = urllib3.PoolManager(headers={"Authorization": f"Bearer {token}"}, maxsize=1)
    took: dict[str, list[tuple[float, float]]] = {path: [] for path in PATHS}
    while not select.select([sys.stdin], [], [], EVERY_S)[0]:
        for path, times in took.items():
            begun = time.perf_counter()
            answer = http.request("GET", url + path)
            times.append((begun, (time.perf_counter() - begun) * 1000))
            assert answer.status == 200, answer.data
    return took


if __name__ == "__main__":
    print(json.dumps(_ask(*sys.argv[1:])))
