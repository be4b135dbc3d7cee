"""`/v1/escalations`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from keeptrusts.client.calls import Calls, Query
from keeptrusts.client.collection import Fetched, at, each

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keeptrusts.api.escalations import Escalation, HeldContent, Outcome

PATH = "/v1/escalations"


class Escalations:
    """
    What waits for a person.

    Every failure is an `ApiError`: 409 `already_claimed`, `already_resolved`, `escalation_expired` or `self_approval`;
    412 when `if_match` is no longer its `ETag`.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def each(self, query: Query | None = None) -> Iterator[Escalation]:
        """Newest first; `query` filters by `state`, `outcome`, `policy`, `gateway_id` and others."""
        return each(self._calls, PATH, query)

    def get(self, identifier: str) -> Escalation:
        return self.fetch(identifier).value

    def fetch(self, identifier: str) -> Fetched[Escalation]:
        """One with its `ETag`."""
        answer = self._calls.get(at(PATH, identifier))
        return Fetched(cast("Escalation", answer.value), answer.headers.get("etag"))

    def held(self, identifier: str) -> HeldContent:
        """What is held: the request, or the answer as it would go out."""
        return cast("HeldContent", self._calls.get(at(PATH, identifier, "held")).value)

    def claim(self, identifier: str, *, if_match: str | None = None) -> Escalation:
        """Take it on."""
        return self._post(identifier, "claim", {}, if_match)

    def unclaim(self, identifier: str, *, if_match: str | None = None) -> Escalation:
        """Give it back."""
        return self._post(identifier, "unclaim", {}, if_match)

    def resolve(self, identifier: str, outcome: Outcome, reason: str, *, if_match: str | None = None) -> Escalation:
        """Approve or deny it."""
        return self._post(identifier, "resolve", {"outcome": outcome, "reason": reason}, if_match)

    def _post(self, identifier: str, verb: str, body: dict[str, str], if_match: str | None) -> Escalation:
        path = at(PATH, identifier, verb)
        return cast("Escalation", self._calls.post(path, body, if_match=if_match).value)
