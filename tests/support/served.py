"""A control plane on a real loopback port, served from a thread of the test."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from click.testing import CliRunner, Result

from keeptrusts.cli.main import main
from keeptrusts.control.app import create_app, make_services
from keeptrusts.control.hub import Hub
from keeptrusts.control.serving import prepare
from keeptrusts.control.settings import Settings
from keeptrusts.store.organisations import FirstKey


@dataclass(frozen=True, slots=True)
class Served:
    """Its address, the key of its first admin, and the code that signs them in to the console."""

    url: str
    token: str
    home: Path
    code: str

    @property
    def environment(self) -> dict[str, str]:
        return {"KEEPTRUSTS_API_URL": self.url, "KEEPTRUSTS_API_TOKEN": self.token, "HOME": str(self.home)}

    def kt(self, *arguments: str, env: Mapping[str, str | None] | None = None, stdin: str = "") -> Result:
        """Run `kt` in this process, as its admin."""
        return run_kt(*arguments, env={**self.environment, **(env or {})}, stdin=stdin)


def run_kt(*arguments: str, env: Mapping[str, str | None], stdin: str = "") -> Result:
    """Run `kt` in this process with these settings of Keeptrusts and no others; a bug is not swallowed."""
    none = ("KEEPTRUSTS_API_URL", "KEEPTRUSTS_API_TOKEN", "KEEPTRUSTS_API_KEY", "KEEPTRUSTS_PROFILE", "XDG_CONFIG_HOME")
    clean: dict[str, str | None] = dict.fromkeys((*none, "XDG_DATA_HOME", "NO_COLOR"))
    result = CliRunner().invoke(main, arguments, env={**clean, **env}, input=stdin)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@contextmanager
def serve(settings: Settings, home: Path) -> Iterator[Served]:
    """Serve a fresh database until the block ends."""
    keys: list[FirstKey] = []
    services = make_services(settings)
    prepare(services, None, keys.append)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(create_app(settings, services), log_config=None, access_log=False, loop="asyncio")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield Served(f"http://127.0.0.1:{listening.getsockname()[1]}", keys[0].token, home, keys[0].code)
        finally:
            _end(server, services.hub, thread)


def _end(server: uvicorn.Server, hub: Hub, thread: threading.Thread) -> None:
    hub.stop()
    server.should_exit = True
    thread.join(20)
    assert not thread.is_alive()


def shown(result: Result) -> Sequence[str]:
    """The lines of a result that went well."""
    assert result.exit_code == 0, result.stderr
    return result.stdout.splitlines()
