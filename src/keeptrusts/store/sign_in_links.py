"""
Links that sign somebody in to the console, once, with the rights of a key.

The code has 256 random bits and is stored as its SHA-256, as secrets of keys are.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, delete, insert

from keeptrusts.store.review_tables import sign_in_links

GOOD_FOR: Final = timedelta(days=1)
_CODE_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class SignInLink:
    """`code` is known to whoever has the link, and stored nowhere."""

    code: str
    expires_at: datetime


class SignInLinks:
    """Of all organisations: whoever comes with a code has not said of which they are."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def make(self, org: str, key_id: str, *, at: datetime) -> SignInLink:
        """A new one; those that have ended are forgotten."""
        link = SignInLink(secrets.token_urlsafe(_CODE_BYTES), at + GOOD_FOR)
        self._connection.execute(delete(sign_in_links).where(sign_in_links.c.expires_at <= at))
        row = {"code_hash": _hash(link.code), "org": org, "key_id": key_id, "expires_at": link.expires_at}
        self._connection.execute(insert(sign_in_links).values(row))
        return link

    def use(self, code: str, *, at: datetime) -> str | None:
        """The key it stands for, to the first who asks; None: it was used, has ended, or never was."""
        mine = sign_in_links.c.code_hash == _hash(code)
        used = self._connection.execute(
            delete(sign_in_links).where(mine).returning(sign_in_links.c.key_id, sign_in_links.c.expires_at)
        ).one_or_none()
        return used.key_id if used is not None and used.expires_at > at else None


def _hash(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
