"""What `kt dev` needs to be in the control plane: a configuration, a gateway that follows it, and its token."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from keeptrusts.cli.files import OWNER_ONLY, write_whole
from keeptrusts.core.errors import ApiError

if TYPE_CHECKING:
    from keeptrusts.api.configurations import ConfigurationDraft
    from keeptrusts.api.gateways import Gateway, GatewayDraft, GatewayTokenDraft
    from keeptrusts.client import Client

NAME: Final = "dev"


@dataclass(frozen=True, slots=True)
class Identity:
    """The gateway that runs here, and the credential it runs with."""

    gateway_id: str
    token: str


def starter_policy() -> str:
    """The document that a new user begins with."""
    return files("keeptrusts.cli").joinpath("starter.yaml").read_text(encoding="utf-8")


def ensure_identity(client: Client, api_url: str, path: Path) -> tuple[Identity, Gateway]:
    """
    The gateway of the last start, or a new one.

    What exists is left as it is: by now Terraform or a person may look after it.

    Args:
        path: Where the identity is kept.
    """
    kept = _read(path)
    gateway = _find(client, kept)
    if gateway is None:
        draft = {"name": NAME, "environment": "dev", "configuration_id": _starter(client)}
        gateway = client.gateways.create(cast("GatewayDraft", draft))
    if kept is not None and kept.gateway_id == gateway["id"] and _is_welcome(api_url, kept.token):
        return kept, gateway
    token = client.gateways.create_token(gateway["id"], cast("GatewayTokenDraft", {"name": "kt dev"}))["token"]
    identity = Identity(gateway["id"], token)
    write_whole(path, json.dumps(asdict(identity)), OWNER_ONLY)
    return identity, gateway


def replace_lost_key(database: Path, key_file: Path) -> None:
    """
    Write a new admin key for a database whose key is gone; whoever owns the file may.

    Raises:
        KeeptrustsError: Something else uses the database.
    """
    from sqlalchemy import select

    from keeptrusts.control.serving import upgrade
    from keeptrusts.store.engine import hold_alone, open_engine
    from keeptrusts.store.keys import Keys, NewKey
    from keeptrusts.store.tables import organisations
    from keeptrusts.store.transaction import Store

    store = Store(open_engine(f"sqlite:///{database}"))
    with hold_alone(store.engine):
        upgrade(store)
        with store.write() as tx:
            org = tx.connection.execute(select(organisations.c.id).order_by(organisations.c.id).limit(1)).scalar()
            if org is not None:
                _, token = Keys(tx.connection, org).make(NewKey(name="kt dev", role="admin"), at=tx.now)
                # before the commit: a key that nobody knows is of no use
                write_whole(key_file, token + "\n", OWNER_ONLY)
    store.engine.dispose()


def _find(client: Client, kept: Identity | None) -> Gateway | None:
    if kept is not None:
        try:
            return client.gateways.get(kept.gateway_id)
        except ApiError as refused:
            if refused.status != 404:
                raise
    return client.gateways.find(NAME)


def _starter(client: Client) -> str:
    found = client.configurations.find(NAME)
    if found is None:
        draft = {"name": NAME, "description": "A first policy", "policy_yaml": starter_policy(), "managed_by": "cli"}
        found = client.configurations.create(cast("ConfigurationDraft", draft))
    return found["id"]


def _read(path: Path) -> Identity | None:
    try:
        return Identity(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _is_welcome(api_url: str, token: str) -> bool:
    """Whether the token still opens anything."""
    from keeptrusts.client import Client

    with Client(api_url, token) as client:
        try:
            client.whoami()
        except ApiError as refused:
            if refused.status == 401:
                return False
            raise
    return True
