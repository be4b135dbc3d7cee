"""`/v1/configurations`: policy documents and their immutable versions."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from keeptrusts.api.configurations import (
    CandidateDiff,
    Configuration,
    ConfigurationDraft,
    ConfigurationPatch,
    ConfigurationVersion,
    DiffDraft,
    Rollback,
    Validation,
    ValidationDraft,
    VersionDiff,
    VersionDraft,
)
from keeptrusts.api.page import Page
from keeptrusts.control import policies
from keeptrusts.control.auditing import record
from keeptrusts.control.auth import Actor, ConfigurationReader, ConfigurationWriter
from keeptrusts.control.keeping import allow_shorter
from keeptrusts.control.labels import LabelFilter
from keeptrusts.control.paging import Paging
from keeptrusts.control.revisions import IfMatch, show_revision
from keeptrusts.control.services import AppServices, Services
from keeptrusts.control.unit_of_work import transactional
from keeptrusts.store.configurations import Configurations, PolicyText, Stored, Write
from keeptrusts.store.gateways import Gateways
from keeptrusts.store.transaction import Tx
from keeptrusts.store.variables import allowed_hosts

router = APIRouter(prefix="/v1/configurations", tags=["configurations"])


@router.post("", status_code=201)
@transactional
def make_configuration(
    draft: ConfigurationDraft, actor: ConfigurationWriter, tx: Tx, response: Response
) -> Configuration:
    """Make a configuration. Nothing is stored unless its document lints."""
    fields = {
        "name": draft["name"],
        "description": draft.get("description"),
        "labels": draft.get("labels", {}),
        "managed_by": draft.get("managed_by", "api"),
    }
    policy = policies.read_policy(draft["policy_yaml"], allowed_hosts(tx.connection, actor.org))
    made = Configurations(tx.connection, actor.org).make(fields, policy, _write(tx, actor, draft.get("message")))
    record(tx, actor, "configuration.create", made.shown["id"], after=made.shown)
    tx.publish(actor.org, "configuration.created", _told(made))
    response.headers["Location"] = f"/v1/configurations/{made.shown['id']}"
    return _shown(made, response)


@router.post("/validate")
def validate(draft: ValidationDraft, _actor: ConfigurationReader) -> Validation:
    """What `kt policy lint` says of a document. Nothing is stored."""
    return policies.validate(draft["policy_yaml"])


@router.get("")
@transactional
def list_configurations(
    actor: ConfigurationReader,
    tx: Tx,
    paging: Paging,
    labels: LabelFilter,
    *,
    name: Annotated[str | None, Query(max_length=200)] = None,
    q: Annotated[str | None, Query(max_length=200)] = None,
) -> Page[Configuration]:
    """All configurations, newest first. `q`: part of the name, in capitals or not."""
    mine = Configurations(tx.connection, actor.org)
    return paging.page(mine.page(before=paging.before, limit=paging.take, name=name, part=q, labels=labels))


@router.get("/{configuration_id}")
@transactional
def read_configuration(configuration_id: str, actor: ConfigurationReader, tx: Tx, response: Response) -> Configuration:
    """One configuration, with the document now current."""
    return _shown(Configurations(tx.connection, actor.org).read(configuration_id), response)


@router.patch("/{configuration_id}")
@transactional
def change_configuration(
    configuration_id: str,
    patch: ConfigurationPatch,
    actor: ConfigurationWriter,
    tx: Tx,
    *,
    response: Response,
    precondition: IfMatch,
    services: AppServices,
) -> Configuration:
    """Change some fields. A document that means something else becomes a new version; gateways follow."""
    hosts = allowed_hosts(tx.connection, actor.org)
    policy = policies.read_policy(patch["policy_yaml"], hosts) if "policy_yaml" in patch else None
    fields = _fields(patch)
    change = _Change(configuration_id, actor, tx, services)
    return _shown(change.write(precondition, fields, policy, patch.get("message"), "update"), response)


@router.delete("/{configuration_id}", status_code=204)
@transactional
def drop_configuration(configuration_id: str, actor: ConfigurationWriter, tx: Tx, precondition: IfMatch) -> None:
    """Delete a configuration that no gateway uses, with its versions."""
    mine = Configurations(tx.connection, actor.org)
    before = mine.read(configuration_id, to_change=True)
    precondition.check(before.revision)
    allow_shorter(tx, actor, configuration_id, before.shown["policy_yaml"], None)
    mine.drop(configuration_id)
    record(tx, actor, "configuration.delete", configuration_id, before=before.shown)
    tx.publish(actor.org, "configuration.deleted", _told(before))


@router.get("/{configuration_id}/versions")
@transactional
def list_versions(
    configuration_id: str, actor: ConfigurationReader, tx: Tx, paging: Paging
) -> Page[ConfigurationVersion]:
    """Every version, newest first."""
    mine = Configurations(tx.connection, actor.org)
    return paging.page(mine.version_page(configuration_id, before=paging.before, limit=paging.take))


@router.post("/{configuration_id}/versions", status_code=201, responses={200: {"model": ConfigurationVersion}})
@transactional
def add_version(
    configuration_id: str,
    draft: VersionDraft,
    actor: ConfigurationWriter,
    tx: Tx,
    *,
    precondition: IfMatch,
    services: AppServices,
    response: Response,
) -> ConfigurationVersion:
    """Write the next version. When the document means what the current one does, that one comes back with 200."""
    policy = policies.read_policy(draft["policy_yaml"], allowed_hosts(tx.connection, actor.org))
    change = _Change(configuration_id, actor, tx, services)
    after = change.write(precondition, {}, policy, draft.get("message"), "update")
    if not change.has_made_version:
        response.status_code = 200
    return Configurations(tx.connection, actor.org).version(configuration_id, after.shown["version"])


@router.get("/{configuration_id}/versions/{version}")
@transactional
def read_version(
    configuration_id: str,
    version: Annotated[int, Path(ge=1, le=2**31 - 1)],
    actor: ConfigurationReader,
    tx: Tx,
    response: Response,
) -> ConfigurationVersion:
    """One version, as it was written; its tag never changes."""
    found = Configurations(tx.connection, actor.org).version(configuration_id, version)
    show_revision(response, version)
    return found


@router.get("/{configuration_id}/diff")
@transactional
def diff_versions(
    configuration_id: str,
    actor: ConfigurationReader,
    tx: Tx,
    older: Annotated[int, Query(alias="from", ge=1, le=2**31 - 1)],
    newer: Annotated[int, Query(alias="to", ge=1, le=2**31 - 1)],
) -> VersionDiff:
    """What changed between two versions: by lines, and by meaning."""
    mine = Configurations(tx.connection, actor.org)
    before, after = (mine.version(configuration_id, number)["policy_yaml"] for number in (older, newer))
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), f"version {older}", f"version {newer}", lineterm=""
    )
    return {"from": older, "to": newer, "text": "\n".join(lines), **policies.compare(before, after)}


@router.post("/{configuration_id}/diff")
def diff_candidate(
    configuration_id: str, draft: DiffDraft, actor: ConfigurationReader, services: AppServices
) -> CandidateDiff:
    """What a document would change of the current version: by lines, and by meaning. Nothing is stored."""
    # not in one transaction: comparing takes longer than anybody should hold a connection
    with services.store.read() as tx:
        current = Configurations(tx.connection, actor.org).read(configuration_id).shown
    lines, meaning = policies.compare_candidate(current["policy_yaml"], draft["policy_yaml"])
    return {"version": current["version"], "text": lines, **meaning}


@router.post("/{configuration_id}/rollback")
@transactional
def roll_back(
    configuration_id: str,
    wanted: Rollback,
    actor: ConfigurationWriter,
    tx: Tx,
    *,
    response: Response,
    precondition: IfMatch,
    services: AppServices,
) -> Configuration:
    """Make an earlier version current again: it becomes a new one. It has to lint as today's documents do."""
    earlier = Configurations(tx.connection, actor.org).version(configuration_id, wanted["version"])
    policy = policies.read_policy(earlier["policy_yaml"], allowed_hosts(tx.connection, actor.org))
    change = _Change(configuration_id, actor, tx, services)
    message = f"back to version {wanted['version']}"
    return _shown(change.write(precondition, {}, policy, message, "rollback"), response)


_TOLD_AS = {"update": "configuration.updated", "rollback": "configuration.rolled_back"}


class _Change:
    """One change of a configuration, with all that follows from it: audit, messages, gateways."""

    def __init__(self, identifier: str, actor: Actor, tx: Tx, services: Services) -> None:
        self._identifier = identifier
        self._actor = actor
        self._tx = tx
        self._services = services
        self.has_made_version = False

    def write(
        self,
        precondition: IfMatch,
        fields: Mapping[str, Any],
        policy: PolicyText | None,
        message: str | None,
        verb: str,
    ) -> Stored:
        tx, actor = self._tx, self._actor
        mine = Configurations(tx.connection, actor.org)
        before = mine.read(self._identifier, to_change=True)
        precondition.check(before.revision)
        if policy is not None:
            allow_shorter(tx, actor, self._identifier, before.shown["policy_yaml"], policy.policy_yaml)
        after = mine.change(self._identifier, fields, policy, _write(tx, actor, message))
        if after.revision == before.revision:
            return after
        record(tx, actor, f"configuration.{verb}", self._identifier, before=before.shown, after=after.shown)
        tx.publish(actor.org, _TOLD_AS[verb], _told(after))
        if after.shown["version"] != before.shown["version"]:
            self.has_made_version = True
            followers = Gateways(tx.connection, actor.org).follow(self._identifier, at=tx.now)
            tx.after_commit(lambda: self._services.gateways_changed(*followers))
        return after


def _fields(patch: ConfigurationPatch) -> dict[str, Any]:
    given = {name: value for name, value in patch.items() if name not in {"policy_yaml", "message"}}
    if given.get("labels", {}) is None:
        given["labels"] = {}
    return given


def _write(tx: Tx, actor: Actor, message: str | None) -> Write:
    return Write(author=actor.key_id, at=tx.now, message=message)


def _shown(stored: Stored, response: Response) -> Configuration:
    show_revision(response, stored.revision)
    return stored.shown


def _told(stored: Stored) -> dict[str, Any]:
    """What webhooks learn: never the document itself."""
    shown: Mapping[str, Any] = {**stored.shown}
    return {name: shown[name] for name in ("id", "name", "version", "content_digest", "managed_by", "updated_by")}
