"""
Which share of the requests a kind is enforced on, while it is being introduced.

Whether a request belongs to the share depends on who sends it and on the kind alone: the same caller meets the same
policies on every gateway and after every restart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Final, Literal, Self

from keeptrusts.core.exchange import Caller
from keeptrusts.policy.schema import Attr, Block, Fault

FULL: Final = 100
ALONE: Final = "audit-logger"
"""What is kept of a decision cannot depend on a share of the requests."""


@dataclass(frozen=True, slots=True)
class Rollout(Block):
    mode: Annotated[
        Literal["enforce", "shadow", "off"],
        Attr(
            "Enforce it; or evaluate and record it, and change nothing that a client sees; or leave it out.",
            stronger=("off", "shadow", "enforce"),
        ),
    ] = "enforce"
    percent: Annotated[
        int,
        Attr(
            "Share of the requests. The others `enforce` only evaluates and records, and `shadow` leaves alone.",
            minimum=1,
            maximum=FULL,
            stronger="higher",
        ),
    ] = FULL
    sticky_by: Annotated[
        Literal["consumer", "user", "request"],
        Attr(
            "What keeps a request in the share or out of it: the client's key (without one its agent, user or address),"
            " the user (without one the consumer), or nothing.",
            stronger="unclear",
        ),
    ] = "consumer"

    def beside(self, other: Self) -> Self:
        """Where every request is in the share, it does not matter what keeps it there."""
        return replace(self, sticky_by="consumer") if self.percent == other.percent == FULL else self

    def faults(self) -> Iterable[Fault]:
        if self.mode == "off" and self.percent != FULL:
            message = "`percent` has no effect with `mode: off`"
            yield Fault("E009", ("percent",), message, "remove it, or use another mode")

    def is_full(self) -> bool:
        """Whether the kind is enforced on every request."""
        return self.mode == "enforce" and self.percent == FULL


WHOLLY: Final = Rollout()
"""Of a kind that names none."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends a request, by what a share can be sticky to."""

    consumer: str
    user: str
    request: str

    @classmethod
    def of(cls, caller: Caller, request_id: str) -> Sender:
        """The sender of a request, as the gateway knows it."""
        consumer = _first({"key": caller.key_id, "agent": caller.agent_id, "user": caller.user_id, "ip": caller.ip})
        return cls(consumer, _first({"user": caller.user_id}) or consumer, request_id)


def in_share(kind: str, rollout: Rollout, sender: Sender) -> bool:
    """Whether this request belongs to the share of this kind."""
    if rollout.percent == FULL:
        return True
    import hashlib  # takes 2 ms, and a lint needs none

    proof = hashlib.sha256(f"{kind}\0{getattr(sender, rollout.sticky_by)}".encode()).digest()
    return int.from_bytes(proof[:8]) * FULL < rollout.percent << 64


def _first(names: Mapping[str, str | None]) -> str:
    """The first that is known, with what it is, so that a user cannot pass for a key."""
    return next((f"{what}:{name}" for what, name in names.items() if name), "")
