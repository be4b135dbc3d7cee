"""What the routes and workers of one process share: made once by `create_app`, found through the request."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request

from keeptrusts.control.bundles import Bundles
from keeptrusts.control.credentials import Credentials
from keeptrusts.control.gathering import Gathering
from keeptrusts.control.hub import Hub
from keeptrusts.control.outbound import OutboundRules
from keeptrusts.control.releases import Releases
from keeptrusts.control.settings import Settings
from keeptrusts.control.signing import Signer
from keeptrusts.control.waves import Waves
from keeptrusts.core.errors import InputError
from keeptrusts.store.sealing import Sealer
from keeptrusts.store.transaction import Store

SHORTEST_KEY = 32


@dataclass(frozen=True, slots=True)
class Services:
    """
    `store` opens transactions; `sealer` keeps secrets; `credentials` knows callers; `hub` wakes who waits.

    `signer` signs and `bundles` remembers what it signed; `outbound` says where webhooks may go; `releases` are those
    of the Terraform provider; `gathering` takes events in; `waves` bring changes to gateways that wait.
    """

    settings: Settings
    store: Store
    sealer: Sealer
    credentials: Credentials
    hub: Hub
    signer: Signer
    bundles: Bundles
    outbound: OutboundRules
    releases: Releases
    gathering: Gathering
    waves: Waves

    def gateways_changed(self, *gateway_ids: str) -> None:
        """What they are to run is another now: wake those who wait for it. From any thread."""
        self.bundles.forget(*gateway_ids)
        self.waves.begin(gateway_ids)


def services_of(request: Request) -> Services:
    """Those of the application that serves this request."""
    found = request.app.state.services
    assert isinstance(found, Services)
    return found


AppServices = Annotated[Services, Depends(services_of)]


def secret_key(settings: Settings) -> bytes:
    """
    The key that seals secrets at rest; made on first use, in a file that only its owner reads.

    Raises:
        InputError: The configured key is too short.
    """
    if settings.secret_key is not None:
        if len(settings.secret_key) < SHORTEST_KEY:
            raise InputError(f"the secret key must have at least {SHORTEST_KEY} bytes; use `openssl rand -base64 48`")
        return settings.secret_key
    path = settings.data_dir / "secret.key"
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        write_private(path, secrets.token_urlsafe(48))
    return path.read_bytes()


def existing_secret_key(settings: Settings) -> bytes:
    """
    As `secret_key`, but never a new one: what is sealed already opens with its own alone.

    Raises:
        InputError: There is none, or the configured key is too short.
    """
    path = settings.data_dir / "secret.key"
    if settings.secret_key is None and not path.exists():
        raise InputError(
            f"there is no `{path}`: set `KEEPTRUSTS_SECRET_KEY` to the secret key of the installation, or copy its"
            " `secret.key` there; a new one opens nothing"
        )
    return secret_key(settings)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner reads, all at once: a reader never sees half of it."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(path)
