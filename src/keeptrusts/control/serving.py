"""One control-plane process, from its socket to its end."""

from __future__ import annotations

import gc
import logging
import signal
import socket
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Final

import uvicorn

from keeptrusts.control.app import create_app, make_services
from keeptrusts.control.hub import Hub
from keeptrusts.control.retaining import make_partitions
from keeptrusts.control.services import Services, write_private
from keeptrusts.control.settings import Settings
from keeptrusts.core.errors import InputError, KeeptrustsError
from keeptrusts.store.apart import databases_of, hold_all, pair
from keeptrusts.store.engine import is_sqlite
from keeptrusts.store.errors import StoreUnavailableError
from keeptrusts.store.migrating import migrate, require_current
from keeptrusts.store.organisations import FirstKey, first_admin_key
from keeptrusts.store.transaction import Store

log = logging.getLogger("keeptrusts.control")

GRACE_S: Final = 15
"""How long a stop waits for requests that are being answered."""
BACKLOG: Final = 2048


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen. Port 0: any that is free."""

    host: str
    port: int

    @classmethod
    def read(cls, text: str) -> Address:
        """
        `HOST:PORT`, `[::1]:PORT` or `:PORT`.

        Raises:
            InputError: It is none of these.
        """
        host, colon, port = text.rpartition(":")
        if not colon or not (port.isascii() and port.isdigit()) or int(port) > 65535:
            raise InputError("an address to listen on is `HOST:PORT`, as in `127.0.0.1:8080`")
        return cls(host.strip("[]") or "0.0.0.0", int(port))  # noqa: S104  `:8080` means all addresses

    def bind(self) -> socket.socket:
        """
        A socket that listens.

        Raises:
            KeeptrustsError: The port is taken, or the address is not of this machine.
        """
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        bound = socket.socket(family, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((self.host, self.port))
            bound.listen(BACKLOG)
        except OSError as failed:
            bound.close()
            reason = failed.strerror or type(failed).__name__
            raise KeeptrustsError(
                f"cannot listen on `{self.host}:{self.port}`: {reason.lower()}; choose another --listen",
                code="cannot_listen",
            ) from None
        return bound


def serve(
    settings: Settings, address: Address, *, admin_key_file: Path | None, show_key: Callable[[FirstKey], None]
) -> None:
    """
    Serve until SIGTERM or SIGINT.

    Args:
        admin_key_file: Where the first admin key of a new database goes (mode 0600).
        show_key: Called with that key, and a code for the console, when there is no such file.

    Raises:
        KeeptrustsError: It cannot start; the message says what to do.
    """
    with closing(address.bind()) as listening:
        services = make_services(settings)
        with hold_all(services.store):
            prepare(services, admin_key_file, show_key)
            _run(services, listening)


def prepare(services: Services, admin_key_file: Path | None, show_key: Callable[[FirstKey], None]) -> None:
    """
    Bring the database to where it can be served: shape, signing key, first organisation.

    Raises:
        StoreUnavailableError: It cannot be reached, is not migrated, or is sealed with another secret key.
    """
    store = services.store
    for each in databases_of(store):
        if is_sqlite(each.engine):
            upgrade(each)
        else:
            _reached(each, partial(require_current, each))
    pair(store)
    services.signer.key()
    make_partitions(services)
    with store.write() as tx:
        first = first_admin_key(tx)
        if first is not None and admin_key_file is not None:
            # before the commit: a key that nobody knows must not become the only one
            admin_key_file.parent.mkdir(parents=True, exist_ok=True)
            write_private(admin_key_file, first.token + "\n")
    if first is not None and admin_key_file is None:
        show_key(first)


def upgrade(store: Store) -> tuple[str | None, str]:
    """
    Migrate, and say so; the revisions before and after.

    Raises:
        StoreUnavailableError: The database cannot be reached.
    """
    found: list[tuple[str | None, str]] = []
    _reached(store, lambda: found.append(migrate(store)))
    before, after = found[0]
    if before != after:
        log.info("database migrated", extra={"fields": {"from": before, "to": after}})
    return before, after


def _reached(store: Store, action: Callable[[], None]) -> None:
    try:
        action()
    except StoreUnavailableError as failed:
        if failed.code != StoreUnavailableError.code:
            raise
        where = store.engine.url.render_as_string(hide_password=True)
        raise StoreUnavailableError(f"cannot use the database `{where}`; is it running, and may we write?") from None


class _Server(uvicorn.Server):
    """Lets go of long polls and tails as soon as it is told to stop: they would hold it up."""

    def __init__(self, config: uvicorn.Config, hub: Hub) -> None:
        super().__init__(config)
        self._hub = hub

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for bound in sockets or ():
            host, port = bound.getsockname()[:2]
            log.info("listening", extra={"fields": {"address": f"{host}:{port}"}})

    def handle_exit(self, sig: int, _frame: FrameType | None) -> None:
        # the library would raise the signal again at the end, and a stop that was asked for would look like a crash
        self._hub.stop()
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True


def _settle_memory() -> None:
    """
    Collect seldom, and never what lives for ever: requests make no cycles worth looking for often.

    Of ten thousand polls that wait, each look over all that lives takes a second, in which nobody is answered.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _run(services: Services, listening: socket.socket) -> None:
    config = uvicorn.Config(
        create_app(services.settings, services),
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="on",
        loop="uvloop",
        http="httptools",
        timeout_graceful_shutdown=GRACE_S,
        timeout_keep_alive=75,
    )
    server = _Server(config, services.hub)
    _settle_memory()
    server.run(sockets=[listening])
    log.info("stopped")
    if not server.started:
        raise KeeptrustsError("the control plane did not start; the lines above say why", code="not_started")
