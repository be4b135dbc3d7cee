"""`/v1/webhooks`: endpoints, deliveries, and the words for both."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, NotRequired

from annotated_types import MaxLen, MinLen
from typing_extensions import TypedDict

from keeptrusts.api.forbid import FORBID
from keeptrusts.api.names import Description

EVENT_TYPES: Final = (
    "event.allowed", "event.blocked", "event.redacted", "event.escalated", "event.failed",
    "escalation.created", "escalation.claimed", "escalation.resolved", "escalation.expired",
    "configuration.created", "configuration.updated", "configuration.deleted",
    "configuration.rolled_back", "configuration.deployed",
    "gateway.created", "gateway.deleted", "gateway.health_changed", "gateway.drift_detected",
    "export.completed", "export.failed", "webhook.test", "budget.threshold_reached", "trail.sealed",
)  # fmt: skip

Url = Annotated[str, MinLen(1), MaxLen(2048)]
EventTypes = Annotated[list[Annotated[str, MinLen(1), MaxLen(100)]], MinLen(1), MaxLen(50)]
Format = Literal["standard", "slack", "cloudevents"]
Secret = Annotated[str, MinLen(24), MaxLen(200)]


class WebhookDraft(TypedDict):
    """POST. `secret` absent: one is made and shown in this answer alone. `format` absent: guessed from the URL."""

    __pydantic_config__ = FORBID  # type: ignore[misc]
    url: Url
    event_types: EventTypes
    description: NotRequired[Description | None]
    active: NotRequired[bool]
    format: NotRequired[Format | None]
    headers: NotRequired[dict[str, str] | None]
    secret: NotRequired[Secret | None]


class WebhookPatch(TypedDict, total=False):
    """PATCH. A new `secret` keeps the old one valid for 24 h."""

    __pydantic_config__ = FORBID  # type: ignore[misc]
    url: Url
    event_types: EventTypes
    description: Description | None
    active: bool
    format: Format | None
    headers: dict[str, str] | None
    secret: Secret


class SecretRotation(TypedDict):
    """POST .../rotate-secret. `secret` absent: one is made and shown in this answer alone."""

    __pydantic_config__ = FORBID  # type: ignore[misc]
    secret: NotRequired[Secret | None]


class Webhook(TypedDict):
    """`secret` is there only in the answer to the call that made it; `headers` values are never shown."""

    id: str
    url: str
    description: str | None
    event_types: list[str]
    active: bool
    format: Format
    header_names: list[str]
    secret_version: int
    secret: NotRequired[str]
    disabled_reason: str | None
    created_at: str
    updated_at: str


class Delivery(TypedDict):
    """One message to one endpoint, over all its attempts."""

    id: str
    webhook_id: str
    event_type: str
    state: Literal["pending", "delivered", "dead"]
    attempts: int
    next_attempt_at: str | None
    last_status: int | None
    last_error: str | None
    created_at: str
    delivered_at: str | None


class Message(TypedDict):
    """The body of a delivery in the `standard` format."""

    type: str
    timestamp: str
    data: dict[str, Any]
