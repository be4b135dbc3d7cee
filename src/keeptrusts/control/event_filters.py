"""The filters of every route about events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Query, Request

from keeptrusts.api.events import Verdict
from keeptrusts.control.parameters import refuse_unknown
from keeptrusts.control.problem import ProblemError, allow_words
from keeptrusts.store.events import EXACT, Filters

Exact = Annotated[str | None, Query(max_length=200)]
_TIMES = ("since", "until")

allow_words([*EXACT, "policy", "q", *_TIMES])


@dataclass(frozen=True, slots=True, kw_only=True)
class EventQuery:
    """As they stand in the address. `policy`: a kind that did not simply allow; `q`: part of an id, model or user."""

    verdict: Annotated[Verdict | None, Query()] = None
    event_type: Exact = None
    gateway_id: Exact = None
    configuration_id: Exact = None
    model: Exact = None
    provider: Exact = None
    policy: Exact = None
    reason_code: Exact = None
    user_id: Exact = None
    agent_id: Exact = None
    since: Exact = None
    until: Exact = None
    q: Exact = None

    def filters(self) -> Filters:
        """
        In the store's terms.

        Raises:
            ProblemError: 422: a time that is none, or text that cannot be there.
        """
        given = {name: value for name in EXACT if (value := getattr(self, name)) is not None}
        if any("\x00" in text for text in (*given.values(), self.policy or "", self.q or "")):
            raise ProblemError(422, "invalid_input", "text may not contain the character U+0000")
        return Filters(
            exact=given,
            policy=self.policy,
            since=read_time("since", self.since),
            until=read_time("until", self.until),
            search=self.q,
        )


def read_filters(request: Request, query: Annotated[EventQuery, Depends()]) -> Filters:
    """The dependency. It also refuses a parameter that the route does not know."""
    refuse_unknown(request)
    return query.filters()


EventFilters = Annotated[Filters, Depends(read_filters)]


def read_time(name: str, text: str | None) -> datetime | None:
    """
    RFC 3339 in UTC; None stays None.

    Raises:
        ProblemError: 422 `invalid_time`.
    """
    if text is None:
        return None
    try:
        # a plus sign that was not encoded arrives as a blank
        moment = datetime.fromisoformat(text.replace(" ", "+"))
        if moment.tzinfo is not None and moment.year > 1970:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ProblemError(422, "invalid_time", f"`{name}` must be a time as in `2026-01-31T12:00:00Z`")
