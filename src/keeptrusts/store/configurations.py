"""
Configurations and their versions.

A configuration's row holds what is current; `configuration_versions` holds every version, and is only ever added to.
`revision` counts every change of the row and is its `ETag`; `version` counts changes of what the document means.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from keeptrusts.api.configurations import Configuration, ConfigurationVersion
from keeptrusts.core.errors import NotFoundError
from keeptrusts.core.ids import CONFIGURATION, CONFIGURATION_VERSION
from keeptrusts.store.columns import rfc3339
from keeptrusts.store.errors import ConflictError
from keeptrusts.store.filtering import with_label
from keeptrusts.store.tables import configurations, gateways, versions
from keeptrusts.store.transaction import new_id

SHOWN_USERS = 20


@dataclass(frozen=True, slots=True)
class PolicyText:
    """A document that lints: its text, and what it means."""

    policy_yaml: str
    content_digest: str
    policy_kinds: tuple[str, ...]

    def columns(self) -> dict[str, Any]:
        """As the tables name them."""
        return {
            "policy_yaml": self.policy_yaml,
            "content_digest": self.content_digest,
            "policy_kinds": list(self.policy_kinds),
        }


@dataclass(frozen=True, slots=True)
class Stored:
    """A configuration as the API shows it, and its revision."""

    shown: Configuration
    revision: int


@dataclass(frozen=True, slots=True)
class Write:
    """Who writes, when, and why."""

    author: str
    at: datetime
    message: str | None = None


class Configurations:
    """The configurations of one organisation. It cannot name another's."""

    def __init__(self, connection: Connection, org: str) -> None:
        self._connection = connection
        self._org = org

    def make(self, fields: Mapping[str, Any], policy: PolicyText, write: Write) -> Stored:
        """
        A new configuration, with version 1.

        Args:
            fields: `name`, `description`, `labels`, `managed_by`.

        Raises:
            ConflictError: `name_taken`.
        """
        identifier = new_id(CONFIGURATION)
        row = {
            "id": identifier,
            "org": self._org,
            "version": 1,
            "revision": 1,
            "created_at": write.at,
            "updated_at": write.at,
            "updated_by": write.author,
            **fields,
            **policy.columns(),
        }
        self._guarded(insert(configurations).values(row))
        self._add_version(identifier, 1, policy, write)
        return self.read(identifier)

    def read(self, identifier: str, *, to_change: bool = False) -> Stored:
        """
        One configuration.

        Args:
            to_change: Keep others from changing it until this transaction ends.

        Raises:
            NotFoundError: This organisation has no such configuration.
        """
        query = self._mine().where(configurations.c.id == identifier)
        row = self._connection.execute(query.with_for_update() if to_change else query).mappings().one_or_none()
        if row is None:
            raise NotFoundError("there is no such configuration")
        return Stored(_configuration(row), row["revision"])

    def page(
        self,
        *,
        before: str | None,
        limit: int,
        name: str | None = None,
        part: str | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> list[Configuration]:
        """Newest first, from just before `before`; `labels` must all be there, and `part` somewhere in the name."""
        query = self._mine().order_by(configurations.c.id.desc()).limit(limit)
        if before:
            query = query.where(configurations.c.id < before)
        if name is not None:
            query = query.where(configurations.c.name == name)
        if part:
            query = query.where(configurations.c.name.icontains(part, autoescape=True))
        for key, value in (labels or {}).items():
            query = query.where(with_label(self._connection, configurations.c.labels, key, value))
        return [_configuration(row) for row in self._connection.execute(query).mappings()]

    def change(self, identifier: str, fields: Mapping[str, Any], policy: PolicyText | None, write: Write) -> Stored:
        """
        Change some fields; a document that means something else is the next version.

        Read it `to_change` first. A text that differs and means the same is not kept: the version's text stays.

        Raises:
            ConflictError: `name_taken`.
        """
        now = self.read(identifier, to_change=True)
        columns = dict(fields)
        if policy is not None and policy.content_digest != now.shown["content_digest"]:
            columns |= policy.columns() | {"version": now.shown["version"] + 1}
            self._add_version(identifier, columns["version"], policy, write)
        unchanged = all(now.shown.get(name) == value for name, value in columns.items())
        if unchanged:
            return now
        columns |= {"revision": now.revision + 1, "updated_at": write.at, "updated_by": write.author}
        self._guarded(update(configurations).where(configurations.c.id == identifier).values(columns))
        return self.read(identifier)

    def drop(self, identifier: str) -> None:
        """
        Delete it and its versions.

        Raises:
            ConflictError: `in_use`, naming the gateways.
        """
        users = self.users(identifier)
        if users:
            names = ", ".join(f"`{name}`" for name in users)
            raise ConflictError(f"gateways use it: {names}; give them another configuration first", code="in_use")
        for table, column in ((versions, versions.c.configuration_id), (configurations, configurations.c.id)):
            self._connection.execute(delete(table).where(table.c.org == self._org, column == identifier))

    def users(self, identifier: str) -> list[str]:
        """Names of gateways that run it; the first few."""
        query = (
            select(gateways.c.name)
            .where(gateways.c.org == self._org)
            .where(or_(gateways.c.configuration_id == identifier, gateways.c.stable_configuration_id == identifier))
            .order_by(gateways.c.name)
            .limit(SHOWN_USERS)
        )
        return list(self._connection.execute(query).scalars())

    def version(self, identifier: str, number: int) -> ConfigurationVersion:
        """
        One version.

        Raises:
            NotFoundError: It has no such version, or there is no such configuration.
        """
        query = self._versions(identifier).where(versions.c.version == number)
        row = self._connection.execute(query).mappings().one_or_none()
        if row is None:
            raise NotFoundError("there is no such version")
        return _version(row)

    def version_page(self, identifier: str, *, before: str | None, limit: int) -> Sequence[ConfigurationVersion]:
        """Newest first."""
        self.read(identifier)
        query = self._versions(identifier).order_by(versions.c.id.desc()).limit(limit)
        if before:
            query = query.where(versions.c.id < before)
        return [_version(row) for row in self._connection.execute(query).mappings()]

    def _add_version(self, identifier: str, number: int, policy: PolicyText, write: Write) -> None:
        row = {
            "id": new_id(CONFIGURATION_VERSION),
            "org": self._org,
            "configuration_id": identifier,
            "version": number,
            "message": write.message,
            "author": write.author,
            "created_at": write.at,
            **policy.columns(),
        }
        self._connection.execute(insert(versions).values(row))

    def _guarded(self, statement: Any) -> None:
        try:
            with self._connection.begin_nested():
                self._connection.execute(statement)
        except IntegrityError:
            raise ConflictError(
                "another configuration has this name; choose another, or import that one", code="name_taken"
            ) from None

    def _mine(self) -> Select[Any]:
        return select(configurations).where(configurations.c.org == self._org)

    def _versions(self, identifier: str) -> Select[Any]:
        return select(versions).where(versions.c.org == self._org, versions.c.configuration_id == identifier)


def _configuration(row: RowMapping) -> Configuration:
    return {
        "id": row["id"],
        "name": row["name"],
        "description": row["description"],
        "labels": row["labels"],
        "policy_yaml": row["policy_yaml"],
        "version": row["version"],
        "content_digest": row["content_digest"],
        "policy_kinds": row["policy_kinds"],
        "managed_by": row["managed_by"],
        "created_at": rfc3339(row["created_at"]),
        "updated_at": rfc3339(row["updated_at"]),
        "updated_by": row["updated_by"],
    }


def _version(row: RowMapping) -> ConfigurationVersion:
    return {
        "id": row["id"],
        "configuration_id": row["configuration_id"],
        "version": row["version"],
        "policy_yaml": row["policy_yaml"],
        "content_digest": row["content_digest"],
        "message": row["message"],
        "author": row["author"],
        "created_at": rfc3339(row["created_at"]),
    }
