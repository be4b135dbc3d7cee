"""`/v1/gateways`: runtimes, what they are to run, and their credentials."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Response

from keeptrusts.api.gateways import (
    Deployment,
    Gateway,
    GatewayAction,
    GatewayDraft,
    GatewayPatch,
    GatewayToken,
    GatewayTokenDraft,
)
from keeptrusts.api.page import Page
from keeptrusts.api.tokens import Key
from keeptrusts.control.auditing import record
from keeptrusts.control.auth import Actor, GatewayReader, GatewayWriter, TokenWriter
from keeptrusts.control.fleet import tell_deployed
from keeptrusts.control.labels import LabelFilter
from keeptrusts.control.paging import Paging
from keeptrusts.control.problem import ProblemError
from keeptrusts.control.revisions import IfMatch, revision_of, show_revision
from keeptrusts.control.services import AppServices
from keeptrusts.control.unit_of_work import transactional
from keeptrusts.core.errors import NotFoundError
from keeptrusts.store.gateways import Gateways, StoredGateway
from keeptrusts.store.keys import Keys, NewKey
from keeptrusts.store.transaction import Tx

router = APIRouter(prefix="/v1/gateways", tags=["gateways"])

_ALL: Deployment = {"strategy": "all"}  # type: ignore[typeddict-item]


@router.post("", status_code=201)
@transactional
def make_gateway(draft: GatewayDraft, actor: GatewayWriter, tx: Tx, response: Response) -> Gateway:
    """Register a gateway. It gets a credential of its own with `POST /v1/gateways/{id}/tokens`."""
    fields: dict[str, Any] = {
        "name": draft["name"],
        "description": draft.get("description"),
        "labels": draft.get("labels", {}),
        "environment": draft.get("environment"),
        "configuration_id": draft.get("configuration_id"),
        "configuration_version": draft.get("configuration_version"),
        "fail_mode": draft.get("fail_mode", "block"),
        "deployment": _sound(draft.get("deployment", _ALL)),
    }
    made = Gateways(tx.connection, actor.org).make(fields, at=tx.now)
    record(tx, actor, "gateway.create", made.shown["id"], after=_settings(made))
    tx.publish(actor.org, "gateway.created", _told(made))
    response.headers["Location"] = f"/v1/gateways/{made.shown['id']}"
    return _shown(made, response)


@router.get("")
@transactional
def list_gateways(
    actor: GatewayReader,
    tx: Tx,
    paging: Paging,
    labels: LabelFilter,
    *,
    name: Annotated[str | None, Query(max_length=200)] = None,
    environment: Annotated[str | None, Query(max_length=63)] = None,
    configuration_id: Annotated[str | None, Query(max_length=64)] = None,
) -> Page[Gateway]:
    """All gateways, newest first."""
    rows = Gateways(tx.connection, actor.org).page(
        at=tx.now,
        before=paging.before,
        limit=paging.take,
        labels=labels,
        name=name,
        environment=environment,
        configuration_id=configuration_id,
    )
    return paging.page(rows)


@router.get("/{gateway_id}")
@transactional
def read_gateway(gateway_id: str, actor: GatewayReader, tx: Tx, response: Response) -> Gateway:
    """One gateway, with what its instances run."""
    return _shown(Gateways(tx.connection, actor.org).read(gateway_id, at=tx.now), response)


@router.patch("/{gateway_id}")
@transactional
def change_gateway(
    gateway_id: str,
    patch: GatewayPatch,
    actor: GatewayWriter,
    tx: Tx,
    *,
    response: Response,
    precondition: IfMatch,
    services: AppServices,
) -> Gateway:
    """Change some fields. `configuration_id: null` leaves it without a configuration: it then refuses traffic."""
    mine = Gateways(tx.connection, actor.org)
    before = mine.read(gateway_id, at=tx.now, to_change=True, following=patch.get("configuration_id"))
    precondition.check(before.revision)
    after = mine.change(gateway_id, _fields(patch), at=tx.now)
    if after.revision != before.revision:
        record(tx, actor, "gateway.update", gateway_id, before=_settings(before), after=_settings(after))
        _tell_promoted(tx, actor, before, after)
        tx.after_commit(lambda: services.gateways_changed(gateway_id))
    return _shown(after, response)


@router.delete("/{gateway_id}", status_code=204)
@transactional
def drop_gateway(gateway_id: str, actor: GatewayWriter, tx: Tx, precondition: IfMatch, services: AppServices) -> None:
    """Delete a gateway and revoke its tokens. Its events stay."""
    mine = Gateways(tx.connection, actor.org)
    before = mine.read(gateway_id, at=tx.now, to_change=True)
    precondition.check(before.revision)
    revoked = Keys(tx.connection, actor.org).revoke_of_gateway(gateway_id, at=tx.now)
    mine.drop(gateway_id)
    record(tx, actor, "gateway.delete", gateway_id, before=_settings(before))
    tx.publish(actor.org, "gateway.deleted", _told(before))
    tx.after_commit(lambda: services.credentials.forget(*revoked))
    tx.after_commit(lambda: services.gateways_changed(gateway_id))


@router.post("/{gateway_id}/actions")
@transactional
def act_on_gateway(
    gateway_id: str,
    wanted: GatewayAction,
    actor: GatewayWriter,
    tx: Tx,
    *,
    response: Response,
    precondition: IfMatch,
    services: AppServices,
) -> Gateway:
    """
    `reload`, `pin`, `unpin` or `promote`. An instance has done it once its `epoch` is no lower than the one answered.

    What is as wanted already stays as it is, but for `reload`.
    """
    if wanted["action"] != "pin" and "configuration_version" in wanted:
        raise ProblemError(422, "invalid_input", "`configuration_version` goes with `pin` alone", errors=[
            {"path": "configuration_version", "code": "invalid_value", "message": "leave it out, or say `pin`"}
        ])  # fmt: skip
    mine = Gateways(tx.connection, actor.org)
    before = mine.read(gateway_id, at=tx.now, to_change=True)
    precondition.check(before.revision)
    after = _acted(mine, gateway_id, wanted, tx.now)
    if after.shown["epoch"] != before.shown["epoch"]:
        record(tx, actor, f"gateway.{wanted['action']}", gateway_id, before=_settings(before), after=_settings(after))
        _tell_promoted(tx, actor, before, after)
        tx.after_commit(lambda: services.gateways_changed(gateway_id))
    return _shown(after, response)


@router.post("/{gateway_id}/tokens", status_code=201)
@transactional
def make_gateway_token(
    gateway_id: str, draft: Annotated[GatewayTokenDraft, Body(default_factory=dict)], actor: TokenWriter, tx: Tx
) -> GatewayToken:
    """
    A credential for the runtime, shown once. Several may live at a time, so that one can be replaced.

    It opens the stored secrets that the gateway's document names, so it takes who may hand out keys.
    """
    gateway = Gateways(tx.connection, actor.org).read(gateway_id, at=tx.now).shown
    seconds = draft.get("expires_in")
    wanted = NewKey(
        name=draft.get("name", gateway["name"]),
        role="gateway",
        kind="gw",
        gateway_id=gateway_id,
        lifetime=timedelta(seconds=seconds) if seconds else None,
    )
    key, token = Keys(tx.connection, actor.org).make(wanted, at=tx.now)
    record(tx, actor, "gateway_token.create", key["id"], after={**key})
    return {
        "id": key["id"],
        "gateway_id": gateway_id,
        "prefix": key["prefix"],
        "token": token,
        "created_at": key["created_at"],
        "expires_at": key["expires_at"],
    }


@router.get("/{gateway_id}/tokens")
@transactional
def list_gateway_tokens(gateway_id: str, actor: GatewayReader, tx: Tx, paging: Paging) -> Page[Key]:
    """The credentials of a gateway, without their secrets; revoked ones too."""
    Gateways(tx.connection, actor.org).read(gateway_id, at=tx.now)
    rows = Keys(tx.connection, actor.org).page(before=paging.before, limit=paging.take, gateway_id=gateway_id)
    return paging.page(rows)


@router.delete("/{gateway_id}/tokens/{token_id}", status_code=204)
@transactional
def revoke_gateway_token(
    gateway_id: str, token_id: str, actor: GatewayWriter, tx: Tx, precondition: IfMatch, services: AppServices
) -> None:
    """From now on the token is refused."""
    mine = Keys(tx.connection, actor.org)
    before = mine.read(token_id)
    if before["gateway_id"] != gateway_id:
        raise NotFoundError("this gateway has no such token")
    precondition.check(revision_of(before))
    mine.revoke(token_id, at=tx.now)
    record(tx, actor, "gateway_token.revoke", token_id, before={**before}, after={**mine.read(token_id)})
    tx.after_commit(lambda: services.credentials.forget(token_id))


def _acted(mine: Gateways, gateway_id: str, wanted: GatewayAction, at: datetime) -> StoredGateway:
    match wanted["action"]:
        case "reload":
            return mine.renew(gateway_id, at=at)
        case "pin":
            return mine.pin(gateway_id, wanted.get("configuration_version"), at=at)
        case "unpin":
            return mine.change(gateway_id, {"configuration_version": None}, at=at)
        case "promote":
            return mine.promote(gateway_id, at=at)


def _tell_promoted(tx: Tx, actor: Actor, before: StoredGateway, after: StoredGateway) -> None:
    """Where the canary was all there is, nobody will report anything new: it is deployed now."""
    same = before.shown["desired_digest"] == after.shown["desired_digest"]
    if same and before.shown["stable"] is not None and after.shown["stable"] is None:
        tell_deployed(tx, actor.org, after.shown["id"])


def _sound(deployment: Deployment) -> Deployment:
    if deployment["strategy"] == "canary" and "percent" not in deployment:
        message = "`canary` needs the share of the instances that get a new version first"
        raise ProblemError(422, "invalid_input", message, errors=[
            {"path": "deployment.percent", "code": "required", "message": "say how many in a hundred, 1 to 100"}
        ])  # fmt: skip
    if deployment["strategy"] == "all" and "percent" in deployment:
        raise ProblemError(422, "invalid_input", "`percent` goes with the strategy `canary` alone", errors=[
            {"path": "deployment.percent", "code": "invalid_value", "message": "leave it out, or say `canary`"}
        ])  # fmt: skip
    return deployment


def _fields(patch: GatewayPatch) -> dict[str, Any]:
    given: dict[str, Any] = {**patch}
    if given.get("labels", {}) is None:
        given["labels"] = {}
    if "deployment" in patch:
        given["deployment"] = _sound(patch["deployment"])
    return given


def _shown(stored: StoredGateway, response: Response) -> Gateway:
    show_revision(response, stored.revision)
    return stored.shown


def _settings(stored: StoredGateway) -> Mapping[str, Any]:
    """Without what instances report, which no write of ours changes."""
    return {name: value for name, value in stored.shown.items() if name not in {"instances", "status"}}


def _told(stored: StoredGateway) -> dict[str, Any]:
    shown: Mapping[str, Any] = {**stored.shown}
    return {name: shown[name] for name in ("id", "name", "environment", "configuration_id", "desired_digest")}
