"""`/v1/gateways`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from keeptrusts.client.collection import Collection, at, each

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keeptrusts.api.gateways import (
        Gateway,
        GatewayAction,
        GatewayDraft,
        GatewayPatch,
        GatewayToken,
        GatewayTokenDraft,
    )
    from keeptrusts.api.tokens import Key

    OfGateways = Collection[Gateway, GatewayDraft, GatewayPatch]
else:
    OfGateways = Collection


class Gateways(OfGateways):
    """Runtimes and their credentials."""

    path = "/v1/gateways"

    def find(self, name: str) -> Gateway | None:
        """The gateway of this name, which is unique in the organisation."""
        return next(self.each({"name": name}), None)

    def act(
        self, identifier: str, draft: GatewayAction, *, if_match: str | None = None, idempotency_key: str | None = None
    ) -> Gateway:
        """
        Have it reload, pin or unpin its version, or end a canary.

        An instance has done it once its `epoch` is no lower than the one of the gateway that comes back.
        """
        path = at(self.path, identifier, "actions")
        answer = self._calls.post(path, draft, if_match=if_match, idempotency_key=idempotency_key)
        return cast("Gateway", answer.value)

    def create_token(
        self, identifier: str, draft: GatewayTokenDraft | None = None, *, idempotency_key: str | None = None
    ) -> GatewayToken:
        """A credential for the runtime; its `token` is shown this once."""
        path = at(self.path, identifier, "tokens")
        return cast("GatewayToken", self._calls.post(path, draft or {}, idempotency_key=idempotency_key).value)

    def tokens(self, identifier: str) -> Iterator[Key]:
        """The gateway's credentials without their secrets, newest first; revoked ones too."""
        return each(self._calls, at(self.path, identifier, "tokens"))

    def revoke_token(self, identifier: str, token_id: str) -> None:
        self._calls.delete(at(self.path, identifier, "tokens", token_id))
