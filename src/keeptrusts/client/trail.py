"""`/v1/trail`: what proves the events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from keeptrusts.client.calls import Calls
from keeptrusts.client.collection import at, each

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keeptrusts.api.runtime import TrailKey
    from keeptrusts.api.trail import InclusionProof, SignedCheckpoint

PATH = "/v1/trail"


class Trail:
    """Signed checkpoints, proofs against them, and the keys that sign."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def checkpoints(self) -> Iterator[SignedCheckpoint]:
        """Newest first."""
        return each(self._calls, f"{PATH}/checkpoints")

    def prove(self, event_id: str) -> InclusionProof:
        """Raises `ApiError` with 409 `not_sealed` within about a minute of the event's arrival."""
        return cast("InclusionProof", self._calls.get(at(f"{PATH}/proof", event_id)).value)

    def keys(self) -> list[TrailKey]:
        """All there ever were, newest first."""
        return cast("list[TrailKey]", self._calls.get(f"{PATH}/keys").value["data"])
