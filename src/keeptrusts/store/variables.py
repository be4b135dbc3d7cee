"""Config variables: secrets that documents name by `secret_key_ref: {store: NAME}`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from keeptrusts.api.variables import Variable, VariableValue
from keeptrusts.core.errors import NotFoundError
from keeptrusts.core.ids import VARIABLE
from keeptrusts.store.columns import rfc3339
from keeptrusts.store.errors import ConflictError
from keeptrusts.store.review_tables import variables
from keeptrusts.store.sealing import Sealer
from keeptrusts.store.transaction import new_id


@dataclass(frozen=True, slots=True)
class StoredVariable:
    """A variable as the API shows it."""

    shown: Variable
    revision: int


class Variables:
    """The variables of one organisation."""

    def __init__(self, connection: Connection, org: str, sealer: Sealer) -> None:
        self._connection = connection
        self._org = org
        self._sealer = sealer

    def make(
        self, name: str, value: str, description: str | None, *, hosts: list[str] | None, by: str, at: datetime
    ) -> StoredVariable:
        """
        A new one.

        Raises:
            ConflictError: The name is taken.
        """
        identifier = new_id(VARIABLE)
        row = {
            "id": identifier,
            "org": self._org,
            "name": name,
            "description": description,
            "value": self._seal(identifier, 1, value),
            "allowed_hosts": hosts,
            "version": 1,
            "revision": 1,
            "created_at": at,
            "updated_at": at,
            "updated_by": by,
        }
        try:
            with self._connection.begin_nested():
                self._connection.execute(insert(variables).values(row))
        except IntegrityError:
            raise ConflictError("there is a variable of this name; change that one", code="name_taken") from None
        return self.read(identifier)

    def read(self, identifier: str, *, to_change: bool = False) -> StoredVariable:
        """
        One variable, without its value.

        Raises:
            NotFoundError: This organisation has no such variable.
        """
        return _stored(self._row(variables.c.id == identifier, to_change=to_change))

    def page(self, *, before: str | None, limit: int, name: str | None = None) -> list[Variable]:
        """Newest first."""
        query = select(variables).where(variables.c.org == self._org).order_by(variables.c.id.desc()).limit(limit)
        if before:
            query = query.where(variables.c.id < before)
        if name is not None:
            query = query.where(variables.c.name == name)
        return [_stored(row).shown for row in self._connection.execute(query).mappings()]

    def change(self, identifier: str, fields: Mapping[str, Any], *, by: str, at: datetime) -> StoredVariable:
        """Its `description`, its `allowed_hosts`, or a new `value` under the next version."""
        row = self._row(variables.c.id == identifier, to_change=True)
        columns: dict[str, Any] = {"revision": row["revision"] + 1, "updated_at": at, "updated_by": by}
        columns |= {name: fields[name] for name in ("description", "allowed_hosts") if name in fields}
        if "value" in fields:
            version = row["version"] + 1
            columns |= {"version": version, "value": self._seal(identifier, version, fields["value"])}
        where = variables.c.org == self._org, variables.c.id == identifier
        self._connection.execute(update(variables).where(*where).values(columns))
        return self.read(identifier)

    def drop(self, identifier: str) -> None:
        """It is gone, and so is its value."""
        self._connection.execute(delete(variables).where(variables.c.org == self._org, variables.c.id == identifier))

    def open(self, name: str) -> VariableValue:
        """
        The value, for a gateway.

        Raises:
            NotFoundError: There is no variable of this name.
            SealedError: It was sealed with another secret key.
        """
        row = self._row(variables.c.name == name)
        value = self._sealer.open(row["value"], self._context(row["id"], row["version"])).decode()
        return {"name": name, "version": row["version"], "value": value, "allowed_hosts": row["allowed_hosts"]}

    def _row(self, condition: Any, *, to_change: bool = False) -> RowMapping:
        query = select(variables).where(variables.c.org == self._org, condition)
        row = self._connection.execute(query.with_for_update() if to_change else query).mappings().one_or_none()
        if row is None:
            raise NotFoundError("there is no such variable")
        return row

    def _seal(self, identifier: str, version: int, value: str) -> bytes:
        return self._sealer.seal(value.encode(), self._context(identifier, version))

    def _context(self, identifier: str, version: int) -> str:
        return f"config_variables/{self._org}/{identifier}/{version}"


def allowed_hosts(connection: Connection, org: str) -> dict[str, list[str] | None]:
    """Where each variable of an organisation may be sent, by its name; None: to known providers."""
    query = select(variables.c.name, variables.c.allowed_hosts).where(variables.c.org == org)
    return {row.name: row.allowed_hosts for row in connection.execute(query)}


def _stored(row: RowMapping) -> StoredVariable:
    shown: Variable = {
        "id": row["id"],
        "name": row["name"],
        "description": row["description"],
        "allowed_hosts": row["allowed_hosts"],
        "version": row["version"],
        "created_at": rfc3339(row["created_at"]),
        "updated_at": rfc3339(row["updated_at"]),
        "updated_by": row["updated_by"],
    }
    return StoredVariable(shown, row["revision"])
