"""What an instance of a gateway is to run."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:  # at run time they cost more than all the rest of this module
    from collections.abc import Mapping
    from typing import Any


def desired_of(gateway: Mapping[str, Any], instance: Mapping[str, Any]) -> str | None:
    """A digest. During a canary it is not the same for all; a control plane that knows of none says it once."""
    found: str | None = instance.get("desired_digest", gateway["desired_digest"])
    return found


def in_sync(gateway: Mapping[str, Any], instance: Mapping[str, Any]) -> bool:
    """Whether it runs that."""
    return bool(instance["active_digest"] == desired_of(gateway, instance))
