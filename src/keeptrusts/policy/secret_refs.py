"""Where secrets are that a document needs: they never stand in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from keeptrusts.policy.checks import secret_name
from keeptrusts.policy.schema import Attr, Block, Fault

SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "x-api-key", "api-key", "cookie"})


@dataclass(frozen=True, slots=True)
class SecretRef(Block):
    env: Annotated[
        str | None, Attr("Variable of the gateway's environment.", check=secret_name, stronger="neutral")
    ] = None
    store: Annotated[
        str | None, Attr("Config variable of the control plane.", check=secret_name, stronger="neutral")
    ] = None

    def faults(self) -> Iterable[Fault]:
        if (self.env is None) == (self.store is None):
            yield Fault("E003", (), "`secret_key_ref` takes exactly one of `env` and `store`", "keep one of the two")
