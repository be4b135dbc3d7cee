"""`/v1/audit-log`."""

from __future__ import annotations

from collections.abc import Iterator

from keeptrusts.client.calls import Calls, Query
from keeptrusts.client.collection import each

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keeptrusts.api.audit import AuditEntry


class Audit:
    """Every write, by whom, from where."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def each(self, query: Query | None = None) -> Iterator[AuditEntry]:
        """Newest first; `query` filters by `actor`, `action`, `object_type`, `object_id`."""
        return each(self._calls, "/v1/audit-log", query)
