"""`/v1/gateway/...`: what only gateways call. The event itself is `core.decision.Decision.as_event` plus its chain."""

from __future__ import annotations

from typing import Annotated, Any, NotRequired

from annotated_types import Ge, Le, MaxLen
from typing_extensions import TypedDict

from keeptrusts.api.forbid import FORBID
from keeptrusts.api.names import FailMode
from keeptrusts.api.trail import TrailHead

Word = Annotated[str, MaxLen(200)]


class BundleCanary(TypedDict):
    """
    What the instances of a canary run instead. An instance belongs to it when it is `lead`, or when the first 8 bytes
    of SHA-256 over `gateway_id`, U+0000 and `instance_id`, as a big-endian number, are below `percent` hundredths of
    2^64.
    """

    percent: int
    lead: str | None
    configuration_id: str
    configuration_version: int
    config_digest: str
    policy_yaml: str


class BundlePayload(TypedDict):
    """
    What is signed. `epoch` only rises for one gateway; a lower one is refused (anti-rollback).

    With `canary`, what stands here is for all the other instances, and for gateways that do not know of canaries.
    `not_after` is RFC 3339; a bundle past it is refused when it arrives, and kept with a warning when it is running.
    """

    gateway_id: str
    organisation: str
    configuration_id: str
    configuration_version: int
    config_digest: str
    policy_yaml: str
    fail_mode: FailMode
    epoch: int
    issued_at: str
    not_after: str
    canary: NotRequired[BundleCanary]


class Bundle(TypedDict):
    """
    GET /v1/gateway/bundle.

    `payload` is the canonical JSON text of a `BundlePayload`; `signature` is base64 Ed25519 over its UTF-8.
    """

    payload: str
    key_id: str
    signature: str


class TrailKey(TypedDict):
    """GET /v1/trail/keys. `public_key`: base64, 32 bytes, Ed25519 (RFC 8032)."""

    key_id: str
    public_key: str
    created_at: str
    retired_at: str | None


class StatusReport(TypedDict):
    """
    POST /v1/gateway/status, every 30 s and after each activation.

    `head_sequence` and `head_hash`: the end of this instance's chain.
    """

    __pydantic_config__ = FORBID  # type: ignore[misc]
    instance_id: Word
    version: Word
    active_digest: Word | None
    epoch: Annotated[int, Ge(0), Le(2**31 - 1)] | None
    last_error: NotRequired[str | None]
    degraded: NotRequired[bool]
    head_sequence: NotRequired[Annotated[int, Ge(0), Le(2**62)]]
    head_hash: NotRequired[Word | None]
    gateway_id: NotRequired[str | None]


class StatusAnswer(TypedDict):
    """What the control plane wants this gateway to run, and the head of its trail, for the gateway to remember."""

    gateway_id: str
    desired_digest: str | None
    trail_head: TrailHead


class EventBatch(TypedDict):
    """POST /v1/gateway/events: at most 1,000, in chain order."""

    events: list[dict[str, Any]]


class RejectedEvent(TypedDict):
    """It will never be stored as an event; its bytes are kept in quarantine. Do not send it again."""

    index: int
    id: str | None
    code: str


class EventReceipt(TypedDict):
    """Ids that are durable now (`accepted`) or were before (`duplicates`)."""

    accepted: list[str]
    duplicates: list[str]
    rejected: list[RejectedEvent]
