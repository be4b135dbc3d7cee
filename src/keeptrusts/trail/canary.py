"""
Which instances of a gateway get a new version first: told the same by the control plane and by the instance itself.

A share goes by the id of the instance alone: the same ones are first each time, and a larger share adds to them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from keeptrusts.core.errors import UntrustedBundleError

WHOLE: Final = 100
FIELDS: Final[Mapping[str, type | tuple[type, ...]]] = {
    "percent": int,
    "lead": (str, type(None)),
    "configuration_id": str,
    "configuration_version": int,
    "config_digest": str,
    "policy_yaml": str,
}
"""What `canary` of a bundle's payload must hold; `api.runtime.BundleCanary` says what each means."""


def is_first(gateway_id: str, instance_id: str, percent: int, lead: str | None) -> bool:
    """
    Whether an instance belongs to the share.

    Args:
        lead: An instance that does in any case, so that a share of few is not none.
    """
    if instance_id == lead:
        return True
    proof = hashlib.sha256(f"{gateway_id}\0{instance_id}".encode()).digest()
    return int.from_bytes(proof[:8]) * WHOLE < percent << 64


def chosen(payload: Mapping[str, Any], instance_id: str) -> dict[str, Any]:
    """
    What this instance is to run of a verified payload: the version of the share, or the one that all others stay at.

    Raises:
        UntrustedBundleError: `canary` is there and not complete.
    """
    canary = payload.get("canary")
    own = {name: value for name, value in payload.items() if name != "canary"}
    if canary is None:
        return own
    if not isinstance(canary, Mapping) or not all(_fits(canary.get(name), kind) for name, kind in FIELDS.items()):
        raise UntrustedBundleError("`canary` of the bundle is not complete", code="bad_payload")
    if is_first(payload["gateway_id"], instance_id, canary["percent"], canary.get("lead")):
        own |= {name: canary[name] for name in FIELDS if name in own}
    return own


def _fits(value: Any, kind: type | tuple[type, ...]) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)
