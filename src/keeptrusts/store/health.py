"""
What was told of a gateway's health, and what is to be told now: each change once, whichever replica sees it first.

A gateway drifts when an instance that is heard of runs something else than it should, longer than `DRIFT_AFTER` after
what it should run changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, select, update

from keeptrusts.api.gateways import Gateway
from keeptrusts.store.columns import rfc3339
from keeptrusts.store.gateway_view import OFFLINE_AFTER
from keeptrusts.store.gateways import Gateways
from keeptrusts.store.tables import gateways

DRIFT_AFTER: Final = timedelta(seconds=60)
_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class HealthChange:
    """`before`: the status that was told last. `drifts`: it does, and that was not told yet."""

    gateway: Gateway
    before: str
    drifts: bool


class Health:
    """Of the gateways of one organisation."""

    def __init__(self, connection: Connection, org: str) -> None:
        self._connection = connection
        self._org = org

    def pending(self, *, at: datetime) -> list[str]:
        """Gateways of which something is to be told; it needs no transaction that may write."""
        mine = Gateways(self._connection, self._org)
        found: list[str] = []
        before: str | None = None
        while page := mine.page(at=at, before=before, limit=_AT_ONCE, labels={}):
            told = self._told([one["id"] for one in page])
            found += [one["id"] for one in page if told[one["id"]][:2] != (one["status"], self._drifts(one, told, at))]
            before = page[-1]["id"]
        return found

    def tell(self, gateway_id: str, *, at: datetime) -> HealthChange | None:
        """Note as told what is to be told of this gateway; None when there is nothing, or another was faster."""
        shown = Gateways(self._connection, self._org).read(gateway_id, at=at).shown
        told = self._told([gateway_id])
        status, drifted, _ = told[gateway_id]
        drifts = self._drifts(shown, told, at)
        if (status, drifted) == (shown["status"], drifts):
            return None
        statement = (
            update(gateways)
            .where(gateways.c.org == self._org, gateways.c.id == gateway_id)
            .where(gateways.c.told_status == status, gateways.c.told_drift == drifted)
            .values(told_status=shown["status"], told_drift=drifts)
        )
        if self._connection.execute(statement.returning(gateways.c.id)).first() is None:
            return None
        return HealthChange(shown, status, drifts and not drifted)

    def _told(self, identifiers: Sequence[str]) -> dict[str, tuple[str, bool, datetime]]:
        columns = (gateways.c.id, gateways.c.told_status, gateways.c.told_drift, gateways.c.epoch_at)
        query = select(*columns).where(gateways.c.org == self._org, gateways.c.id.in_(identifiers))
        return {row.id: (row.told_status, row.told_drift, row.epoch_at) for row in self._connection.execute(query)}

    @staticmethod
    def _drifts(shown: Gateway, told: dict[str, tuple[str, bool, datetime]], at: datetime) -> bool:
        if told[shown["id"]][2] > at - DRIFT_AFTER:
            return False
        heard = rfc3339(at - OFFLINE_AFTER)
        # times of one fixed form compare as text
        return any(one["state"] == "stale" and one["last_seen_at"] > heard for one in shown["instances"])
