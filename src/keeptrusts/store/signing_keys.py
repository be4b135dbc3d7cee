"""The Ed25519 keys of the installation: they sign bundles and the checkpoints of the trail."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, RowMapping, Select, insert, select, text, update

from keeptrusts.store.errors import StoreUnavailableError
from keeptrusts.store.sealing import SealedError, Sealer
from keeptrusts.store.tables import signing_keys

_LOCK = 0x6B74_7369_676E  # "ktsign"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """`public_key`: 32 bytes (RFC 8032)."""

    key_id: str
    public_key: bytes
    created_at: datetime
    retired_at: datetime | None


@dataclass(frozen=True, slots=True)
class SigningKey:
    """`seed`: the 32 bytes of the private key."""

    key_id: str
    seed: bytes


def current_key(connection: Connection, sealer: Sealer, *, at: datetime) -> SigningKey:
    """
    The key that signs now; made when there is none. Needs a transaction that may write.

    Raises:
        StoreUnavailableError: It was sealed with another secret key.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    row = connection.execute(_newest(signing_keys)).mappings().one_or_none()
    return _make(connection, sealer, at) if row is None else _open(row, sealer)


def newest_key_id(connection: Connection) -> str | None:
    """Of the key that signs now; None when there is none."""
    return connection.execute(_newest(signing_keys.c.id)).scalar_one_or_none()


def check_opens(connection: Connection, sealer: Sealer) -> str | None:
    """
    The id of the key that signs now, which this secret key opens; None when none was made yet. Reads alone.

    Raises:
        StoreUnavailableError: It was sealed with another secret key.
    """
    row = connection.execute(_newest(signing_keys)).mappings().one_or_none()
    return None if row is None else _open(row, sealer).key_id


def rotate(connection: Connection, sealer: Sealer, *, at: datetime) -> SigningKey:
    """
    Retire the key that signs now and make another. What the old one signed stays verifiable.

    Raises:
        StoreUnavailableError: The old one was sealed with another secret key: the new one would not fit the database.
    """
    old = current_key(connection, sealer, at=at)
    connection.execute(update(signing_keys).where(signing_keys.c.id == old.key_id).values(retired_at=at))
    return _make(connection, sealer, at)


def public_keys(connection: Connection) -> list[PublicKey]:
    """All there ever were, newest first: old signatures stay verifiable."""
    rows = connection.execute(select(signing_keys).order_by(signing_keys.c.created_at.desc())).mappings()
    return [PublicKey(row["id"], row["public_key"], row["created_at"], row["retired_at"]) for row in rows]


def _newest(*columns: Any) -> Select[Any]:
    living = select(*columns).where(signing_keys.c.retired_at.is_(None))
    return living.order_by(signing_keys.c.created_at.desc()).limit(1)


def _make(connection: Connection, sealer: Sealer, at: datetime) -> SigningKey:
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes_raw()
    key_id = hashlib.sha256(public).hexdigest()[:16]
    row = {
        "id": key_id,
        "public_key": public,
        "private_key": sealer.seal(private.private_bytes_raw(), _context(key_id)),
        "created_at": at,
    }
    connection.execute(insert(signing_keys).values(row))
    return SigningKey(key_id, private.private_bytes_raw())


def _open(row: RowMapping, sealer: Sealer) -> SigningKey:
    try:
        return SigningKey(row["id"], sealer.open(row["private_key"], _context(row["id"])))
    except SealedError:
        raise StoreUnavailableError(
            "the secret key does not open this database; use the one it was made with "
            "(`secret.key` in the data directory, or KEEPTRUSTS_SECRET_KEY)",
            code="wrong_secret_key",
        ) from None


def _context(key_id: str) -> str:
    return f"signing_keys/{key_id}"
