"""
Load on a real gateway whose configuration changes every second: no request fails, and what it holds stays the same.

A nightly run sets `KEEPTRUSTS_SOAK_SECONDS=600`; `KEEPTRUSTS_SOAK_CURVE` names a file for memory and descriptors.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import statistics
import threading
from collections import Counter
from collections.abc import Awaitable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from support.flows import answer, stream
from support.gateway_parts import fields, post, read_request
from support.gateway_process import GatewayProcess, gateway_process

pytestmark = pytest.mark.acceptance

SECONDS = int(os.environ.get("KEEPTRUSTS_SOAK_SECONDS", "6"))
CURVE = os.environ.get("KEEPTRUSTS_SOAK_CURVE")
WARM_SECONDS = 60
"""Until caches are full and every path was walked; memory is compared from then on."""
BUDGET_MIB = 80
"""Of a worker."""
POLICY = """
pack: {{name: soak, version: "1.0.{version}", enabled: true}}
policies: {{chain: [pii-detector, secret-scanner, dlp-filter, topic-filter, audit-logger]}}
policy:
  dlp-filter: {{blocked_terms: ["Project Apollo", "Project {version}"]}}
  topic-filter: {{blocked_topics: [gambling]}}
  audit-logger: {{content: redacted}}
providers: {{targets: [{{id: up, provider: openai-compatible, base_url: "http://127.0.0.1:{port}"}}]}}
"""
SAID = ["Write to ", "ada@example", ".com about ", "Project Apollo", ". "] * 4
EVENTS = stream(SAID)
NUMBERS = itertools.count()


@dataclass
class Load:
    """What the clients got, by kind of request and outcome, and what the gateway held, second by second."""

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    curve: list[tuple[float, int]] = field(default_factory=list)

    @property
    def unexpected(self) -> dict[tuple[str, str], int]:
        return {one: count for one, count in self.outcomes.items() if one[1] != "fine"}


async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The provider."""
    try:
        while True:
            _, body = await read_request(reader)
            streamed = json.loads(body).get("stream")
            said = EVENTS if streamed else answer("".join(SAID))
            kind = b"text/event-stream" if streamed else b"application/json"
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ncontent-length: %d\r\n\r\n" % (kind, len(said)))
            for at in range(0, len(said), 700):
                writer.write(said[at : at + 700])
                await writer.drain()
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


def request(text: str, *, streamed: bool = False) -> bytes:
    content = f"Note {next(NUMBERS)} from ada@example.com. {text}"
    asked = {"model": "m", "stream": streamed, "messages": [{"role": "user", "content": content}]}
    return post(json.dumps(asked).encode())


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    status, named, _ = fields(head)
    if "content-length" in named:
        return status, await reader.readexactly(int(named["content-length"]))
    body = b""
    while size := int(await reader.readline(), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readline()
    return status, body


async def ask_on(port: int, load: Load, until: float) -> None:
    """One client: requests of every kind over one connection, and now and then a stream that nobody waits for."""
    now = asyncio.get_running_loop().time
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    kinds = itertools.cycle(["whole", "streamed", "blocked", "whole", "streamed", "left"])
    while now() < until:
        kind = next(kinds)
        writer.write(
            request("About gambling." if kind == "blocked" else "Hello.", streamed=kind in {"streamed", "left"})
        )
        try:
            if kind == "left":
                await reader.readuntil(b"\r\n\r\n")
                writer.transport.abort()
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                load.outcomes[kind, "fine"] += 1
            else:
                load.outcomes[kind, outcome(kind, *await read_answer(reader))] += 1
        except (OSError, EOFError, ValueError) as failed:
            load.outcomes[kind, type(failed).__name__] += 1
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.sleep(0.03)
    writer.close()


def outcome(kind: str, status: int, body: bytes) -> str:
    if kind == "blocked":
        return "fine" if status == 409 else f"status {status}"
    leaks = b"example.com" in body or b"Apollo" in body
    whole = kind == "whole" or body.endswith(b"data: [DONE]\n\n")
    return "fine" if (status, leaks, whole) == (200, False, True) else f"status {status}, {leaks}, {whole}"


async def change(policy: Path, port: int, until: float) -> None:
    """Another document every second, put in place at once."""
    for version in itertools.count(1):
        if asyncio.get_running_loop().time() >= until:
            return
        written = policy.with_suffix(".new")
        written.write_text(POLICY.format(version=version, port=port))
        written.replace(policy)
        await asyncio.sleep(1)


async def watch(process: GatewayProcess, load: Load, until: float) -> None:
    status, opened = (Path(f"/proc/{process.process.pid}/{name}") for name in ("status", "fd"))
    while asyncio.get_running_loop().time() < until:
        rss = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
        load.curve.append((int(rss.split()[1]) / 1024, len(list(opened.iterdir()))))
        await asyncio.sleep(1)


async def end(tasks: Iterable[asyncio.Task[None]]) -> None:
    for task in (left := list(tasks)):
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


@contextmanager
def provider() -> Iterator[int]:
    """On a loop of its own."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(respond, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        server.close()
        loop.run_until_complete(end(asyncio.all_tasks(loop)))
        loop.close()


@pytest.mark.timeout(120 + 2 * SECONDS)
def test_nothing_fails_and_nothing_grows(tmp_path: Path) -> None:
    """Requests of every kind under reloads; after a minute of warming up, memory stays where it is."""
    policy, load = tmp_path / "policy.yaml", Load()
    with provider() as port:
        policy.write_text(POLICY.format(version=0, port=port))
        spool = ("--spool-dir", tmp_path / "spool", "--spool-max-bytes", "4000000", "--on-spool-full", "drop-oldest")
        with gateway_process("--policy-config", policy, *spool) as process:
            process.wait_until_ready()

            async def scene() -> None:
                until = asyncio.get_running_loop().time() + SECONDS
                clients: list[Awaitable[None]] = [ask_on(process.port, load, until) for _ in range(6)]
                await asyncio.gather(*clients, change(policy, port, until), watch(process, load, until))

            asyncio.run(scene())
            reloads = sum(line["message"] == "configuration active" for line in process.log)
            assert process.end() == 0
    if CURVE:
        lines = (f"{second}\t{mib:.1f}\t{count}\n" for second, (mib, count) in enumerate(load.curve))
        Path(CURVE).write_text(f"# {dict(load.outcomes)}, {reloads} reloads\n" + "".join(lines))
    assert load.unexpected == {}
    assert min(Counter(kind for kind, _ in load.outcomes).values()) > 0
    assert reloads >= SECONDS * 0.6
    assert max(mib for mib, _ in load.curve) < BUDGET_MIB
    assert max(count for _, count in load.curve) < 100
    if SECONDS > 3 * WARM_SECONDS:
        check_flat([mib for mib, _ in load.curve[WARM_SECONDS:]])


def check_flat(curve: list[float]) -> None:
    """The last third holds no more than the first, but for what an allocator keeps."""
    third = len(curve) // 3
    first, last = statistics.median(curve[:third]), statistics.median(curve[-third:])
    assert last - first < 1, f"{first:.1f} MiB became {last:.1f}"
