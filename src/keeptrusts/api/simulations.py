"""`POST /v1/configurations/{id}/simulate`: recorded decisions judged again by a document that might come."""

from __future__ import annotations

from typing import Annotated, Final, NotRequired

from annotated_types import Ge, Le, MaxLen
from typing_extensions import TypedDict

from keeptrusts.api.forbid import FORBID

MAX_SAMPLE: Final = 2000
SAMPLE: Final = 500
WINDOW: Final = "24h"


class SimulationDraft(TypedDict):
    """`policy_yaml` is the candidate. Of the `window` (24h) that ends now, the newest `sample` (500) decisions."""

    __pydantic_config__ = FORBID  # type: ignore[misc]
    policy_yaml: str
    window: NotRequired[Annotated[str, MaxLen(20)]]
    sample: NotRequired[Annotated[int, Ge(1), Le(MAX_SAMPLE)]]


class Moved(TypedDict):
    """Decisions that would have become this. `sample_event_ids`: at most 20; `reason_codes`: how often each."""

    count: int
    sample_event_ids: list[str]
    reason_codes: dict[str, int]


class NotReplayed(TypedDict):
    """Decisions that cannot be judged again, and why."""

    reason: str
    count: int
    description: str


class Simulation(TypedDict):
    """
    What the candidate would have changed, bound to what was compared: digests of both documents and of the decisions.

    `newly_blocked_ratio` is of those that could be judged again (`replayed`); 0 when none could.
    """

    base_digest: str
    candidate_digest: str
    corpus_digest: str
    window_from: str
    window_to: str
    events: int
    replayed: int
    unchanged: int
    newly_allowed: Moved
    newly_redacted: Moved
    newly_escalated: Moved
    newly_blocked: Moved
    newly_blocked_ratio: float
    not_replayed: list[NotReplayed]
