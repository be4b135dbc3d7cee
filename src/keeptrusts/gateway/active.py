"""What the gateway enforces now: a configuration, activated whole or not at all."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from keeptrusts.flow.arrival import Snapshot
from keeptrusts.gateway.lending import Lenders
from keeptrusts.gateway.targets import Route, routes_of
from keeptrusts.policy.asking import STORED

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Active:
    """
    A configuration with the routes to its targets. A request keeps the one it began with.

    Args:
        source: Where it came from: the file names, or the control plane.
        epoch: Of the bundle; None for a file.
        variables: Keys that the control plane keeps, by name. Never shown.
    """

    snapshot: Snapshot
    routes: Mapping[str, Route]
    source: str
    epoch: int | None = None
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def digest(self) -> str:
        return self.snapshot.policy.digest

    def shown(self) -> dict[str, Any]:
        """For `/keeptrusts/config`: names and digests, no secret."""
        policy = self.snapshot.policy
        return {
            "source": self.source,
            "name": policy.name,
            "version": policy.version,
            "enabled": policy.enabled,
            "digest": policy.digest,
            "kinds": list(policy.kinds),
            "targets": [_target(route) for route in self.routes.values()],
            "gateway_id": self.snapshot.gateway_id,
            "instance_id": self.snapshot.instance_id,
            "configuration_id": self.snapshot.configuration_id,
            "configuration_version": self.snapshot.configuration_version,
            "epoch": self.epoch,
        }


def _target(route: Route) -> dict[str, Any]:
    target = route.settings.target
    return {
        "id": target.id,
        "provider": target.provider,
        "model": target.model,
        "available": not route.missing,
        "reason": route.missing or None,
    }


class Holder:
    """The active configuration of this process, and why a newer one is not."""

    def __init__(self) -> None:
        self.active: Active | None = None
        self.last_error: str | None = None
        self.on_change: Callable[[Active], None] = _ignore
        self._lenders = Lenders()

    def activate(
        self,
        snapshot: Snapshot,
        source: str,
        epoch: int | None = None,
        variables: Mapping[str, str] = MappingProxyType({}),
    ) -> Active:
        """
        Put a compiled configuration in force for every request from now on.

        Args:
            variables: Keys that the control plane keeps, by name.
        """
        routes = routes_of(snapshot.policy.targets, os.environ, variables, self._lenders)
        made = Active(snapshot, routes, source, epoch, variables)
        self.active, self.last_error = made, None
        _warn_of_missing_secrets(snapshot, variables)
        _log.info("configuration active", extra={"config_digest": made.digest, "source": source, "epoch": epoch})
        self.on_change(made)
        return made

    def refuse(self, reason: str, source: str) -> None:
        """A configuration was not fit; the active one stays. Says so once."""
        if reason != self.last_error:
            self.last_error = reason
            _log.error("configuration refused; the active one stays", extra={"reason": reason, "source": source})


def _warn_of_missing_secrets(snapshot: Snapshot, variables: Mapping[str, str]) -> None:
    """Of kinds that ask somebody else; without its secret none gets an answer."""
    for policy in snapshot.policy.chain.policies:
        for name in policy.secrets():
            stored = name.removeprefix(STORED) if name.startswith(STORED) else None
            found = os.environ.get(name, "") if stored is None else variables.get(stored, "")
            if not found.strip():
                _log.warning("a secret that a policy needs is not set", extra={"kind": policy.kind, "variable": name})


def _ignore(_: Active) -> None:
    """Nobody is listening."""
