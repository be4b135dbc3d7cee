"""`/v1/gateways`: runtimes, their credentials, and how far they follow what is desired."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from annotated_types import Ge, Le, MaxLen
from typing_extensions import TypedDict

from keeptrusts.api.forbid import FORBID
from keeptrusts.api.names import Description, FailMode, Labels, Lifetime, Name, Number


class Deployment(TypedDict):
    """
    How a new version reaches the instances.

    `all`: every one at once. `canary`: `percent` of them first, told by their ids, and at least one that is heard of
    when there is something new; the others stay at `stable` until `promote`. At 100 it is as `all`.
    """

    __pydantic_config__ = FORBID  # type: ignore[misc]
    strategy: Literal["all", "canary"]
    percent: NotRequired[Annotated[int, Ge(1), Le(100)]]


class GatewayDraft(TypedDict):
    """POST. `configuration_version` absent: follow the latest."""

    __pydantic_config__ = FORBID  # type: ignore[misc]
    name: Name
    description: NotRequired[Description | None]
    labels: NotRequired[Labels]
    environment: NotRequired[Annotated[str, MaxLen(63)] | None]
    configuration_id: NotRequired[str | None]
    configuration_version: NotRequired[Number | None]
    fail_mode: NotRequired[FailMode]
    deployment: NotRequired[Deployment]


class GatewayPatch(TypedDict, total=False):
    """PATCH."""

    __pydantic_config__ = FORBID  # type: ignore[misc]
    name: Name
    description: Description | None
    labels: Labels | None
    environment: Annotated[str, MaxLen(63)] | None
    configuration_id: str | None
    configuration_version: Number | None
    fail_mode: FailMode
    deployment: Deployment


class GatewayInstance(TypedDict):
    """
    One running process.

    `desired_digest`: what it is to run, which during a canary is not the same for all. `epoch`: of the bundle that is
    active; null while there is none.
    """

    instance_id: str
    version: str
    desired_digest: str | None
    active_digest: str | None
    state: Literal["in_sync", "stale", "degraded", "error"]
    epoch: int | None
    last_seen_at: str
    last_error: str | None


class StableVersion(TypedDict):
    """What instances outside of a canary run."""

    configuration_id: str
    configuration_version: int
    content_digest: str


class Gateway(TypedDict):
    """
    `desired_digest`: what it is to run. `stable`: during a canary, what all instances but those of the canary stay at;
    null: all are to run `desired_digest`.

    `status` is of the fleet of instances: `offline` when none was heard of for 90 s.

    `epoch` rises with everything that has the instances load anew: an instance with this one or a higher one has.
    """

    id: str
    name: str
    description: str | None
    labels: dict[str, str]
    environment: str | None
    configuration_id: str | None
    configuration_version: int | None
    fail_mode: FailMode
    deployment: Deployment
    desired_digest: str | None
    stable: StableVersion | None
    epoch: int
    instances: list[GatewayInstance]
    status: Literal["never_seen", "online", "degraded", "offline"]
    created_at: str
    updated_at: str


class GatewayAction(TypedDict):
    """
    POST /v1/gateways/{id}/actions.

    `reload` has every instance fetch, verify and activate its document and its stored secrets once more.
    `pin` keeps it at `configuration_version`, or at the version it is to run now; `unpin` has it follow the latest.
    `promote` ends a canary: every instance gets what those of the canary run. To end it the other way, `pin` the
    version of `stable`, or roll the configuration back.
    """

    __pydantic_config__ = FORBID  # type: ignore[misc]
    action: Literal["reload", "pin", "unpin", "promote"]
    configuration_version: NotRequired[Number]


class GatewayTokenDraft(TypedDict, total=False):
    """POST /v1/gateways/{id}/tokens. `expires_in` in seconds; null or absent: no expiry."""

    __pydantic_config__ = FORBID  # type: ignore[misc]
    name: Name
    expires_in: Lifetime | None


class GatewayToken(TypedDict):
    """`token` is shown this once."""

    id: str
    gateway_id: str
    prefix: str
    token: str
    created_at: str
    expires_at: str | None
