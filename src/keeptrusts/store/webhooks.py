"""
Webhooks of one organisation: who is told, of what, and the secrets that sign it, which no answer shows again.

Secrets and header values are sealed for their row and version; only the courier opens them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, Select, bindparam, delete, insert, select, update

from keeptrusts.api.event_types import wants
from keeptrusts.api.webhooks import Format, Webhook
from keeptrusts.core.errors import NotFoundError
from keeptrusts.core.ids import WEBHOOK
from keeptrusts.store.columns import rfc3339
from keeptrusts.store.jobs import DELIVERIES, Jobs
from keeptrusts.store.sealing import Sealer
from keeptrusts.store.transaction import new_id
from keeptrusts.store.work_tables import webhooks

OVERLAP: Final = timedelta(hours=24)
"""How long a replaced secret still signs."""

GuessFormat = Callable[[str], Format]


@dataclass(frozen=True, slots=True)
class StoredWebhook:
    """A webhook as the API shows it, and its revision."""

    shown: Webhook
    revision: int


@dataclass(frozen=True, slots=True, repr=False)
class Endpoint:
    """
    What is needed to send to a webhook. Has no repr: it holds secrets.

    Args:
        keys: Secrets that sign now, the newest first.
    """

    id: str
    org: str
    url: str
    active: bool
    format: Format
    headers: Mapping[str, str]
    keys: tuple[str, ...]
    failing_since: datetime | None


class Webhooks:
    """
    The webhooks of one organisation.

    Args:
        guess: The format of a URL for which none was chosen.
    """

    def __init__(self, connection: Connection, org: str, sealer: Sealer, guess: GuessFormat) -> None:
        self._connection = connection
        self._org = org
        self._sealer = sealer
        self._guess = guess

    def make(self, fields: Mapping[str, Any], secret: str, *, at: datetime) -> StoredWebhook:
        """A new webhook. `fields` has `url`, `event_types`, `description`, `active`, `format` and `headers`."""
        identifier = new_id(WEBHOOK)
        row = {
            "id": identifier,
            "org": self._org,
            "secret": _seal_secret(self._sealer, identifier, 1, secret),
            "secret_version": 1,
            "revision": 1,
            "created_at": at,
            "updated_at": at,
            **self._columns(identifier, fields),
        }
        self._connection.execute(insert(webhooks).values(row))
        return self.read(identifier)

    def read(self, identifier: str, *, to_change: bool = False) -> StoredWebhook:
        """
        One webhook.

        Args:
            to_change: Keep others from changing it until this transaction ends.

        Raises:
            NotFoundError: This organisation has no such webhook.
        """
        row = self._row(identifier, to_change=to_change)
        return StoredWebhook(self._shown(row), row["revision"])

    def page(self, *, before: str | None, limit: int) -> list[Webhook]:
        """Newest first."""
        query = self._mine().order_by(webhooks.c.id.desc()).limit(limit)
        if before:
            query = query.where(webhooks.c.id < before)
        return [self._shown(row) for row in self._connection.execute(query).mappings()]

    def change(self, identifier: str, fields: Mapping[str, Any], *, at: datetime) -> StoredWebhook:
        """Change some fields. Activating it, or another address, forgets that it failed."""
        row = self._row(identifier, to_change=True)
        columns = {
            name: value for name, value in self._columns(identifier, fields).items()
            if name == "headers" or row[name] != value
        }  # fmt: skip
        if "headers" in columns and fields["headers"] == self._headers(row):
            del columns["headers"]
        if columns.get("active") or "url" in columns:
            columns |= {"failing_since": None, "disabled_reason": None}
        if columns:
            self._write(row, columns, at)
        if columns.get("active"):
            Jobs(self._connection, DELIVERIES).enqueue(identifier, self._org, due=at)
        return self.read(identifier)

    def rotate(self, identifier: str, secret: str, *, at: datetime) -> StoredWebhook:
        """A new secret; the one before it signs beside it until `OVERLAP` has passed."""
        row = self._row(identifier, to_change=True)
        version = row["secret_version"] + 1
        columns = {
            "secret": _seal_secret(self._sealer, identifier, version, secret),
            "secret_version": version,
            "previous_secret": row["secret"],
            "previous_until": at + OVERLAP,
        }
        self._write(row, columns, at)
        return self.read(identifier)

    def drop(self, identifier: str) -> None:
        """Delete it, its deliveries, and what is still to be sent."""
        Jobs(self._connection, DELIVERIES).drop(identifier)
        self._connection.execute(delete(webhooks).where(webhooks.c.org == self._org, webhooks.c.id == identifier))

    def _columns(self, identifier: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        """`headers` as it is stored; the rest as it is."""
        columns = dict(fields)
        if "headers" in columns:
            headers: Mapping[str, str] = columns["headers"]
            sealed = self._sealer.seal(json.dumps(headers).encode(), _headers_context(identifier))
            columns |= {"headers": sealed if headers else None, "header_names": sorted(headers)}
        return columns

    def _headers(self, row: RowMapping) -> Mapping[str, str]:
        return _open_headers(self._sealer, row)

    def _write(self, row: RowMapping, columns: Mapping[str, Any], at: datetime) -> None:
        statement = update(webhooks).where(webhooks.c.org == self._org, webhooks.c.id == row["id"])
        values = {**columns, "revision": row["revision"] + 1, "updated_at": at}
        self._connection.execute(statement.values(values))

    def _row(self, identifier: str, *, to_change: bool) -> RowMapping:
        query = self._mine().where(webhooks.c.id == identifier)
        row = self._connection.execute(query.with_for_update() if to_change else query).mappings().one_or_none()
        if row is None:
            raise NotFoundError("there is no such webhook")
        return row

    def _mine(self) -> Select[Any]:
        return select(webhooks).where(webhooks.c.org == self._org)

    def _shown(self, row: RowMapping) -> Webhook:
        return {
            "id": row["id"],
            "url": row["url"],
            "description": row["description"],
            "event_types": row["event_types"],
            "active": row["active"],
            "format": row["format"] or self._guess(row["url"]),
            "header_names": row["header_names"],
            "secret_version": row["secret_version"],
            "disabled_reason": row["disabled_reason"],
            "created_at": rfc3339(row["created_at"]),
            "updated_at": rfc3339(row["updated_at"]),
        }


_ACTIVE: Final = select(webhooks.c.event_types).where(webhooks.c.org == bindparam("of"), webhooks.c.active)


def active_patterns(connection: Connection, org: str) -> list[str]:
    """What the active webhooks of the organisation want."""
    return [pattern for found in connection.execute(_ACTIVE, {"of": org}).scalars() for pattern in found]


def wanted_types(connection: Connection, org: str, types: Iterable[str]) -> frozenset[str]:
    """Those of `types` that an active webhook of the organisation wants: one small query, for whoever has many."""
    patterns = active_patterns(connection, org)
    return frozenset(one for one in types if wants(patterns, one))


def read_endpoint(
    connection: Connection, sealer: Sealer, guess: GuessFormat, identifier: str, *, now: datetime
) -> Endpoint | None:
    """For the courier, which serves every organisation. None: it was deleted."""
    row = connection.execute(select(webhooks).where(webhooks.c.id == identifier)).mappings().one_or_none()
    if row is None:
        return None
    version = row["secret_version"]
    keys = [_open_secret(sealer, row["id"], version, row["secret"])]
    if row["previous_secret"] is not None and row["previous_until"] > now:
        keys.append(_open_secret(sealer, row["id"], version - 1, row["previous_secret"]))
    return Endpoint(
        id=row["id"],
        org=row["org"],
        url=row["url"],
        active=row["active"],
        format=row["format"] or guess(row["url"]),
        headers=_open_headers(sealer, row),
        keys=tuple(keys),
        failing_since=row["failing_since"],
    )


def hold_webhook(connection: Connection, identifier: str) -> None:
    """Keep others from changing it until this transaction ends."""
    query = select(webhooks.c.id).where(webhooks.c.id == identifier)
    connection.execute(query.with_for_update(key_share=True))


def _open_headers(sealer: Sealer, row: RowMapping) -> Mapping[str, str]:
    if row["headers"] is None:
        return {}
    found: Mapping[str, str] = json.loads(sealer.open(row["headers"], _headers_context(row["id"])))
    return found


def _seal_secret(sealer: Sealer, identifier: str, version: int, secret: str) -> bytes:
    return sealer.seal(secret.encode(), _secret_context(identifier, version))


def _open_secret(sealer: Sealer, identifier: str, version: int, sealed: bytes) -> str:
    return sealer.open(sealed, _secret_context(identifier, version)).decode()


def _secret_context(identifier: str, version: int) -> str:
    return f"webhooks/{identifier}/secret/{version}"


def _headers_context(identifier: str) -> str:
    return f"webhooks/{identifier}/headers"
