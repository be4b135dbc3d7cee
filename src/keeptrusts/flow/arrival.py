"""What a flow starts from: one request as it was received, and the configuration it keeps to its end (law 7)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from keeptrusts.core.exchange import Caller
from keeptrusts.flow.effects import Headers
from keeptrusts.policy.compiled import CompiledPolicy
from keeptrusts.policy.rollout import Sender


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """
    One request, read whole.

    Args:
        event_id: Id of the decision record that this request will leave.
        escalation_id: Used only when a policy escalates.
        path: Without the query.
        headers: Names in lower case, credentials of the gateway itself taken out.
        received_us: When the last byte of the request came, microseconds since the epoch, UTC.
        oversized: The gateway stopped reading at the limit; `body` is what it had.
    """

    request_id: str
    event_id: str
    escalation_id: str
    method: str
    path: str
    headers: Headers = ()
    body: bytes = b""
    caller: Caller = field(default_factory=Caller)
    received_us: int = 0
    trace_id: str | None = None
    parent_span_id: str | None = None
    oversized: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """
    The configuration a request began with.

    Args:
        configuration_id: None in standalone mode, where the file has no id.
    """

    policy: CompiledPolicy
    gateway_id: str | None = None
    instance_id: str | None = None
    configuration_id: str | None = None
    configuration_version: int | None = None


def snapshot_for(arrival: Arrival, snapshot: Snapshot) -> Snapshot:
    """The configuration as it is for whoever sent this request, where kinds are introduced by shares."""
    policy = snapshot.policy
    if not policy.chain.has_shares:
        return snapshot
    chain = policy.chain.sent_by(Sender.of(arrival.caller, arrival.request_id))
    return replace(snapshot, policy=replace(policy, chain=chain))
