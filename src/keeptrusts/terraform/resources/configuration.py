"""`keeptrusts_configuration`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from keeptrusts.core.errors import ApiError, InputError, KeeptrustsError
from keeptrusts.terraform import labels, policy_text, writing
from keeptrusts.terraform.checks import length
from keeptrusts.terraform.planning import Change
from keeptrusts.terraform.resource import Resource, changed_fields, selector
from keeptrusts.terraform.schema import Attr, Values, known

TYPE_CHECKING = False
if TYPE_CHECKING:  # at run time they cost more than all the rest of this module
    from keeptrusts.api.configurations import Configuration

STORED = ("name", "description", "policy_yaml", "labels", "effective_labels")
"""The attributes that the control plane keeps; the others live in the state alone."""
PROTECTED = "`deletion_protection` is true; set it to false and apply that before"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationState:
    """A policy document kept by the control plane. Every change of its meaning is a new version."""

    id: Annotated[str, Attr(about="Id of the configuration.", computed=True, follows=())] = ""
    name: Annotated[
        str, Attr(about="Unique in the organisation. Changed in place.", required=True, check=length(1, 200))
    ]
    description: Annotated[str | None, Attr(about="What it is for.", check=length(0, 2000))] = None
    policy_yaml: Annotated[
        str,
        Attr(
            about="The policy document, as YAML. Comments, quoting, key order and explicit defaults are no difference.",
            required=True,
            same=policy_text.means_the_same,
        ),
    ]
    labels: Annotated[dict[str, str] | None, Attr(about="Labels of this configuration.", check=labels.check)] = None
    change_message: Annotated[
        str | None,
        Attr(
            about="Kept with the version that a change of `policy_yaml` makes. By itself no change.",
            check=length(0, 2000),
        ),
    ] = None
    allow_weakening: Annotated[
        bool,
        Attr(about="Whether a change may make the policy more lenient; `false` makes such a plan an error."),
    ] = True
    deletion_protection: Annotated[bool, Attr(about="Refuse to delete it, already in the plan.")] = False
    version: Annotated[
        int, Attr(about="Version now current; the first is 1.", computed=True, follows=("policy_yaml",))
    ] = 0
    content_digest: Annotated[
        str,
        Attr(
            about="Digest of the document with its defaults; a gateway that runs it reports the same one.",
            computed=True,
            follows=("policy_yaml",),
        ),
    ] = ""
    effective_labels: Annotated[
        dict[str, str],
        Attr(about="`labels` over the provider's `default_labels`.", computed=True, by_plan=True),
    ]
    policy_kinds: Annotated[
        tuple[str, ...],
        Attr(about="Kinds of the chain, in order.", computed=True, follows=("policy_yaml",)),
    ] = ()
    created_at: Annotated[str, Attr(about="RFC 3339, UTC.", computed=True, follows=())] = ""
    updated_at: Annotated[str, Attr(about="RFC 3339, UTC.", computed=True, follows=STORED)] = ""


class ConfigurationResource(Resource[ConfigurationState]):
    type_name = "keeptrusts_configuration"
    noun = "configurations"
    import_key = "name"
    state = ConfigurationState

    def validate(self, config: Values) -> None:
        # once the provider is configured, `plan` comes next and knows whether the text is new at all
        if not self.session.configured:
            self._lint(config["policy_yaml"])

    def plan(self, change: Change) -> None:
        before = change.prior["policy_yaml"] if change.prior is not None else None
        if change.planned["policy_yaml"] != before:
            self._look_at(change.prior, change.planned)
        labels.plan_effective(change, self.session.default_labels)
        before = change.prior["change_message"] if change.prior is not None else None
        # Terraform takes null for no text, and no text for null
        if None not in (before, change.planned["change_message"]) and list(change.changed()) == ["change_message"]:
            change.planned["change_message"] = before

    def plan_deletion(self, prior: Values) -> None:
        if prior["deletion_protection"]:
            self.diagnostics.error("Deletion is protected", f"{PROTECTED}.")

    def create(self, planned: ConfigurationState) -> ConfigurationState:
        draft = {**self._body(planned), "managed_by": "terraform"}
        if planned.change_message:
            draft["message"] = planned.change_message
        made = writing.create(self.session, self.diagnostics, self.session.client.configurations, draft)
        return self._state(made, planned)

    def read(self, prior: ConfigurationState) -> ConfigurationState | None:
        found = self.session.reads.get(self.noun, prior.id)
        return self._state(found, prior) if found else None

    def update(self, prior: ConfigurationState, planned: ConfigurationState) -> ConfigurationState:
        patch = changed_fields(self._stored(prior), self._body(planned))
        if not patch:
            return planned
        if planned.change_message and "policy_yaml" in patch:
            patch["message"] = planned.change_message
        mine = self.session.client.configurations
        found = writing.fetch_unchanged(self.session, mine, prior.id, lambda now: self._is_prior(now, prior))
        if found is None:
            raise ApiError(f"there is no `{prior.id}` any more", code="not_found", status=404)
        now = writing.update(self.session, mine, found, {**patch, "managed_by": "terraform"})
        return self._state(now, planned)

    def delete(self, prior: ConfigurationState) -> None:
        if prior.deletion_protection:
            raise InputError(PROTECTED, code="protected")
        writing.delete(
            self.session, self.session.client.configurations, prior.id, lambda now: self._is_prior(now, prior)
        )

    def find(self, identifier: str) -> ConfigurationState | None:
        name = selector(identifier, self.import_key)
        found = (
            self.session.reads.get(self.noun, identifier)
            if name is None
            else self.session.client.configurations.find(name)
        )
        return self._state(found, None) if found else None

    def _look_at(self, prior: Values | None, planned: Values) -> None:
        text, may_weaken = planned["policy_yaml"], planned["allow_weakening"]
        self._lint(text)
        if prior is None or not known([text, may_weaken]) or self.diagnostics.failed:
            return
        goes_on = policy_text.tell_changes(prior["policy_yaml"], text, self.diagnostics, may_weaken=may_weaken)
        if goes_on and self.session.access is not None:
            self._tell_impact(prior["id"], text)

    def _tell_impact(self, identifier: str, text: str) -> None:
        """What recorded traffic says of the change. A plan does not depend on it: without an answer it is not told."""
        try:
            impact = self.session.client.configurations.simulate(identifier, text)
        except KeeptrustsError:
            return
        if impact["replayed"]:
            self.diagnostics.warn("Impact on recorded traffic", policy_text.impact_text(impact), policy_text.ATTRIBUTE)

    def _lint(self, text: Any) -> None:
        if text is not None and known(text):
            policy_text.lint(text, self.diagnostics)

    def _body(self, wanted: ConfigurationState) -> dict[str, Any]:
        return {
            "name": wanted.name,
            "description": wanted.description,
            "labels": labels.effective(wanted.labels, self.session.default_labels),
            "policy_yaml": wanted.policy_yaml,
        }

    def _stored(self, prior: ConfigurationState) -> dict[str, Any]:
        """What the control plane has, going by the state."""
        return {**self._body(prior), "labels": prior.effective_labels}

    def _is_prior(self, now: Mapping[str, Any], prior: ConfigurationState) -> bool:
        return (
            now["name"] == prior.name
            and (now["description"] or None) == (prior.description or None)
            and now["labels"] == prior.effective_labels
            and now["content_digest"] == prior.content_digest
        )

    def _state(self, found: Configuration, local: ConfigurationState | None) -> ConfigurationState:
        return ConfigurationState(
            id=found["id"],
            name=found["name"],
            description=found["description"] or None,
            policy_yaml=found["policy_yaml"],
            labels=labels.own(found["labels"], self.session.default_labels, local.labels if local else None),
            change_message=local.change_message if local else None,
            allow_weakening=local.allow_weakening if local else True,
            deletion_protection=local.deletion_protection if local else False,
            version=found["version"],
            content_digest=found["content_digest"],
            effective_labels=found["labels"],
            policy_kinds=tuple(found["policy_kinds"]),
            created_at=found["created_at"],
            updated_at=found["updated_at"],
        )
