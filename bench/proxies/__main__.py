"""
What a governed request costs beside proxies that pass the same requests on.

    python bench/proxies [--seconds S] [--rounds N] [--only nginx,keeptrusts] [--out FILE] [--points FILE]

Contenders are pinned to one core, the clients and the upstream to another. They are measured in turn, round by round,
so that a busy machine slows all of them; medians of the rounds and ratios are what counts.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import budgets
import page
from cost import cpu_seconds, resident_mib
from load import Answers, Ask, body_of, closed_loop, open_loop
from page import Figures, Result, Said
from peers import MEASURED_CORE, OTHER_CORE, Peer, Running, free_port, listens, peers, started

CONNECTIONS, STREAMS = 32, 100
LOADS: dict[str, tuple[Ask, int]] = {
    page.SMALL: (Ask(body_of(6)), CONNECTIONS),
    page.LARGE: (Ask(body_of(90)), CONNECTIONS),
    page.STREAMS: (Ask(body_of(6, stream=True)), CONNECTIONS),
    page.PACED: (Ask(body_of(6, stream=True, user="paced")), STREAMS),
}
"""What is asked, and on how many connections."""
FIRST, OPEN = page.SMALL, page.OPEN


def main() -> None:
    options = _options()
    os.sched_setaffinity(0, {OTHER_CORE} if (os.cpu_count() or 1) > 1 else {MEASURED_CORE})
    wanted = options.only.split(",") if options.only else [peer.name for peer in peers()]
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        upstream = stack.enter_context(_provider())
        missing: list[str] = []
        running = list(_started([one for one in peers() if one.name in wanted], Path(name), upstream, stack, missing))
        figures = _measured(running, upstream, options.rounds, options.seconds)
        about = tuple(map(_about, running))
        ours = next((_kept(one) for one in running if one.peer.name == budgets.OURS), None)
        reloads = _reloads(running, options.seconds)
        said = Said(about, tuple(missing), reloads, budgets.lines(figures, ours))
    text = page.text(figures, said, options.rounds, options.seconds)
    print(text)
    if options.out:
        page.put(options.out, text)
    if options.points:
        options.points.write_text(json.dumps(page.points(figures)), encoding="utf-8")


def _started(
    wanted: Sequence[Peer], folder: Path, upstream: int, stack: ExitStack, missing: list[str]
) -> Iterator[Running]:
    """Those that run; of the others `missing` gets a line each."""
    for peer in wanted:
        if peer.program is None:
            missing.append(f"{peer.name} is not installed: `{peer.missing}`")
            continue
        try:
            yield stack.enter_context(started(peer, folder, upstream))
            print(f"{peer.name} is ready", file=sys.stderr)
        except RuntimeError as failed:
            missing.append(str(failed))


def _kept(one: Running) -> budgets.Process:
    return budgets.Process(resident_mib(one.pid), one.ready_seconds)


def _about(one: Running) -> str:
    return page.about(one.peer.name, _version(one.peer), one.ready_seconds, resident_mib(one.pid))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measurement")
    parser.add_argument("--only", help="contenders, with commas between")
    parser.add_argument("--out", type=Path, help="page whose section is written anew")
    parser.add_argument("--points", type=Path, help="where the points of the plot go, as JSON")
    return parser.parse_args()


@contextmanager
def _provider() -> Iterator[int]:
    port = free_port()
    with subprocess.Popen([sys.executable, Path(__file__).with_name("upstream.py"), str(port)]) as process:
        try:
            while not listens(port):
                time.sleep(0.01)
            yield port
        finally:
            process.terminate()


def _measured(running: Sequence[Running], upstream: int, rounds: int, seconds: float) -> Figures:
    """By load, by contender: a result for each round."""
    figures: Figures = {}
    for name, (ask, connections) in LOADS.items():
        load = partial(closed_loop, connections=connections)
        figures[name] = _rounds(name, running, rounds, seconds, lambda one, took, load=load, ask=ask: load(  # type: ignore[misc]
            one.place.port, _asked(one, ask), seconds=took))  # fmt: skip
    ask, connections = LOADS[FIRST]
    half = {name: statistics.median(one.rate for one in results) / 2 for name, results in figures[FIRST].items()}
    at = {one.place.port: half[one.peer.name] for one in running}
    figures[OPEN] = _rounds(OPEN, running, rounds, seconds, lambda one, took: open_loop(
        one.place.port, _asked(one, ask), rate=at[one.place.port], connections=connections, seconds=took))  # fmt: skip
    # At the same rates without any of them between: what is more than this, they add.
    figures[page.DIRECT] = _rounds(page.DIRECT, running, rounds, seconds, lambda one, took: open_loop(
        upstream, _asked(one, ask), rate=at[one.place.port], connections=connections, seconds=took))  # fmt: skip
    print(file=sys.stderr)
    return figures


def _rounds(
    name: str, running: Sequence[Running], rounds: int, seconds: float, load: Callable[[Running, float], Answers]
) -> dict[str, list[Result]]:
    """The contenders in turn, after a round that warms them up."""
    found: dict[str, list[Result]] = {}
    for number in range(rounds + 1):
        for one in running:
            print(f"\r{name}, round {number} of {rounds}: {one.peer.name:12}", end="", file=sys.stderr, flush=True)
            before, began = cpu_seconds(one.pid), time.perf_counter()
            answers = load(one, seconds if number else min(seconds, 1.0))
            took = time.perf_counter() - began
            if number:
                result = page.result(answers, took, cpu_seconds(one.pid) - before)
                found.setdefault(one.peer.name, []).append(result)
    return found


def _asked(one: Running, ask: Ask) -> Ask:
    return replace(ask, headers=one.peer.headers(one.place))


def _reloads(running: Sequence[Running], seconds: float) -> str:
    """How many requests fail while the policy is written anew every second."""
    ours = next((one for one in running if one.peer.name == budgets.OURS), None)
    if ours is None:
        return ""
    config = ours.place.folder / "policy.yaml"
    text = config.read_text(encoding="utf-8")
    # In a process of its own: the clients hold this one.
    with subprocess.Popen([sys.executable, "-c", _WRITER, config, text, str(int(seconds * 3))]):
        answers = closed_loop(ours.place.port, LOADS[FIRST][0], connections=CONNECTIONS, seconds=seconds * 3)
    asked = len(answers.whole) + answers.failed
    return f"{answers.failed} of {asked} requests failed while the policy changed every second."


_WRITER = """
import pathlib, sys, time, os
path = pathlib.Path(sys.argv[1])
for number in range(int(sys.argv[3])):
    time.sleep(1)
    fresh = path.with_suffix(".new")
    fresh.write_text(sys.argv[2].replace("1.0.0", f"1.0.{number + 1}"))
    os.replace(fresh, path)
"""


def _version(peer: Peer) -> str:
    if not peer.version:
        return ""
    said = subprocess.run([str(peer.program), *peer.version], capture_output=True, text=True, check=False)
    words = (said.stdout + said.stderr).replace(str(peer.program), peer.program.name).strip().splitlines()
    return words[0][:80] if words else ""


if __name__ == "__main__":
    main()
