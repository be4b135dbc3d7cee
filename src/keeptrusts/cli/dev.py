"""`kt dev`: everything on this machine."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from keeptrusts.cli.failure import stop
from keeptrusts.cli.files import OWNER_ONLY, write_whole
from keeptrusts.cli.output import say
from keeptrusts.core.errors import ApiError, KeeptrustsError

if TYPE_CHECKING:
    from keeptrusts.api.gateways import Gateway
    from keeptrusts.cli.children import Children
    from keeptrusts.cli.first_run import Identity
    from keeptrusts.client import Client

READY_S: Final = 60.0
_PATH = click.Path(file_okay=False, path_type=Path)


@click.command()
@click.option("--data-dir", type=_PATH, default=Path("~/.local/share/keeptrusts/dev"), show_default=True,
              help="Everything that is kept; the next start goes on with it.")  # fmt: skip
@click.option("--api-listen", default="127.0.0.1:8080", show_default=True, metavar="HOST:PORT",
              help="The control plane; port 0 takes a free one.")  # fmt: skip
@click.option("--gateway-listen", default="127.0.0.1:41002", show_default=True, metavar="HOST:PORT",
              help="The gateway; port 0 takes a free one.")  # fmt: skip
@click.option("--env-file", type=click.Path(dir_okay=False, path_type=Path),
              help="Where the settings are written once everything is ready.  [default: kt.env in the data directory]",
              )  # fmt: skip
def dev(data_dir: Path, api_listen: str, gateway_listen: str, env_file: Path | None) -> None:
    """
    Run everything on this machine, until Ctrl-C.

    A control plane on SQLite, one gateway that follows it with a mock provider (no key, no network needed), and a first
    admin key. What you make is still there at the next start.

    \b
    When it is ready, the env file has NAME=value lines (mode 0600):
      KEEPTRUSTS_API_URL, KEEPTRUSTS_API_TOKEN,
      KEEPTRUSTS_GATEWAY_URL, KEEPTRUSTS_GATEWAY_ID, KEEPTRUSTS_GATEWAY_TOKEN
      set -a; . kt.env; set +a

    Exit status: 0 stopped by Ctrl-C or SIGTERM, 1 something could not start or ended by itself.
    """
    from keeptrusts.cli.children import Children, StoppedError

    home = data_dir.expanduser().absolute()
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    (home / "logs").mkdir(exist_ok=True)
    target = env_file.absolute() if env_file else home / "kt.env"
    with _alone(home):
        target.unlink(missing_ok=True)
        stage = Stage(home, _place("--api-listen", api_listen), _place("--gateway-listen", gateway_listen))
        try:
            with Children(home / "logs") as children:
                run(stage, children, target)
        except StoppedError:
            pass
    say("stopped; `kt dev` goes on with the same data")


@dataclass(frozen=True, slots=True)
class Place:
    """Where to listen, with a port that was free a moment ago."""

    host: str
    port: int

    @property
    def listen(self) -> str:
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def url(self) -> str:
        """How to reach it from this machine."""
        return f"http://{Place({'0.0.0.0': '127.0.0.1', '::': '::1'}.get(self.host, self.host), self.port).listen}"  # noqa: S104


@dataclass(frozen=True, slots=True)
class Stage:
    """What one run of `kt dev` has."""

    home: Path
    api: Place
    gateway: Place

    @property
    def admin_key(self) -> Path:
        return self.home / "admin.key"


def run(stage: Stage, children: Children, env_file: Path) -> None:
    """
    Start everything, say so, and watch it until a signal comes.

    Raises:
        KeeptrustsError: Something did not start, or ended by itself.
    """
    from keeptrusts.cli.first_run import replace_lost_key
    from keeptrusts.client import Client

    if not stage.admin_key.exists() and (stage.home / "control.db").exists():
        replace_lost_key(stage.home / "control.db", stage.admin_key)
    start_control_plane(stage, children)
    token = stage.admin_key.read_text(encoding="utf-8").strip()
    with Client(stage.api.url, token, stop=lambda: children.stopped) as client:
        identity, gateway = identify(client, stage)
        start_gateway(stage, children, identity, gateway)
        console = stage.api.url + client.console_link()["path"]
    settings = {
        "KEEPTRUSTS_API_URL": stage.api.url,
        "KEEPTRUSTS_API_TOKEN": token,
        "KEEPTRUSTS_GATEWAY_URL": stage.gateway.url,
        "KEEPTRUSTS_GATEWAY_ID": identity.gateway_id,
        "KEEPTRUSTS_GATEWAY_TOKEN": identity.token,
    }
    write_whole(env_file, "".join(f"{name}={value}\n" for name, value in settings.items()), OWNER_ONLY)
    click.echo(what_next(stage, env_file, console))
    children.watch()


def identify(client: Client, stage: Stage) -> tuple[Identity, Gateway]:
    from keeptrusts.cli.first_run import ensure_identity

    try:
        return ensure_identity(client, stage.api.url, stage.home / "gateway.json")
    except ApiError as refused:
        if refused.status != 401:
            raise
        raise stop(
            f"the admin key in {stage.admin_key} is no longer valid",
            "put a valid admin key there, or delete the file: the next start then makes a new key",
            code="invalid_api_key",
        ) from None


def start_control_plane(stage: Stage, children: Children) -> None:
    arguments = [
        "server",
        "run",
        "--listen",
        stage.api.listen,
        "--data-dir",
        str(stage.home),
        "--allow-insecure-webhooks",
    ]
    children.start("control plane", [*arguments, "--admin-key-file", str(stage.admin_key)], {})
    children.wait_until(lambda: answers(stage.api.url, "/readyz"), "the control plane is ready", seconds=READY_S)


def start_gateway(stage: Stage, children: Children, identity: Identity, gateway: Gateway) -> None:
    arguments = ["gateway", "run", "--listen", stage.gateway.listen, "--spool-dir", str(stage.home / "spool")]
    environment = {"KEEPTRUSTS_API_URL": stage.api.url, "KEEPTRUSTS_GATEWAY_TOKEN": identity.token}
    children.start("gateway", [*arguments, "--drain-seconds", "5"], environment)
    path = "/readyz"
    if gateway["configuration_id"] is None:
        say("the gateway has no configuration yet; it refuses requests until it gets one")
        path = "/healthz"
    children.wait_until(lambda: answers(stage.gateway.url, path), "the gateway is ready", seconds=READY_S)


def answers(url: str, path: str) -> bool:
    """Whether it says 200."""
    import urllib3

    with urllib3.PoolManager(retries=False, timeout=2.0) as pool:
        try:
            return pool.request("GET", url + path).status == 200
        except urllib3.exceptions.HTTPError:
            return False


def what_next(stage: Stage, env_file: Path, console: str) -> str:
    request = '{"model": "mock", "messages": [{"role": "user", "content": "Write to maria.lopez@example.com"}]}'
    return "\n".join(
        [
            "Keeptrusts is running. Ctrl-C stops it; the next start goes on with the same data.",
            "",
            f"  control plane  {stage.api.url}",
            f"  gateway        {stage.gateway.url}",
            f"  data and logs  {stage.home}",
            "",
            "The console, in a browser; the link signs in once, and `kt console` makes another:",
            f"  {console}",
            "",
            "In another terminal:",
            f"  set -a; . {env_file}; set +a",
            f"  curl $KEEPTRUSTS_GATEWAY_URL/v1/chat/completions -H 'content-type: application/json' -d '{request}'",
            "  kt events tail --follow",
        ]
    )


def _place(option: str, listen: str) -> Place:
    """
    The address, and a sign that it can be had.

    Raises:
        Failure: It cannot.
    """
    host, _, port = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise click.BadParameter(f"`{listen}` is not HOST:PORT, such as 127.0.0.1:8080", param_hint=option)
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
        except OSError as error:
            raise stop(
                f"cannot listen on `{listen}`: {(error.strerror or 'not possible').lower()}",
                f"stop what uses the port, or choose another with `{option}` (port 0 takes a free one)",
                code="port_in_use",
            ) from None
        return Place(host, probe.getsockname()[1])


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """
    One `kt dev` for each directory.

    Raises:
        KeeptrustsError: There is one already.
    """
    import fcntl

    with (home / "dev.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise KeeptrustsError(
                f"`kt dev` already runs on {home}; stop it, or choose another `--data-dir`", code="already_running"
            ) from None
        yield
