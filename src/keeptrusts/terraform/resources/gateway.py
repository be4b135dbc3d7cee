"""`keeptrusts_gateway`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from keeptrusts.core.errors import ApiError
from keeptrusts.terraform import labels, writing
from keeptrusts.terraform.checks import between, duration, length, seconds
from keeptrusts.terraform.instances import in_sync
from keeptrusts.terraform.planning import Change
from keeptrusts.terraform.resource import Resource, changed_fields, selector
from keeptrusts.terraform.schema import Attr, Values, known

TYPE_CHECKING = False
if TYPE_CHECKING:  # at run time they cost more than all the rest of this module
    from keeptrusts.api.gateways import Gateway

DEFAULT_WAIT = "10m"
POLL_S = 1.0
FOLLOWED = ("configuration_id", "configuration_version")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long `wait_for_sync` waits, and how long a deletion is tried."""

    create: Annotated[str, Attr(about="After the gateway was made: `90s`, `10m`, ...", check=duration)] = DEFAULT_WAIT
    update: Annotated[str, Attr(about="After it was changed.", check=duration)] = DEFAULT_WAIT
    delete: Annotated[
        str | None,
        Attr(
            about="How long to go on trying to delete it while the control plane is busy or away. Absent: as often as "
            "the provider's `max_retries` says.",
            check=duration,
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """How a new version reaches the instances."""

    strategy: Annotated[
        Literal["all", "canary"],
        Attr(
            about="`all`: every instance at once. `canary`: a share of them first; the others follow with "
            "`kt gateway promote`, or when this is `all` again."
        ),
    ] = "all"
    canary_percent: Annotated[
        int | None,
        Attr(
            about="How many in a hundred instances are first, told by their ids; of those that are heard of at least "
            "one. Needed with `canary`.",
            check=between(1, 100),
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayState:
    """A gateway: what its instances are to run, and what they do without the control plane."""

    id: Annotated[str, Attr(about="Id of the gateway.", computed=True, follows=())] = ""
    name: Annotated[
        str, Attr(about="Unique in the organisation. Changed in place.", required=True, check=length(1, 200))
    ]
    description: Annotated[str | None, Attr(about="What it is for.", check=length(0, 2000))] = None
    configuration_id: Annotated[
        str | None, Attr(about="The configuration it runs. Without one it refuses traffic.")
    ] = None
    configuration_version: Annotated[
        int | None, Attr(about="The version it stays at. Absent: the latest.", check=between(1, 2**31 - 1))
    ] = None
    environment: Annotated[str | None, Attr(about="`dev`, `staging`, `production`, ...", check=length(0, 63))] = None
    labels: Annotated[dict[str, str] | None, Attr(about="Labels of this gateway.", check=labels.check)] = None
    fail_mode: Annotated[
        Literal["block", "allow"],
        Attr(about="What happens to a request whose policies cannot be evaluated: `block` or `allow`."),
    ] = "block"
    wait_for_sync: Annotated[
        bool,
        Attr(about="After a change, wait until every instance reports that it runs what it should."),
    ] = False
    rollout: Annotated[Rollout | None, Attr(about="How a new version reaches the instances.")] = None
    timeouts: Annotated[
        Timeouts | None, Attr(about="How long `wait_for_sync` waits, and how long a deletion is tried.")
    ] = None
    effective_labels: Annotated[
        dict[str, str],
        Attr(about="`labels` over the provider's `default_labels`.", computed=True, by_plan=True),
    ]
    desired_digest: Annotated[
        str | None, Attr(about="Digest of the document that it is to run.", computed=True, follows=FOLLOWED)
    ] = None
    created_at: Annotated[str, Attr(about="RFC 3339, UTC.", computed=True, follows=())] = ""


class GatewayResource(Resource[GatewayState]):
    type_name = "keeptrusts_gateway"
    noun = "gateways"
    import_key = "name"
    state = GatewayState

    def validate(self, config: Values) -> None:
        if config["configuration_version"] is not None and config["configuration_id"] is None:
            detail = "`configuration_version` says nothing without `configuration_id`."
            self.diagnostics.error("An argument is missing", detail, "configuration_version")
        self._validate_rollout(config["rollout"] or {})
        limits = config["timeouts"] or {}
        waits = limits.get("create") is not None or limits.get("update") is not None
        if waits and known(config["wait_for_sync"]) and not config["wait_for_sync"]:
            detail = "`timeouts.create` and `timeouts.update` need `wait_for_sync = true`."
            self.diagnostics.error("Timeouts of nothing", detail, "timeouts")

    def _validate_rollout(self, rollout: Values) -> None:
        strategy, percent = rollout.get("strategy"), rollout.get("canary_percent")
        if strategy == "canary" and percent is None:
            detail = '`strategy = "canary"` needs `canary_percent`, the share of the instances that are first.'
            self.diagnostics.error("An argument is missing", detail, "rollout")
        if strategy in {None, "all"} and known(percent) and percent is not None:
            detail = '`canary_percent` needs `strategy = "canary"`.'
            self.diagnostics.error("A share of nothing", detail, "rollout")

    def plan(self, change: Change) -> None:
        labels.plan_effective(change, self.session.default_labels)

    def create(self, planned: GatewayState) -> GatewayState:
        draft = {name: value for name, value in self._body(planned).items() if value is not None}
        made: Gateway = writing.create(self.session, self.diagnostics, self.session.client.gateways, draft)
        if planned.wait_for_sync and (lacking := self._wait(made["id"], _timeouts(planned).create)):
            # an error would mark the new gateway for replacement, and with it every token it was given
            self.diagnostics.warn("The gateway is not in sync yet", lacking, "wait_for_sync")
        return self._state(made, planned)

    def read(self, prior: GatewayState) -> GatewayState | None:
        found = self.session.reads.get(self.noun, prior.id)
        return self._state(found, prior) if found else None

    def update(self, prior: GatewayState, planned: GatewayState) -> GatewayState:
        patch = changed_fields(self._stored(prior), self._body(planned))
        if not patch:
            return planned
        mine = self.session.client.gateways
        found = writing.fetch_unchanged(self.session, mine, prior.id, lambda now: self._is_prior(now, prior))
        if found is None:
            raise ApiError(f"there is no `{prior.id}` any more", code="not_found", status=404)
        now: Gateway = writing.update(self.session, mine, found, patch)
        if planned.wait_for_sync and (lacking := self._wait(prior.id, _timeouts(planned).update)):
            detail = f"{lacking} The change itself was made and is in the state."
            self.diagnostics.error("The gateway is not in sync", detail, "wait_for_sync")
        return self._state(now, planned)

    def delete(self, prior: GatewayState) -> None:
        mine = self.session.client.gateways
        patience = seconds(_timeouts(prior).delete or "") or 0.0
        writing.delete(self.session, mine, prior.id, lambda now: self._is_prior(now, prior), patience_s=patience)

    def find(self, identifier: str) -> GatewayState | None:
        name = selector(identifier, self.import_key)
        found = (
            self.session.reads.get(self.noun, identifier) if name is None else self.session.client.gateways.find(name)
        )
        return self._state(found, None) if found else None

    def _wait(self, identifier: str, limit: str) -> str:
        """Wait until all instances run what is desired; else what is lacking, as a sentence: nothing is raised."""
        import time

        until = time.monotonic() + (seconds(limit) or 0)
        while True:
            try:
                lacking = out_of_sync(self.session.client.gateways.get(identifier))
            except ApiError as error:
                lacking = f"Its state is not known: {error}."  # the gateway is made all the same
            if not lacking:
                return ""
            if self.session.stopping.wait(min(POLL_S, max(0.0, until - time.monotonic()))):
                return f"{lacking} The wait was interrupted."
            if time.monotonic() >= until:
                return f"{lacking} That was waited for {limit}; see `timeouts`."

    def _body(self, wanted: GatewayState) -> dict[str, Any]:
        return {
            "name": wanted.name,
            "description": wanted.description,
            "labels": labels.effective(wanted.labels, self.session.default_labels),
            "environment": wanted.environment,
            "configuration_id": wanted.configuration_id,
            "configuration_version": wanted.configuration_version,
            "fail_mode": wanted.fail_mode,
            "deployment": _deployment(wanted.rollout),
        }

    def _stored(self, prior: GatewayState) -> dict[str, Any]:
        """What the control plane has, going by the state."""
        return {**self._body(prior), "labels": prior.effective_labels}

    def _is_prior(self, now: Mapping[str, Any], prior: GatewayState) -> bool:
        return all((now[name] or None) == (value or None) for name, value in self._stored(prior).items())

    def _state(self, found: Gateway, local: GatewayState | None) -> GatewayState:
        return GatewayState(
            id=found["id"],
            name=found["name"],
            description=found["description"] or None,
            configuration_id=found["configuration_id"],
            configuration_version=found["configuration_version"],
            environment=found["environment"] or None,
            labels=labels.own(found["labels"], self.session.default_labels, local.labels if local else None),
            fail_mode=found["fail_mode"],
            wait_for_sync=local.wait_for_sync if local else False,
            rollout=_rollout(found["deployment"], local.rollout if local else None),
            timeouts=local.timeouts if local else None,
            effective_labels=found["labels"],
            desired_digest=found["desired_digest"],
            created_at=found["created_at"],
        )


def out_of_sync(gateway: Gateway) -> str:
    """What is lacking until every instance runs what is desired, as a sentence; empty: nothing."""
    if not gateway["instances"]:
        return "No instance has reported yet."
    behind = [
        f"`{one['instance_id']}` ({one['last_error'] or one['state']})"
        for one in gateway["instances"]
        if not in_sync(gateway, one)
    ]
    return f"Not running what they should: {', '.join(behind)}." if behind else ""


def _deployment(rollout: Rollout | None) -> dict[str, Any]:
    if rollout is None or rollout.strategy == "all":
        return {"strategy": "all"}
    return {"strategy": "canary", "percent": rollout.canary_percent}


def _rollout(deployment: Mapping[str, Any], local: Rollout | None) -> Rollout | None:
    """As it is written here where that means what the control plane has."""
    if deployment == _deployment(local):
        return local
    return Rollout(strategy=deployment["strategy"], canary_percent=deployment.get("percent"))


def _timeouts(planned: GatewayState) -> Timeouts:
    return planned.timeouts or Timeouts()
