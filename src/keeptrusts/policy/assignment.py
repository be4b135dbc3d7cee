"""Who decides what is escalated, as a target says it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from keeptrusts.policy.checks import email
from keeptrusts.policy.schema import Attr, Block, Fault


@dataclass(frozen=True, slots=True)
class EscalationRouting(Block):
    team_id: Annotated[str | None, Attr("A team.", minimum=1, maximum=190, stronger="neutral")] = None
    user_id: Annotated[str | None, Attr("A user.", minimum=1, maximum=190, stronger="neutral")] = None
    email: Annotated[str | None, Attr("An e-mail address.", maximum=200, check=email, stronger="neutral")] = None

    def faults(self) -> Iterable[Fault]:
        if sum(one is not None for one in (self.team_id, self.user_id, self.email)) != 1:
            message = "`escalation_routing` takes exactly one of `team_id`, `user_id` and `email`"
            yield Fault("E003", (), message, "keep one of the three")

    @property
    def assignee(self) -> str:
        """As escalations name it: an address as it is, others with what they are."""
        return self.email or (f"user:{self.user_id}" if self.user_id else f"team:{self.team_id}")
