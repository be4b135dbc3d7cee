"""`/v1/webhooks`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from keeptrusts.client.collection import Collection, at, each

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keeptrusts.api.webhooks import Delivery, Webhook, WebhookDraft, WebhookPatch

    OfWebhooks = Collection[Webhook, WebhookDraft, WebhookPatch]
else:
    OfWebhooks = Collection


class Webhooks(OfWebhooks):
    """Endpoints and what was sent to them."""

    path = "/v1/webhooks"

    def test(self, identifier: str) -> Delivery:
        """Have a `webhook.test` message sent."""
        return cast("Delivery", self._calls.post(at(self.path, identifier, "test")).value)

    def rotate_secret(
        self, identifier: str, *, secret: str | None = None, idempotency_key: str | None = None
    ) -> Webhook:
        """A new secret, shown this once when the control plane made it; messages are signed with both for 24 h."""
        path = at(self.path, identifier, "rotate-secret")
        body = {} if secret is None else {"secret": secret}
        return cast("Webhook", self._calls.post(path, body, idempotency_key=idempotency_key).value)

    def deliveries(self, identifier: str, *, state: str | None = None) -> Iterator[Delivery]:
        """Newest first; `state`: `pending`, `delivered` or `dead`."""
        return each(self._calls, at(self.path, identifier, "deliveries"), {"state": state})

    def delivery(self, identifier: str, delivery_id: str) -> Delivery:
        """Its id is the `webhook-id` of the message."""
        return cast("Delivery", self._calls.get(at(self.path, identifier, "deliveries", delivery_id)).value)

    def redeliver(self, identifier: str, delivery_id: str) -> Delivery:
        """Send it once more, under the same `webhook-id`."""
        path = at(self.path, identifier, "deliveries", delivery_id, "redeliver")
        return cast("Delivery", self._calls.post(path).value)
