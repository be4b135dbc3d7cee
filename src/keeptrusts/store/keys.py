"""
API keys and gateway tokens: `kt_<kind>_<id>_<secret>`.

The secret has 256 random bits, so its plain SHA-256 is enough: there is nothing to guess. It is never stored.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, TypeAlias

from sqlalchemy import Connection, RowMapping, bindparam, insert, select, text, update

from keeptrusts.api.names import Role
from keeptrusts.api.tokens import Key
from keeptrusts.core.errors import NotFoundError
from keeptrusts.core.ids import KEY
from keeptrusts.store.arrays import array_text
from keeptrusts.store.columns import rfc3339, rfc3339_or_none
from keeptrusts.store.tables import keys, organisations
from keeptrusts.store.transaction import new_id

Kind: TypeAlias = Literal["key", "gw"]
KINDS: Final[tuple[Kind, ...]] = ("key", "gw")
_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Credential:
    """
    A key as the control plane checks it.

    Args:
        scopes: Empty: everything the role may do.
    """

    id: str
    org: str
    org_name: str
    kind: str
    name: str
    role: Role
    scopes: tuple[str, ...]
    gateway_id: str | None
    secret_hash: bytes
    expires_at: datetime | None
    revoked_at: datetime | None

    def has_ended(self, now: datetime) -> bool:
        """Whether its time is over."""
        return self.expires_at is not None and self.expires_at <= now

    def fits(self, secret: str) -> bool:
        """Whether this is its secret; takes as long either way."""
        return hmac.compare_digest(self.secret_hash, hash_secret(secret))


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """What to make. `lifetime` None: no expiry."""

    name: str
    role: Role
    kind: Kind = "key"
    scopes: Sequence[str] = ()
    gateway_id: str | None = None
    lifetime: timedelta | None = None


def hash_secret(secret: str) -> bytes:
    """What is stored of it."""
    return hashlib.sha256(secret.encode()).digest()


def split_token(token: str) -> tuple[str, str] | None:
    """Key id and secret of `kt_<kind>_<id>_<secret>`; None when it is not of this form."""
    head, _, rest = token.partition("_")
    kind, _, rest = rest.partition("_")
    digits, _, secret = rest.partition("_")
    if head != "kt" or kind not in KINDS or len(digits) != 32 or not secret or not token.isascii():
        return None
    return f"{KEY}_{digits}", secret


def find_credentials(connection: Connection, key_ids: Collection[str]) -> dict[str, Credential]:
    """The one query that knows no organisation yet: it is how a caller's organisation is found."""
    query = select(keys, organisations.c.name.label("org_name")).join(organisations).where(keys.c.id.in_(key_ids))
    names = ("id", "org", "org_name", "kind", "name", "role", "gateway_id", "secret_hash", "expires_at", "revoked_at")
    return {
        row["id"]: Credential(scopes=tuple(row["scopes"]), **{name: row[name] for name in names})
        for row in connection.execute(query).mappings()
    }


def touch(connection: Connection, used: Mapping[str, datetime]) -> None:
    """Note when these keys were last used."""
    order = sorted(used)
    if connection.dialect.name == "postgresql":
        moments = array_text(used[key].isoformat() for key in order)
        connection.execute(_TOUCH, {"ids": array_text(order), "moments": moments})
        return
    statement = update(keys).where(keys.c.id == bindparam("key")).values(last_used_at=bindparam("at"))
    connection.execute(statement, [{"key": key, "at": used[key]} for key in order])


_TOUCH: Final = text(
    "UPDATE keys SET last_used_at = used.at FROM (SELECT id, last_used_at FROM keys WHERE id = ANY "
    "(CAST(:ids AS text[])) ORDER BY id FOR UPDATE) AS held, "
    "unnest(CAST(:ids AS text[]), CAST(:moments AS timestamptz[])) AS used (id, at) "
    "WHERE keys.id = held.id AND used.id = held.id"
)
"""In the order of their ids, so that two replicas never wait for each other."""


class Keys:
    """The keys of one organisation."""

    def __init__(self, connection: Connection, org: str) -> None:
        self._connection = connection
        self._org = org

    def make(self, wanted: NewKey, *, at: datetime) -> tuple[Key, str]:
        """A new key and its token, which is not to be had again."""
        key_id, secret = new_id(KEY), secrets.token_urlsafe(_SECRET_BYTES)
        head = f"kt_{wanted.kind}_{key_id.partition('_')[2]}"
        row: dict[str, Any] = {
            "id": key_id,
            "org": self._org,
            "kind": wanted.kind,
            "name": wanted.name,
            "role": wanted.role,
            "scopes": list(wanted.scopes),
            "gateway_id": wanted.gateway_id,
            "secret_hash": hash_secret(secret),
            "prefix": head,
            "created_at": at,
            "expires_at": at + wanted.lifetime if wanted.lifetime else None,
        }
        self._connection.execute(insert(keys).values(row))
        return self.read(key_id), f"{head}_{secret}"

    def read(self, key_id: str) -> Key:
        """
        One key, revoked or not.

        Raises:
            NotFoundError: This organisation has no such key.
        """
        row = self._connection.execute(self._mine().where(keys.c.id == key_id)).mappings().one_or_none()
        if row is None:
            raise NotFoundError("there is no such key")
        return _key(row)

    def page(self, *, before: str | None, limit: int, gateway_id: str | None = None) -> list[Key]:
        """Newest first, from just before the key `before`."""
        query = self._mine().order_by(keys.c.id.desc()).limit(limit)
        if before:
            query = query.where(keys.c.id < before)
        if gateway_id:
            query = query.where(keys.c.gateway_id == gateway_id)
        return [_key(row) for row in self._connection.execute(query).mappings()]

    def lifetime(self, key_id: str) -> timedelta | None:
        """How long it was made to live; None: for ever."""
        query = select(keys.c.created_at, keys.c.expires_at).where(keys.c.org == self._org, keys.c.id == key_id)
        row = self._connection.execute(query).one()
        return None if row.expires_at is None else row.expires_at - row.created_at

    def revoke(self, key_id: str, *, at: datetime) -> None:
        """From now on it is refused. Revoking twice keeps the first time."""
        self.end(key_id, at=at, column="revoked_at")

    def expire(self, key_id: str, *, at: datetime) -> None:
        """Let it end at `at`, unless it ends earlier."""
        self.end(key_id, at=at, column="expires_at")

    def end(self, key_id: str, *, at: datetime, column: Literal["revoked_at", "expires_at"]) -> None:
        """Set one of its two ends, never later than it already is."""
        chosen = keys.c[column]
        statement = (
            update(keys)
            .where(keys.c.org == self._org, keys.c.id == key_id, (chosen.is_(None)) | (chosen > at))
            .values({column: at})
        )
        self._connection.execute(statement)

    def revoke_of_gateway(self, gateway_id: str, *, at: datetime) -> list[str]:
        """Every token of a gateway that goes; their ids."""
        statement = (
            update(keys)
            .where(keys.c.org == self._org, keys.c.gateway_id == gateway_id, keys.c.revoked_at.is_(None))
            .values(revoked_at=at)
            .returning(keys.c.id)
        )
        return list(self._connection.execute(statement).scalars())

    def _mine(self) -> Any:
        return select(keys).where(keys.c.org == self._org)


def _key(row: RowMapping) -> Key:
    return {
        "id": row["id"],
        "name": row["name"],
        "role": row["role"],
        "scopes": row["scopes"],
        "prefix": row["prefix"],
        "gateway_id": row["gateway_id"],
        "created_at": rfc3339(row["created_at"]),
        "expires_at": rfc3339_or_none(row["expires_at"]),
        "last_used_at": rfc3339_or_none(row["last_used_at"]),
        "revoked_at": rfc3339_or_none(row["revoked_at"]),
    }
