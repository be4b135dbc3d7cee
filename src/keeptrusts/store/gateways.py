"""
Gateways, what they are to run, and what their instances last said.

`epoch` rises whenever what a gateway is to run changes, in the very transaction that changes it, and never falls.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, Connection, Join, RowMapping, Select, and_, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from keeptrusts.api.gateways import Gateway
from keeptrusts.api.runtime import StatusReport
from keeptrusts.core.errors import InputError, NotFoundError
from keeptrusts.core.ids import GATEWAY
from keeptrusts.store.canaries import (
    STABLE_DIGEST,
    STABLE_YAML,
    Canary,
    Version,
    canary_of,
    lead_of,
    stable_at,
    stable_columns,
    with_stable,
)
from keeptrusts.store.errors import ConflictError, StoreUnavailableError
from keeptrusts.store.filtering import with_label
from keeptrusts.store.gateway_view import shown_gateway
from keeptrusts.store.tables import configurations, gateways, instances, versions
from keeptrusts.store.transaction import new_id

FORGOTTEN_AFTER: Final = timedelta(days=1)
SHOWN_INSTANCES: Final = 100
LONGEST_ERROR: Final = 2000
"""Characters of the last error of an instance; the rest is in its log."""
LOCK_TRIES: Final = 5
RUN_FIELDS: Final = ("configuration_id", "configuration_version", "fail_mode", "deployment")
"""A change of any of these changes the bundle."""
WANTED: Final = versions.c.version.label("wanted_version")
DESIRED_DIGEST: Final = versions.c.content_digest.label("desired_digest")


@dataclass(frozen=True, slots=True)
class StoredGateway:
    """A gateway as the API shows it, and its revision."""

    shown: Gateway
    revision: int


@dataclass(frozen=True, slots=True)
class Desired:
    """What a gateway is to run. `since`: when its epoch last rose."""

    gateway_id: str
    version: Version
    canary: Canary | None
    fail_mode: Literal["block", "allow"]
    epoch: int
    since: datetime


class Gateways:
    """The gateways of one organisation."""

    def __init__(self, connection: Connection, org: str) -> None:
        self._connection = connection
        self._org = org

    def make(self, fields: Mapping[str, Any], *, at: datetime) -> StoredGateway:
        """
        A new gateway.

        Raises:
            ConflictError: `name_taken`.
            InputError: `unknown_configuration` or `unknown_version`.
        """
        self._require_version(fields.get("configuration_id"), fields.get("configuration_version"))
        identifier = new_id(GATEWAY)
        row = {
            "id": identifier,
            "org": self._org,
            "epoch": 1,
            "epoch_at": at,
            "revision": 1,
            "created_at": at,
            "updated_at": at,
            **fields,
        }
        self._guarded(insert(gateways).values(row))
        self._keep_stable(identifier, fields["deployment"], known=False, ran=None)
        return self.read(identifier, at=at)

    def read(
        self, identifier: str, *, at: datetime, to_change: bool = False, following: str | None = None
    ) -> StoredGateway:
        """
        One gateway, with what its instances said until `at`.

        Args:
            to_change: Keep others from changing it until this transaction ends.
            following: The configuration it may get by that change.

        Raises:
            NotFoundError: This organisation has no such gateway.
        """
        if to_change:
            self._lock(identifier, following)
        row = self._connection.execute(self._mine().where(gateways.c.id == identifier)).mappings().one_or_none()
        if row is None:
            raise NotFoundError("there is no such gateway")
        return StoredGateway(self._shown([row], at)[0], row["revision"])

    def page(
        self, *, at: datetime, before: str | None, limit: int, labels: Mapping[str, str], **matching: str | None
    ) -> list[Gateway]:
        """Newest first; `matching` are columns that must have a value (None: any)."""
        query = self._mine().order_by(gateways.c.id.desc()).limit(limit)
        if before:
            query = query.where(gateways.c.id < before)
        for column, value in matching.items():
            if value is not None:
                query = query.where(gateways.c[column] == value)
        for key, value in labels.items():
            query = query.where(with_label(self._connection, gateways.c.labels, key, value))
        return self._shown(list(self._connection.execute(query).mappings()), at)

    def change(self, identifier: str, fields: Mapping[str, Any], *, at: datetime) -> StoredGateway:
        """
        Change some fields. Read it `to_change` first.

        Raises:
            ConflictError: `name_taken`.
            InputError: `unknown_configuration` or `unknown_version`.
        """
        now = self.read(identifier, at=at)
        shown: Mapping[str, Any] = {**now.shown}
        changed = {name: value for name, value in fields.items() if shown[name] != value}
        if not changed:
            return now
        whole = {**shown, **changed}
        columns: dict[str, Any] = {**changed, "revision": now.revision + 1, "updated_at": at}
        if not changed.keys().isdisjoint(RUN_FIELDS):
            self._require_version(whole["configuration_id"], whole["configuration_version"])
            columns |= {"epoch": gateways.c.epoch + 1, "epoch_at": at}
        ran, known = self._version(identifier), self._has_stable(identifier)
        self._set(identifier, columns)
        self._keep_stable(identifier, whole["deployment"], known=known, ran=ran)
        if "epoch" in columns:
            self._set(identifier, {"canary_lead": lead_of(at)})
        return self.read(identifier, at=at)

    def promote(self, identifier: str, *, at: datetime) -> StoredGateway:
        """
        All instances get what those of its canary run. Read it `to_change` first; without a canary it stays as it is.

        Raises:
            ConflictError: `no_configuration`.
        """
        desired = self.desired([identifier]).get(identifier)
        if desired is None:
            raise _without_configuration()
        if desired.canary is not None:
            self._set(identifier, {**stable_at(desired.version), "epoch": gateways.c.epoch + 1, "epoch_at": at})
        return self.read(identifier, at=at)

    def drop(self, identifier: str) -> None:
        """Delete it and what its instances said."""
        for table, column in ((instances, instances.c.gateway_id), (gateways, gateways.c.id)):
            self._connection.execute(delete(table).where(table.c.org == self._org, column == identifier))

    def follow(self, configuration_id: str, *, at: datetime) -> list[str]:
        """A configuration has a new version: the gateways that follow its latest get it. Their ids."""
        follows = (gateways.c.configuration_id == configuration_id, gateways.c.configuration_version.is_(None))
        return self._raise_epochs(*follows, at=at)

    def renew(self, identifier: str, *, at: datetime) -> StoredGateway:
        """
        It gets what it is to run once more, as if that had changed. Read it `to_change` first.

        Raises:
            ConflictError: `no_configuration`.
        """
        mine = (gateways.c.org == self._org, gateways.c.id == identifier, gateways.c.configuration_id.is_not(None))
        statement = update(gateways).where(*mine).values(epoch=gateways.c.epoch + 1, epoch_at=at)
        if self._connection.execute(statement).rowcount == 0:
            raise _without_configuration()
        return self.read(identifier, at=at)

    def pin(self, identifier: str, version: int | None, *, at: datetime) -> StoredGateway:
        """
        Keep it at a version, None: the one it is to run now. Read it `to_change` first.

        Raises:
            ConflictError: `no_configuration`.
            InputError: `unknown_version`.
        """
        desired = self.desired([identifier]).get(identifier)
        if desired is None:
            raise _without_configuration()
        wanted = version or desired.version.configuration_version
        return self.change(identifier, {"configuration_version": wanted}, at=at)

    def awaken(self, *, at: datetime) -> list[str]:
        """What their documents name has another value: every gateway with a configuration gets it anew. Their ids."""
        return self._raise_epochs(gateways.c.configuration_id.is_not(None), at=at)

    def desired(self, identifiers: Sequence[str]) -> dict[str, Desired | None]:
        """What each of these is to run; None: it has no configuration. Those that there are not are left out."""
        query = (
            select(gateways, WANTED, DESIRED_DIGEST, versions.c.policy_yaml, STABLE_DIGEST, STABLE_YAML)
            .select_from(with_stable(_with_wanted_version()))
            .where(gateways.c.org == self._org, gateways.c.id.in_(identifiers))
        )
        return {row["id"]: _desired(row) for row in self._connection.execute(query).mappings()}

    def report(self, identifier: str, said: StatusReport, *, at: datetime) -> None:
        """
        Keep what an instance says of itself; the last word of each counts.

        Raises:
            NotFoundError: The gateway has been deleted meanwhile.
        """
        self._hold(identifier)
        row: dict[str, Any] = {
            "version": said["version"],
            "active_digest": said["active_digest"],
            "epoch": said["epoch"],
            "degraded": said.get("degraded", False),
            "last_error": (said.get("last_error") or "")[:LONGEST_ERROR] or None,
            "last_seen_at": at,
            "head_sequence": said.get("head_sequence"),
            "head_hash": said.get("head_hash"),
        }
        key = {"gateway_id": identifier, "instance_id": said["instance_id"]}
        same = and_(*(instances.c[name] == value for name, value in key.items()))
        mine = instances.c.org == self._org
        if self._connection.execute(update(instances).where(mine, same).values(row)).rowcount == 0:
            self._connection.execute(insert(instances).values({"org": self._org, **key, **row}))

    def _shown(self, rows: Sequence[RowMapping], at: datetime) -> list[Gateway]:
        said = self._instances([row["id"] for row in rows], at)
        return [shown_gateway(row, said[row["id"]], at) for row in rows]

    def _instances(self, identifiers: Iterable[str], at: datetime) -> Mapping[str, list[RowMapping]]:
        found: defaultdict[str, list[RowMapping]] = defaultdict(list)
        wanted = list(identifiers)
        if wanted:
            newest = instances.c.last_seen_at.desc()
            query = select(instances).where(instances.c.org == self._org, instances.c.gateway_id.in_(wanted))
            for row in self._connection.execute(query.order_by(newest)).mappings():
                known = found[row["gateway_id"]]
                recent = row["last_seen_at"] > at - FORGOTTEN_AFTER
                if not known or (recent and len(known) < SHOWN_INSTANCES):
                    known.append(row)
        return found

    def _require_version(self, configuration_id: str | None, version: int | None) -> None:
        if configuration_id is None:
            if version is not None:
                raise InputError("`configuration_version` needs a `configuration_id`", code="unknown_configuration")
            return
        mine = (configurations.c.org == self._org, configurations.c.id == configuration_id)
        if (
            self._connection.execute(select(configurations.c.id).where(*mine).with_for_update(read=True)).first()
            is None
        ):
            raise InputError("`configuration_id` names no configuration that exists", code="unknown_configuration")
        wanted = select(func.count()).where(
            versions.c.org == self._org, versions.c.configuration_id == configuration_id, versions.c.version == version
        )
        if version is not None and not self._connection.execute(wanted).scalar_one():
            raise InputError("`configuration_version` names no version that exists", code="unknown_version")

    def _raise_epochs(self, *which: ColumnElement[bool], at: datetime) -> list[str]:
        """In the order of their ids, so that two that meet at the same gateways do not wait for each other."""
        chosen = select(gateways.c.id).where(gateways.c.org == self._org, *which)
        statement = (
            update(gateways)
            .where(gateways.c.id.in_(chosen.order_by(gateways.c.id).with_for_update()))
            .values(epoch=gateways.c.epoch + 1, epoch_at=at, canary_lead=lead_of(at))
            .returning(gateways.c.id)
        )
        return list(self._connection.execute(statement).scalars())

    def _version(self, identifier: str) -> Version | None:
        desired = self.desired([identifier]).get(identifier)
        return desired.version if desired is not None else None

    def _has_stable(self, identifier: str) -> bool:
        query = select(gateways.c.stable_version).where(gateways.c.org == self._org, gateways.c.id == identifier)
        return self._connection.execute(query).scalar_one() is not None

    def _keep_stable(self, identifier: str, deployment: Mapping[str, Any], *, known: bool, ran: Version | None) -> None:
        runs = self._version(identifier) if deployment["strategy"] == "canary" else None
        if columns := stable_columns(deployment, known=known, ran=ran, runs=runs):
            self._set(identifier, columns)

    def _set(self, identifier: str, columns: Mapping[str, Any]) -> None:
        mine = gateways.c.org == self._org, gateways.c.id == identifier
        self._guarded(update(gateways).where(*mine).values(**columns))

    def _lock(self, identifier: str, following: str | None) -> None:
        """Configurations first and the gateway then, as whoever writes a version has to: none waits in a circle."""
        followed = select(gateways.c.configuration_id).where(gateways.c.org == self._org, gateways.c.id == identifier)
        for _ in range(LOCK_TRIES):
            attempt = self._connection.begin_nested()
            known = {self._connection.execute(followed).scalar_one_or_none(), following}
            needed = select(configurations.c.id).where(
                configurations.c.org == self._org, configurations.c.id.in_([one for one in known if one is not None])
            )
            self._connection.execute(needed.order_by(configurations.c.id).with_for_update(read=True))
            if self._connection.execute(followed.with_for_update()).scalar_one_or_none() in {*known, None}:
                attempt.commit()
                return
            attempt.rollback()  # it got another configuration meanwhile; what was locked is free again
        raise StoreUnavailableError("the gateway changes too often")

    def _hold(self, identifier: str) -> None:
        """It stays until this transaction ends. Gateway first and instances then, as whoever deletes it has to."""
        query = select(gateways.c.id).where(gateways.c.org == self._org, gateways.c.id == identifier)
        if self._connection.execute(query.with_for_update(read=True, key_share=True)).first() is None:
            raise NotFoundError("there is no such gateway")

    def _guarded(self, statement: Any) -> None:
        try:
            with self._connection.begin_nested():
                self._connection.execute(statement)
        except IntegrityError:
            raise ConflictError(
                "another gateway has this name; choose another, or import that one", code="name_taken"
            ) from None

    def _mine(self) -> Select[Any]:
        return (
            select(gateways, DESIRED_DIGEST, STABLE_DIGEST)
            .select_from(with_stable(_with_wanted_version()))
            .where(gateways.c.org == self._org)
        )


def _without_configuration() -> ConflictError:
    return ConflictError("the gateway has no configuration; set its `configuration_id`", code="no_configuration")


def _with_wanted_version() -> Join:
    """Each gateway beside the version it is to run, if any."""
    same = and_(configurations.c.org == gateways.c.org, configurations.c.id == gateways.c.configuration_id)
    number = func.coalesce(gateways.c.configuration_version, configurations.c.version)
    wanted = and_(versions.c.configuration_id == configurations.c.id, versions.c.version == number)
    return gateways.outerjoin(configurations, same).outerjoin(versions, wanted)


def _desired(row: RowMapping) -> Desired | None:
    if row["wanted_version"] is None:
        return None
    return Desired(
        gateway_id=row["id"],
        version=Version(row["configuration_id"], row["wanted_version"], row["desired_digest"], row["policy_yaml"]),
        canary=canary_of(row),
        fail_mode=row["fail_mode"],
        epoch=row["epoch"],
        since=row["epoch_at"],
    )
