"""`/v1/webhooks`: who is told of what, and what became of each message."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response

from keeptrusts.api.page import Page
from keeptrusts.api.webhooks import Delivery, SecretRotation, Webhook, WebhookDraft, WebhookPatch
from keeptrusts.control.auditing import record
from keeptrusts.control.auth import Actor, WebhookReader, WebhookWriter
from keeptrusts.control.delivering import TOPIC
from keeptrusts.control.formats import guess_format
from keeptrusts.control.paging import Paging
from keeptrusts.control.revisions import IfMatch, show_revision
from keeptrusts.control.services import AppServices, Services
from keeptrusts.control.signatures import make_secret
from keeptrusts.control.unit_of_work import transactional
from keeptrusts.control.webhook_fields import check_fields
from keeptrusts.store.deliveries import TEST_TYPE, Deliveries
from keeptrusts.store.errors import ConflictError
from keeptrusts.store.transaction import Tx
from keeptrusts.store.webhooks import StoredWebhook, Webhooks

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])


@router.post("", status_code=201)
@transactional
def make_webhook(
    draft: WebhookDraft, actor: WebhookWriter, tx: Tx, response: Response, services: AppServices
) -> Webhook:
    """Register an endpoint. When `secret` is absent, one is made and shown in this answer alone."""
    given = draft.get("secret")
    headers = draft.get("headers") or {}
    check_fields(services.outbound, url=draft["url"], event_types=draft["event_types"], headers=headers, secret=given)
    fields: dict[str, Any] = {
        "url": draft["url"],
        "event_types": draft["event_types"],
        "description": draft.get("description"),
        "active": draft.get("active", True),
        "format": draft.get("format"),
        "headers": headers,
    }
    secret = given or make_secret()
    made = _mine(tx, actor, services).make(fields, secret, at=tx.now)
    record(tx, actor, "webhook.create", made.shown["id"], after={**made.shown})
    response.headers["Location"] = f"/v1/webhooks/{made.shown['id']}"
    return _shown(made, response, None if given else secret)


@router.get("")
@transactional
def list_webhooks(actor: WebhookReader, tx: Tx, paging: Paging, services: AppServices) -> Page[Webhook]:
    """All webhooks, newest first, without their secrets."""
    return paging.page(_mine(tx, actor, services).page(before=paging.before, limit=paging.take))


@router.get("/{webhook_id}")
@transactional
def read_webhook(webhook_id: str, actor: WebhookReader, tx: Tx, response: Response, services: AppServices) -> Webhook:
    """One webhook, without its secret and its header values."""
    return _shown(_mine(tx, actor, services).read(webhook_id), response)


@router.patch("/{webhook_id}")
@transactional
def change_webhook(
    webhook_id: str,
    patch: WebhookPatch,
    actor: WebhookWriter,
    tx: Tx,
    *,
    response: Response,
    precondition: IfMatch,
    services: AppServices,
) -> Webhook:
    """Change some fields. A new `secret` signs from now on, beside the old one for 24 h. Activating resumes it."""
    mine = _mine(tx, actor, services)
    before = mine.read(webhook_id, to_change=True)
    precondition.check(before.revision)
    fields = _fields(patch)
    secret = fields.pop("secret", None)
    check_fields(
        services.outbound,
        url=fields.get("url"),
        event_types=fields.get("event_types", ()),
        headers=fields.get("headers"),
        secret=secret,
    )
    after = mine.change(webhook_id, fields, at=tx.now)
    if secret is not None:
        after = mine.rotate(webhook_id, secret, at=tx.now)
    if after.revision != before.revision:
        record(tx, actor, "webhook.update", webhook_id, before={**before.shown}, after={**after.shown})
        tx.after_commit(lambda: services.hub.wake(TOPIC))
    return _shown(after, response)


@router.delete("/{webhook_id}", status_code=204)
@transactional
def drop_webhook(webhook_id: str, actor: WebhookWriter, tx: Tx, precondition: IfMatch, services: AppServices) -> None:
    """Delete a webhook, what it was sent, and what is still to be sent."""
    mine = _mine(tx, actor, services)
    before = mine.read(webhook_id, to_change=True)
    precondition.check(before.revision)
    mine.drop(webhook_id)
    record(tx, actor, "webhook.delete", webhook_id, before={**before.shown})


@router.post("/{webhook_id}/test", status_code=202)
@transactional
def test_webhook(webhook_id: str, actor: WebhookWriter, tx: Tx, services: AppServices) -> Delivery:
    """Send a `webhook.test` message, even to one that is switched off; the delivery tells what became of it."""
    mine = _mine(tx, actor, services)
    shown = mine.read(webhook_id, to_change=True).shown
    data = {"webhook_id": webhook_id, "message": "this is a test", "requested_by": actor.name}
    made = Deliveries(tx.connection, actor.org, webhook_id).add(TEST_TYPE, data, at=tx.database_now())
    record(tx, actor, "webhook.test", webhook_id, before={**shown}, after={**shown})
    tx.after_commit(lambda: services.hub.wake(TOPIC))
    return made


@router.post("/{webhook_id}/rotate-secret")
@transactional
def rotate_secret(
    webhook_id: str,
    actor: WebhookWriter,
    tx: Tx,
    response: Response,
    services: AppServices,
    *,
    precondition: IfMatch,
    wanted: SecretRotation | None = None,
) -> Webhook:
    """A new secret, shown in this answer alone when it was made here; messages are signed with both for 24 h."""
    given = wanted.get("secret") if wanted else None
    check_fields(services.outbound, secret=given)
    mine = _mine(tx, actor, services)
    before = mine.read(webhook_id, to_change=True)
    precondition.check(before.revision)
    secret = given or make_secret()
    after = mine.rotate(webhook_id, secret, at=tx.now)
    record(tx, actor, "webhook.rotate_secret", webhook_id, before={**before.shown}, after={**after.shown})
    return _shown(after, response, None if given else secret)


@router.get("/{webhook_id}/deliveries")
@transactional
def list_deliveries(
    webhook_id: str,
    actor: WebhookReader,
    tx: Tx,
    paging: Paging,
    services: AppServices,
    *,
    state: Annotated[Literal["pending", "delivered", "dead"] | None, Query()] = None,
) -> Page[Delivery]:
    """What it was sent, newest first: each message over all its attempts. Finished ones are kept for 30 days."""
    _mine(tx, actor, services).read(webhook_id)
    found = Deliveries(tx.connection, actor.org, webhook_id)
    return paging.page(found.page(before=paging.before, limit=paging.take, state=state))


@router.get("/{webhook_id}/deliveries/{delivery_id}")
@transactional
def read_delivery(webhook_id: str, delivery_id: str, actor: WebhookReader, tx: Tx) -> Delivery:
    """One delivery. Its id is the `webhook-id` of the message."""
    return Deliveries(tx.connection, actor.org, webhook_id).read(delivery_id)


@router.post("/{webhook_id}/deliveries/{delivery_id}/redeliver", status_code=202)
@transactional
def redeliver(webhook_id: str, delivery_id: str, actor: WebhookWriter, tx: Tx, services: AppServices) -> Delivery:
    """Send it again, under the same `webhook-id` and with a fresh schedule."""
    shown = _mine(tx, actor, services).read(webhook_id, to_change=True).shown
    found = Deliveries(tx.connection, actor.org, webhook_id)
    before = found.read(delivery_id)
    if not shown["active"] and before["event_type"] != TEST_TYPE:
        raise ConflictError("this webhook is switched off; set `active` to true first", code="webhook_inactive")
    after = found.send_again(delivery_id, at=tx.database_now())
    record(tx, actor, "delivery.redeliver", delivery_id, before={**before}, after={**after})
    tx.after_commit(lambda: services.hub.wake(TOPIC))
    return after


def _mine(tx: Tx, actor: Actor, services: Services) -> Webhooks:
    return Webhooks(tx.connection, actor.org, services.sealer, guess_format)


def _fields(patch: WebhookPatch) -> dict[str, Any]:
    given: dict[str, Any] = {**patch}
    if "headers" in given:
        given["headers"] = given["headers"] or {}
    return given


def _shown(stored: StoredWebhook, response: Response, secret: str | None = None) -> Webhook:
    show_revision(response, stored.revision)
    return stored.shown if secret is None else {**stored.shown, "secret": secret}
