"""`kt bench`: what a gateway adds to the time of a request."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from keeptrusts.cli.failure import Exit, stop
from keeptrusts.cli.files import Existing
from keeptrusts.cli.output import Bar, emit, emit_value, format_option, say

if TYPE_CHECKING:
    from keeptrusts.cli.bench_figures import Figures
    from keeptrusts.cli.bench_load import Load, Side
    from keeptrusts.cli.children import Child, Children

ROUNDS: Final = 5
WARM_S: Final = 0.3
"""How long each side is asked before it counts."""
WARM_CONNECTIONS: Final = 8
CONCURRENCY: Final = {"closed": 1, "open": 64}
USUAL: Final = Path("policy-config.yaml")
STARTER: Final = Path(__file__).with_name("starter.yaml")


@click.command()
@click.option(
    "--policy-config",
    "policy",
    type=Existing(),
    help="What the gateway enforces.  [default: policy-config.yaml here, or what `kt init` writes]",
)
@click.option("--gateway", metavar="URL", help="Measure this running gateway; nothing is started.")
@click.option("--upstream", metavar="URL", help="With --gateway: what is behind it, to be measured directly.")
@click.option("--key-env", metavar="NAME", help="With --gateway: variable that has the caller's key.")
@click.option("--concurrency", type=click.IntRange(1, 10_000), help="Connections.  [default: 1; with --rate 64]")
@click.option(
    "--rate",
    type=click.FloatRange(0, 1_000_000, min_open=True),
    help="Requests a second at fixed times, whether answers come or not. [default: each connection asks when answered]",
)
@click.option("--seconds", type=click.FloatRange(0, 86_400, min_open=True), default=10.0, show_default=True,
              help="How long each side is measured, in all rounds.")  # fmt: skip
@click.option("--model", default="gpt-4o", show_default=True, help="Which model is asked for.")
@click.option("--body-bytes", type=click.IntRange(1, 64 * 1024**2), default=1500, show_default=True,
              help="Size of a request.")  # fmt: skip
@click.option("--stream", is_flag=True, help="Ask for streamed answers; tells the time to the first byte, too.")
@click.option("--serve-upstream", type=int, hidden=True)
@format_option("table", "json", "csv")
def bench(form: str, serve_upstream: int | None, **options: Any) -> None:
    """
    Measure what a gateway adds to a request, at percentiles.

    Starts a mock provider and a gateway with your policy before it, and sends the same load to the provider directly
    and through the gateway, in alternating rounds. Targets of the policy keep their ids, but lead to the mock provider:
    no key and no network is needed. Its rates are counted, but never reached. Everything is stopped in the end, and
    nothing is kept.

    One connection tells what a request costs; more of them, how many requests a gateway can take and how long they then
    wait. With --rate latency counts from the moment at which a request was to be sent, so that waiting is not left out.
    With --gateway the requests go to whatever provider is behind it, and may cost money.

    \b
      kt bench --seconds 5
      kt bench --policy-config policy-config.yaml --rate 500 --json
      kt bench --gateway http://127.0.0.1:41002 --key-env MY_KEY --concurrency 2

    Exit status: 0 done, 1 requests failed or something could not be reached, 2 wrong input, 4 the gateway wants another
    key.
    """
    if serve_upstream is not None:
        from keeptrusts.cli.bench_upstream import serve

        serve(serve_upstream)
        return
    from keeptrusts.cli.bench_load import Load, body_of

    plan = _plan(**options)
    load = Load(plan.concurrency, plan.rate, plan.seconds / ROUNDS)
    found = _measured(plan, body_of(plan.body_bytes, plan.model, stream=plan.stream), load)
    _show(plan, found, form)
    sys.exit(Exit.FAILED if any(side.failed for side in found.values()) else 0)


@dataclass(frozen=True, slots=True)
class Plan:
    """
    What is to be measured.

    Args:
        policy: For a gateway of our own; None: others are measured, at `sides`.
        seconds: Of each side, in all rounds.
    """

    policy: Path | None
    sides: tuple[Side, ...]
    concurrency: int
    rate: float | None
    seconds: float
    model: str
    body_bytes: int
    stream: bool

    def as_json(self) -> dict[str, Any]:
        return {
            "loop": "closed" if self.rate is None else "open",
            "concurrency": self.concurrency,
            "rate_per_second": self.rate,
            "seconds": self.seconds,
            "rounds": ROUNDS,
            "stream": self.stream,
            "body_bytes": self.body_bytes,
            "policy": None if self.policy is None else "built-in" if self.policy == STARTER else str(self.policy),
        }


def _plan(
    policy: Path | None, gateway: str | None, upstream: str | None, key_env: str | None, concurrency: int | None,
    rate: float | None, **rest: Any,
) -> Plan:  # fmt: skip
    concurrency = concurrency or CONCURRENCY["closed" if rate is None else "open"]
    if gateway is None:
        for name, given in (("--upstream", upstream), ("--key-env", key_env)):
            if given is not None:
                raise click.UsageError(f"`{name}` goes with `--gateway`")
        return Plan(_policy(policy), (), concurrency, rate, **rest)
    if policy is not None:
        raise click.UsageError("`--policy-config` is for a gateway that is started; one at `--gateway` has its own")
    return Plan(None, _sides(gateway, upstream, key_env), concurrency, rate, **rest)


def _policy(given: Path | None) -> Path:
    from keeptrusts.cli.documents import sound_text

    chosen = given or (USUAL if USUAL.exists() else STARTER)
    sound_text(str(chosen))
    return chosen


def _sides(gateway: str, upstream: str | None, key_env: str | None) -> tuple[Side, ...]:
    from keeptrusts.cli.bench_load import side_at

    key = os.environ.get(key_env, "") if key_env else ""
    if key_env and (not key or not key.isascii() or not key.isprintable()):
        raise click.UsageError(f"the variable `{key_env}` has no key")
    direct = (side_at("direct", upstream),) if upstream else ()
    return (*direct, side_at("gateway", gateway, key))


def _measured(plan: Plan, body: bytes, load: Load) -> Mapping[str, Figures]:
    from tempfile import TemporaryDirectory

    from keeptrusts.cli.children import Children

    with TemporaryDirectory(prefix="kt-bench-") as name, Children(Path(name)) as children:
        if plan.policy is None:
            return _rounds(plan.sides, body, load, (), children)
        from keeptrusts.cli.bench_stage import start

        started, direct, gateway = start(plan.policy, Path(name), children)
        return _rounds((direct, gateway), body, load, started, children)


def _rounds(
    sides: Sequence[Side], body: bytes, load: Load, started: Sequence[Child], children: Children
) -> Mapping[str, Figures]:
    """Each side in turn, the other one first in every second round: a busy moment of the machine hits both."""
    from keeptrusts.cli.bench_figures import figures
    from keeptrusts.cli.bench_load import Answers, measure

    def stopped() -> bool:
        for child in started:
            child.require_alive()
        return children.stopped

    for side in sides:
        _warm(side, body, load, stopped)
    found = {side.name: Answers() for side in sides}
    with Bar("measuring", "rounds") as bar:
        for number in range(ROUNDS):
            for place, side in enumerate(sides if number % 2 == 0 else sides[::-1]):
                bar.show(number * len(sides) + place, ROUNDS * len(sides))
                found[side.name].add(measure(side, body, load, stopped))
        bar.show(ROUNDS * len(sides), ROUNDS * len(sides))
    return {name: figures(answers) for name, answers in found.items()}


def _warm(side: Side, body: bytes, load: Load, stopped: Callable[[], bool]) -> None:
    """Ask for a moment; a side that answers nothing is not asked further."""
    from keeptrusts.cli.bench_load import Load, measure

    warm = Load(min(load.concurrency, WARM_CONNECTIONS), None, min(WARM_S, load.seconds))
    answers = measure(side, body, warm, stopped)
    if answers.whole:
        return
    why = max(answers.failures, key=lambda name: answers.failures[name])
    wrong_key = why in {"status 401", "status 403"}
    raise stop(
        f"`{side.host}:{side.port}` ({side.name}) answers no request: {why}",
        NEXT.get(why, ""),
        status=Exit.NOT_AUTHORISED if wrong_key else Exit.FAILED,
        code="unreachable" if why == "not reachable" else "requests_failed",
    )


NEXT: Final = {
    "its certificate is not trusted": "name a file with its authority in `SSL_CERT_FILE`",
    "not reachable": "see whether it runs and whether its address is right",
    "status 401": "put the caller's key into a variable and name it with `--key-env`",
    "status 403": "use a key that may ask for this model",
    "status 404": "give the root of the API, such as `http://127.0.0.1:41002`, and with `--model` a model that it has",
    "status 409": "the policy blocks such a request; see `--model` and `--body-bytes`, or measure another policy",
    "status 429": "a limit of the policy refuses more requests; stay below it with `--rate`, or measure without it",
}


def _show(plan: Plan, found: Mapping[str, Figures], form: str) -> None:
    from keeptrusts.cli.bench_figures import COLUMNS, report, rows

    if form == "json":
        emit_value({**plan.as_json(), **report(found)}, form)
    else:
        emit(list(rows(found, stream=plan.stream)), COLUMNS, form)
    for name, side in found.items():
        for why, count in side.failures.items():
            say(f"{name}: {count} of {side.requests} requests failed: {why}"
                + (f"; {NEXT[why]}" if why in NEXT else ""))  # fmt: skip
