"""`kt gateway run`: the data plane."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import click

from keeptrusts.cli.failure import Exit
from keeptrusts.cli.files import Existing
from keeptrusts.core.errors import InputError
from keeptrusts.policy.findings import InvalidPolicyError

_FILE = Existing()


@click.command()
@click.option("--listen", default="127.0.0.1:41002", show_default=True, help="HOST:PORT to serve on; port 0 picks one.")
@click.option(
    "--policy-config",
    "policy_files",
    multiple=True,
    type=_FILE,
    help="Policy document. Given several times, later files are laid on earlier ones: keys and whole lists replace.",
)
@click.option("--api-url", envvar="KEEPTRUSTS_API_URL", help="Control plane: events are shipped there.")
@click.option(
    "--gateway-id", envvar="KEEPTRUSTS_GATEWAY_ID", help="Which gateway this is; a gateway token says it itself."
)
@click.option(
    "--gateway-token",
    "token",
    envvar=["KEEPTRUSTS_GATEWAY_TOKEN", "KEEPTRUSTS_API_TOKEN", "KEEPTRUSTS_API_KEY"],
    help="Credential for the control plane; better given as `KEEPTRUSTS_GATEWAY_TOKEN` or `KEEPTRUSTS_API_TOKEN`.",
)
@click.option(
    "--fail-mode", type=click.Choice(["block", "allow"]), help="What a policy that fails means. [default: block]"
)
@click.option("--max-concurrency", type=click.IntRange(1), default=1000, show_default=True, help="Requests at a time.")
@click.option(
    "--max-held-bytes",
    type=click.IntRange(65536),
    default=256 * 1024**2,
    show_default=True,
    help="Most bytes of requests at a time, over all connections.",
)
@click.option("--spool-dir", type=click.Path(file_okay=False, path_type=Path), help="Where decisions are recorded.")
@click.option(
    "--spool-max-bytes",
    type=click.IntRange(65536),
    default=1024**3,
    show_default=True,
    help="Most that records may take.",
)
@click.option(
    "--on-spool-full",
    type=click.Choice(["block", "drop-oldest"]),
    default="block",
    show_default=True,
    help="Refuse requests, or drop the oldest records and leave a gap record.",
)
@click.option(
    "--drain-seconds", type=click.FloatRange(0), default=30.0, show_default=True, help="For requests in flight."
)
@click.option(
    "--client-keys",
    type=_FILE,
    envvar="KEEPTRUSTS_CLIENT_KEYS_FILE",
    help="Keys that callers must show: lines of `name sha256:HEX [expires TIME]`.",
)
@click.option(
    "--redis-fail-mode",
    type=click.Choice(["block", "allow"]),
    default="block",
    show_default=True,
    help="When `KEEPTRUSTS_REDIS_URL` does not answer: refuse what is limited, or count in this process.",
)
@click.option("--tls-cert", type=_FILE, help="Serve over TLS with this chain, in PEM; SIGHUP reads it again.")
@click.option("--tls-key", type=_FILE, help="Its key, in PEM, without a password.")
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    help="Processes at the port; limits of requests at a time and of bytes are each one's own.",
)
@click.option("--worker", type=int, hidden=True)
@click.option("--peers", type=click.Path(file_okay=False, path_type=Path), hidden=True)
@click.option("--dry-run", is_flag=True, help="Say what would be enforced, and start nothing.")
def run(listen: str, spool_dir: Path | None, *, workers: int, dry_run: bool, **options: Any) -> None:
    """
    Run a gateway: govern requests to model providers, and record every decision.

    With `--policy-config` the files say what is enforced; without it the control plane does. SIGTERM drains, SIGHUP
    reloads. `KEEPTRUSTS_ADMIN_TOKEN` opens `/keeptrusts/...` to other machines; with `KEEPTRUSTS_REDIS_URL` several
    gateways count rates and budgets together.

    Exit status: 0 ended by a signal, 1 failed, 2 wrong input, 4 the control plane refuses the token.
    """
    from keeptrusts.cli.databases import use_cache
    from keeptrusts.cli.gateway_workers import Workers
    from keeptrusts.gateway import process
    from keeptrusts.gateway.logs import write_log_lines
    from keeptrusts.gateway.settings import Settings

    host, port = parse_address(listen)
    settings = Settings(
        host=host,
        port=port,
        spool_dir=spool_dir or default_spool_dir(port),
        redis_url=os.environ.get("KEEPTRUSTS_REDIS_URL", ""),
        admin_token=os.environ.get("KEEPTRUSTS_ADMIN_TOKEN", ""),
        **options,
    )
    write_log_lines()
    use_cache()
    try:
        if dry_run:
            _show(asyncio.run(process.rehearse(settings)).shown())
        elif workers > 1:
            settings.check()
            supervised = Workers(workers, (host, port), settings.spool_dir, sys.argv[1:], settings.drain_seconds)
            sys.exit(supervised.run())
        else:
            process.run(settings)
    except InvalidPolicyError as invalid:
        show_findings(invalid)
        sys.exit(Exit.WRONG_INPUT)


def parse_address(text: str) -> tuple[str, int]:
    """
    `HOST:PORT`, with an IPv6 address in brackets.

    Raises:
        InputError: It is none.
    """
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or int(port) > 65535 or not host:
        raise InputError(f"`{text}` is not HOST:PORT, such as `0.0.0.0:41002`")
    return host.removeprefix("[").removesuffix("]"), int(port)


def default_spool_dir(port: int) -> Path:
    """One for each port, below the user's data directory."""
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "keeptrusts" / f"gateway-{port}"


def show_findings(invalid: InvalidPolicyError) -> None:
    """What lint found, on stderr."""
    for finding in invalid.findings:
        click.echo(f"error[{finding.code}]: {finding.message}", err=True)
        click.echo(f"  --> {finding.path or 'document'}, line {finding.line}, column {finding.column}", err=True)
        if finding.suggestion:
            click.echo(f"  help: {finding.suggestion}", err=True)
    click.echo("the policy is not valid, so nothing was started; `kt policy lint --file FILE` checks it", err=True)


def _show(shown: dict[str, Any]) -> None:
    click.echo(f"{shown['name']} {shown['version']} ({shown['digest']}) from {shown['source']}")
    click.echo(f"chain: {', '.join(shown['kinds'])}")
    for target in shown["targets"]:
        click.echo(f"target {target['id']} ({target['provider']}): {target['reason'] or 'available'}")
