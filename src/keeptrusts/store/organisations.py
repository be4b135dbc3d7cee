"""Organisations. The first one, and its admin key, are made when the database is new."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, text

from keeptrusts.core.ids import ORGANISATION
from keeptrusts.store.keys import Keys, NewKey
from keeptrusts.store.sign_in_links import SignInLinks
from keeptrusts.store.tables import organisations
from keeptrusts.store.transaction import Tx, new_id

_LOCK = 0x6B74_6F72_6731  # "ktorg1"


def make_organisation(connection: Connection, name: str, *, at: datetime) -> str:
    """Its id."""
    org = new_id(ORGANISATION)
    connection.execute(insert(organisations).values(id=org, name=name, created_at=at))
    return org


@dataclass(frozen=True, slots=True)
class FirstKey:
    """Of a new database. `code` signs in to the console, once."""

    token: str
    code: str


def first_admin_key(tx: Tx) -> FirstKey | None:
    """Made when the database had no organisation; else None. Several may try at once."""
    if tx.connection.dialect.name == "postgresql":
        tx.connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    if tx.connection.execute(select(organisations.c.id).limit(1)).first() is not None:
        return None
    org = make_organisation(tx.connection, "default", at=tx.now)
    key, token = Keys(tx.connection, org).make(NewKey(name="first admin key", role="admin"), at=tx.now)
    link = SignInLinks(tx.connection).make(org, key["id"], at=tx.now)
    return FirstKey(token, link.code)
