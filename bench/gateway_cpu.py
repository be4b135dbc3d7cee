"""
What governing a request costs: CPU of the gateway beside nginx that passes the same requests on.

    python bench/gateway_cpu.py [rounds] [seconds]

Both stand before one upstream (a second nginx, which returns a fixed chat completion) and get the same 1.5 KB request
over 32 connections, in turn, so that a busy machine slows both; ratios of medians are what counts. The gateway does its
whole work: five kinds on the request and on the answer, and a chained record that is durable before the answer.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import uvloop

ROUNDS, SECONDS, CONNECTIONS = 5, 3.0, 32
TICKS = os.sysconf("SC_CLK_TCK")
POLICY = """\
pack: {{name: bench, version: "1.0.0", enabled: true}}
providers:
  targets: [{{id: up, provider: openai-compatible, base_url: "http://127.0.0.1:{port}/v1"}}]
policies:
  chain: [prompt-injection, pii-detector, secret-scanner, topic-filter, audit-logger]
policy:
  prompt-injection: {{}}
  pii-detector: {{}}
  secret-scanner: {{}}
  topic-filter: {{blocked_topics: [gambling, weapons, wolfram smuggling]}}
  audit-logger: {{}}
"""
NGINX = """\
daemon off; master_process off; pid {folder}/{name}.pid; error_log {folder}/{name}.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 1000000000; client_body_buffer_size 64k; client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  upstream up {{ server 127.0.0.1:{upstream}; keepalive 64; keepalive_requests 1000000000; }}
  server {{ listen 127.0.0.1:{port} backlog=1024; {does} }}
}}
"""
RETURNS = "location / {{ default_type application/json; return 200 '{answer}'; }}"
PASSES_ON = 'location / { proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection ""; }'
PROSE = (
    "The quarterly report compares how the teams in the north and the south planned their work, what they delivered, "
    "and which of the risks that were named in spring came true. Please sum it up in five sentences for the board. "
)
REQUEST = {
    "model": "gpt-4o",
    "messages": [{"role": "system", "content": "You are a careful assistant."}, {"role": "user", "content": PROSE * 6}],
}
ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": PROSE * 2}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 300, "completion_tokens": 90, "total_tokens": 390},
}


@dataclass(frozen=True)
class Contender:
    """Something that stands before the upstream."""

    name: str
    port: int
    pid: int


@dataclass(frozen=True)
class Measured:
    """One round. Latencies in ms."""

    requests: int
    seconds: float
    cpu_us: float
    latencies: Sequence[float]


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else SECONDS
    if shutil.which("nginx") is None:
        sys.exit("nginx is missing: there is nothing to compare with (apt-get install nginx)")
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        answer = RETURNS.format(answer=json.dumps(ANSWER))
        upstream = stack.enter_context(nginx(folder, "upstream", answer, 9)).port
        beside = stack.enter_context(nginx(folder, "nginx", PASSES_ON, upstream))
        ours = stack.enter_context(gateway(folder, upstream))
        contenders = (beside, ours)
        for contender in contenders:
            measure(contender, 1.0)
        found = [[measure(contender, seconds) for contender in contenders] for _ in range(rounds)]
    show([contender.name for contender in contenders], list(zip(*found, strict=True)))


@contextmanager
def running(command: Sequence[str | Path], port: int, name: str) -> Iterator[Contender]:
    """A process, once it listens."""
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, env=_environment()) as process:
        try:
            for _ in range(600):
                assert process.poll() is None, f"{name} has ended"
                with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                time.sleep(0.05)
            yield Contender(name, port, process.pid)
        finally:
            process.terminate()


@contextmanager
def nginx(folder: Path, name: str, does: str, upstream: int) -> Iterator[Contender]:
    config = folder / f"{name}.conf"
    port = _free_port()
    config.write_text(NGINX.format(folder=folder, name=name, does=does, port=port, upstream=upstream))
    with running([str(shutil.which("nginx")), "-p", str(folder), "-c", str(config)], port, name) as made:
        yield made


@contextmanager
def gateway(folder: Path, upstream: int) -> Iterator[Contender]:
    config = folder / "policy.yaml"
    config.write_text(POLICY.format(port=upstream))
    port = _free_port()
    options = ("--policy-config", config, "--spool-dir", folder / "spool")
    kt = Path(sys.executable).with_name("kt")
    command: list[str | Path] = [kt, "gateway", "run", "--listen", f"127.0.0.1:{port}", *options]
    with running(command, port, "keeptrusts") as made, urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz"):
        yield made


def measure(contender: Contender, seconds: float) -> Measured:
    """Load for so long; CPU is that of the contender's process, all of its threads."""
    before, began = _cpu_seconds(contender.pid), time.perf_counter()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        latencies = runner.run(load(contender.port, seconds))
    took, spent = time.perf_counter() - began, _cpu_seconds(contender.pid) - before
    return Measured(len(latencies), took, 1e6 * spent / len(latencies), latencies)


async def load(port: int, seconds: float) -> list[float]:
    """Ask on all connections until the time is over; the latency of each answer in ms."""
    loop = asyncio.get_running_loop()
    until, latencies = time.perf_counter() + seconds, list[float]()
    asking = [
        (await loop.create_connection(lambda: Asking(until, latencies), "127.0.0.1", port))[1]
        for _ in range(CONNECTIONS)
    ]
    await asyncio.gather(*(one.done for one in asking))
    return latencies


class Asking(asyncio.Protocol):
    """One connection that asks the next request when the answer is here."""

    BODY = json.dumps(REQUEST).encode()
    BYTES = (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n"
        b"authorization: Bearer sk-bench\r\ncontent-length: %d\r\n\r\n%b" % (len(BODY), BODY)
    )

    def __init__(self, until: float, latencies: list[float]) -> None:
        self.done = asyncio.get_running_loop().create_future()
        self._until = until
        self._latencies = latencies
        self._asked = 0.0
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

    def data_received(self, data: bytes) -> None:
        received = self._received = self._received + data
        end = received.find(b"\r\n\r\n")
        if end < 0:
            return
        at = received.lower().index(b"content-length:") + 15
        if len(received) < end + 4 + int(received[at : received.index(b"\r", at)]):
            return
        assert received.startswith(b"HTTP/1.1 200"), received
        self._received = b""
        now = time.perf_counter()
        self._latencies.append(1000 * (now - self._asked))
        if now < self._until:
            self._ask()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._received or exc is not None:
            self.done.set_exception(ConnectionError("the connection ended within an answer"))
        else:
            self.done.set_result(None)

    def _ask(self) -> None:
        self._asked = time.perf_counter()
        self._transport.write(self.BYTES)


def show(names: Sequence[str], found: Sequence[Sequence[Measured]]) -> None:
    """A line for each contender: medians over the rounds, and the ratio to the first."""
    print(f"{len(Asking.BODY)} byte body, {CONNECTIONS} connections, {len(found[0])} alternating rounds")
    print(f"{'':12}{'CPU us/request':>16}{'ratio':>8}{'requests/s':>12}{'p50 ms':>9}{'p99 ms':>9}   CPU us by round")
    first = statistics.median(one.cpu_us for one in found[0])
    for name, rounds in zip(names, found, strict=True):
        cpu = statistics.median(one.cpu_us for one in rounds)
        rate = statistics.median(one.requests / one.seconds for one in rounds)
        cuts = [statistics.quantiles(one.latencies, n=100) for one in rounds]
        p50, p99 = (statistics.median(cut[at] for cut in cuts) for at in (49, 98))
        each = " ".join(f"{one.cpu_us:.1f}" for one in rounds)
        print(f"{name:12}{cpu:>16.1f}{cpu / first:>8.2f}{rate:>12.0f}{p50:>9.2f}{p99:>9.2f}   {each}")


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def _environment() -> dict[str, str]:
    """Without a control plane that somebody may have set: the records stay in the spool."""
    return {name: value for name, value in os.environ.items() if not name.startswith("KEEPTRUSTS_")}


if __name__ == "__main__":
    main()
