"""Chained records as a gateway sends them."""

from __future__ import annotations

import itertools
import secrets
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from keeptrusts.core.decision import Decision, PolicyResult
from keeptrusts.core.ids import EVENT, make_id
from keeptrusts.trail.chain import gap_event, link
from keeptrusts.trail.contents import SALT_BYTES, with_content_apart

_order = itertools.count()


def event_id(at: float | None = None) -> str:
    """A fresh one, made at this time (seconds since 1970)."""
    stamp = int((time.time() if at is None else at) * 1000)
    return make_id(EVENT, stamp.to_bytes(6, "big") + next(_order).to_bytes(4, "big") + secrets.token_bytes(6))


class Instance:
    """One gateway process, and the end of its chain."""

    def __init__(self, name: str = "gwi_1") -> None:
        self.name = name
        self.sequence = 0
        self.hash: str | None = None

    def decision(self, verdict: str = "allowed", *, at: float | None = None, **changed: object) -> dict[str, Any]:
        """The next record of the chain."""
        return self.chain(self.unchained(verdict, at=at, **changed))

    def unchained(self, verdict: str = "allowed", *, at: float | None = None, **changed: object) -> dict[str, Any]:
        """What would be the next record."""
        moment = datetime.fromtimestamp(time.time() if at is None else at, UTC)
        event = Decision(
            id=event_id(at),
            timestamp=moment.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            request_id=f"req_{self.sequence + 1}",
            verdict=verdict,
            reason_code="all_policies_passed" if verdict == "allowed" else "secret_scanner.found",
            status=200 if verdict == "allowed" else 409,
            instance_id=self.name,
            model="gpt-5",
            provider="mock",
            policies=(
                PolicyResult("secret-scanner", "input", verdict, "x"),
                PolicyResult("rbac", "input", "allowed", ""),
            ),
        ).as_event()
        return event | changed

    def telling(self, text: str, **changed: object) -> dict[str, Any]:
        """The next record, which keeps this text of its request."""
        content = {"request": [{"role": "user", "part": "text", "text": text}], "answer": []}
        event = self.unchained() | changed | {"content": content}
        return self.chain(with_content_apart(event, secrets.token_hex(SALT_BYTES)))

    def gap(self, first: int, last: int) -> dict[str, Any]:
        """The record that admits a loss."""
        return self.chain(gap_event(event_id(), "2026-01-01T00:00:00Z", first, last, "spool_full"))

    def chain(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Any event as the next record."""
        record = link(event, sequence=self.sequence + 1, prev_hash=self.hash, instance_id=self.name)
        self.sequence, self.hash = record["sequence"], record["hash"]
        return record

    def lose(self, count: int) -> None:
        """So many records never arrive."""
        for _ in range(count):
            self.decision()
