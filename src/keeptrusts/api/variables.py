"""`/v1/config-variables`: secrets that policy documents name and gateways fetch. A value never comes back out."""

from __future__ import annotations

from typing import Annotated, NotRequired

from annotated_types import MaxLen, MinLen
from typing_extensions import TypedDict

from keeptrusts.api.forbid import FORBID
from keeptrusts.api.names import Description

VariableName = Annotated[str, MinLen(1), MaxLen(200)]
Value = Annotated[str, MinLen(1), MaxLen(16_384)]
Hosts = Annotated[list[Annotated[str, MinLen(1), MaxLen(260)]], MinLen(1), MaxLen(50)]
"""`host` for https at its own port, `host:port` for that port alone."""


class VariableDraft(TypedDict):
    """POST. `name`: letters, digits, `_`, `-`, `.`. Without `allowed_hosts` it goes to known providers alone."""

    __pydantic_config__ = FORBID  # type: ignore[misc]
    name: VariableName
    value: Value
    description: NotRequired[Description | None]
    allowed_hosts: NotRequired[Hosts | None]


class VariablePatch(TypedDict, total=False):
    """PATCH. A new `value` reaches gateways that run within seconds."""

    __pydantic_config__ = FORBID  # type: ignore[misc]
    value: Value
    description: Description | None
    allowed_hosts: Hosts | None


class Variable(TypedDict):
    """`version` rises with each new value."""

    id: str
    name: str
    description: str | None
    allowed_hosts: list[str] | None
    version: int
    created_at: str
    updated_at: str
    updated_by: str


class VariableValue(TypedDict):
    """GET /v1/gateway/variables/{name}, for the gateways whose document names it."""

    name: str
    version: int
    value: str
    allowed_hosts: list[str] | None
