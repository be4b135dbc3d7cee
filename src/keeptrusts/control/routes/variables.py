"""`/v1/config-variables` and `/v1/gateway/variables`: secrets go in here, and come out at gateways alone."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from keeptrusts.api.page import Page
from keeptrusts.api.variables import Variable, VariableDraft, VariablePatch, VariableValue
from keeptrusts.control import policies
from keeptrusts.control.auditing import record
from keeptrusts.control.auth import Actor, VariableReader, VariableUser, VariableWriter
from keeptrusts.control.paging import Paging
from keeptrusts.control.problem import ProblemError
from keeptrusts.control.revisions import IfMatch, show_revision
from keeptrusts.control.services import AppServices, Services
from keeptrusts.control.unit_of_work import transactional
from keeptrusts.core.errors import NotFoundError
from keeptrusts.policy.checks import secret_name
from keeptrusts.policy.destinations import is_host
from keeptrusts.store.gateways import Desired, Gateways
from keeptrusts.store.transaction import Tx
from keeptrusts.store.variables import StoredVariable, Variables, allowed_hosts

router = APIRouter(prefix="/v1", tags=["variables"])


@router.post("/config-variables", status_code=201)
@transactional
def make_variable(
    draft: VariableDraft, actor: VariableWriter, tx: Tx, response: Response, services: AppServices
) -> Variable:
    """Hand in a secret. Documents name it as `secret_key_ref: {store: NAME}`; nobody reads it back."""
    fault = secret_name(draft["name"])
    if fault is not None:
        raise ProblemError(422, "invalid_name", "`name` may have letters, digits, `_`, `-` and `.`, and at most 200")
    _check_value(draft["value"])
    hosts = draft.get("allowed_hosts")
    _check_hosts(hosts)
    mine = _mine(tx, actor, services)
    about = draft.get("description")
    made = mine.make(draft["name"], draft["value"], about, hosts=hosts, by=actor.key_id, at=tx.now)
    record(tx, actor, "variable.create", made.shown["id"], after={**made.shown})
    _awaken(tx, actor, services)
    response.headers["Location"] = f"/v1/config-variables/{made.shown['id']}"
    return _shown(made, response)


@router.get("/config-variables")
@transactional
def list_variables(
    actor: VariableReader,
    tx: Tx,
    paging: Paging,
    services: AppServices,
    *,
    name: Annotated[str | None, Query(max_length=200)] = None,
) -> Page[Variable]:
    """All variables, newest first, without their values."""
    return paging.page(_mine(tx, actor, services).page(before=paging.before, limit=paging.take, name=name))


@router.get("/config-variables/{variable_id}")
@transactional
def read_variable(
    variable_id: str, actor: VariableReader, tx: Tx, response: Response, services: AppServices
) -> Variable:
    """One variable, without its value."""
    return _shown(_mine(tx, actor, services).read(variable_id), response)


@router.patch("/config-variables/{variable_id}")
@transactional
def change_variable(
    variable_id: str,
    patch: VariablePatch,
    actor: VariableWriter,
    tx: Tx,
    *,
    response: Response,
    precondition: IfMatch,
    services: AppServices,
) -> Variable:
    """A new value, other hosts, another description. Gateways that run have the new value within seconds."""
    mine = _mine(tx, actor, services)
    before = mine.read(variable_id, to_change=True)
    precondition.check(before.revision)
    if not patch:
        return _shown(before, response)
    if "value" in patch:
        _check_value(patch["value"])
    _check_hosts(patch.get("allowed_hosts"))
    after = mine.change(variable_id, patch, by=actor.key_id, at=tx.now)
    record(tx, actor, "variable.update", variable_id, before={**before.shown}, after={**after.shown})
    if not patch.keys().isdisjoint({"value", "allowed_hosts"}):
        _awaken(tx, actor, services)
    return _shown(after, response)


@router.delete("/config-variables/{variable_id}", status_code=204)
@transactional
def drop_variable(
    variable_id: str, actor: VariableWriter, tx: Tx, precondition: IfMatch, services: AppServices
) -> None:
    """Delete a variable. Targets that take their key from it are unavailable from then on."""
    mine = _mine(tx, actor, services)
    before = mine.read(variable_id, to_change=True)
    precondition.check(before.revision)
    mine.drop(variable_id)
    record(tx, actor, "variable.delete", variable_id, before={**before.shown})
    _awaken(tx, actor, services)


@router.get("/gateway/variables/{name}")
@transactional
def fetch_variable(name: str, actor: VariableUser, tx: Tx, services: AppServices) -> VariableValue:
    """The value, for a gateway whose document names it. To any other it is not there."""
    mine = actor.gateway_id or ""
    desired = Gateways(tx.connection, actor.org).desired([mine]).get(mine)
    named = [text for text in _documents(desired) if name in policies.named_variables(text)]
    if not named:
        raise NotFoundError("there is no such variable, or the document of this gateway does not name it")
    hosts = allowed_hosts(tx.connection, actor.org)
    if any(one.secret == name for text in named for one in policies.misdirected(text, hosts)):
        detail = "the document of this gateway would send it to a host that it may not go to"
        raise ProblemError(403, "secret_host_refused", detail)
    return _mine(tx, actor, services).open(name)


def _documents(desired: Desired | None) -> list[str]:
    """What its instances are to run: during a canary there are two."""
    if desired is None:
        return []
    others = [desired.canary.others] if desired.canary is not None else []
    return [one.policy_yaml for one in (desired.version, *others)]


def _mine(tx: Tx, actor: Actor, services: Services) -> Variables:
    return Variables(tx.connection, actor.org, services.sealer)


def _awaken(tx: Tx, actor: Actor, services: Services) -> None:
    gateways = Gateways(tx.connection, actor.org).awaken(at=tx.now)
    tx.after_commit(lambda: services.gateways_changed(*gateways))


def _check_value(value: str) -> None:
    """It goes into a header field."""
    if not (value.isascii() and value.isprintable() and value == value.strip()):
        raise ProblemError(422, "invalid_value", "`value` must be printable ASCII without blanks at its ends")


def _check_hosts(hosts: list[str] | None) -> None:
    if not all(is_host(one) for one in hosts or ()):
        detail = "`allowed_hosts` are names or addresses of hosts in lower case, with `:port` where it is not 443"
        raise ProblemError(422, "invalid_host", detail)


def _shown(stored: StoredVariable, response: Response) -> Variable:
    show_revision(response, stored.revision)
    return stored.shown
