"""Where the provider's process begins. The provider itself is imported when Terraform already knows where we are."""

from __future__ import annotations

from keeptrusts.terraform.plugin.serve import serve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

QUICK = frozenset(
    "/tfplugin6.Provider/" + name
    for name in ("GetMetadata", "GetProviderSchema", "ValidateProviderConfig", "StopProvider", "UpgradeResourceState")
)
"""Calls that never wait; the loop answers them itself. StopProvider must get through when every worker is busy."""


def main() -> int:
    return serve(_load, QUICK)


def _load() -> Callable[[str, bytes], bytes]:
    from keeptrusts.terraform.provider import Provider

    return Provider().handle
