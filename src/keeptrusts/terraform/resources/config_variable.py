"""`keeptrusts_config_variable`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from keeptrusts.core.errors import ApiError
from keeptrusts.policy.checks import secret_name
from keeptrusts.terraform import writing
from keeptrusts.terraform.checks import between, length
from keeptrusts.terraform.planning import Change
from keeptrusts.terraform.resource import Resource, changed_fields, selector
from keeptrusts.terraform.schema import Attr, Values, known

TYPE_CHECKING = False
if TYPE_CHECKING:  # at run time they cost more than all the rest of this module
    from keeptrusts.api.variables import Variable

MOST_HOSTS = 50


def _name(text: Any) -> str | None:
    return "it may have letters, digits, `_`, `-` and `.`" if secret_name(text) is not None else None


def _secret(value: Any) -> str | None:
    return None if value else "every variable is a secret: its value never comes back; leave `sensitive` out"


def _hosts(hosts: Any) -> str | None:
    from keeptrusts.policy.destinations import is_host

    if not 1 <= len(hosts) <= MOST_HOSTS:
        return f"it names 1 to {MOST_HOSTS} hosts; left out, the secret goes to hosts of known providers alone"
    if all(not known(one) or (one is not None and is_host(one)) for one in hosts):
        return None
    return "each is the name or address of a host in lower case, with `:port` where it is not https at port 443"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigVariableState:
    """A secret that documents name as `secret_key_ref: {store: NAME}`, and gateways fetch. Its value is never shown."""

    id: Annotated[str, Attr(about="Id of the variable.", computed=True, follows=())] = ""
    name: Annotated[str, Attr(about="What documents call it.", required=True, replaces=True, check=_name)]
    description: Annotated[str | None, Attr(about="What it is for.", check=length(0, 2000))] = None
    value_wo: Annotated[
        str | None,
        Attr(
            about="The value; never in plan or state. Needed for a new one; absent, the value that is there stays. "
            "Terraform 1.11 or later.",
            sensitive=True,
            write_only=True,
            check=length(1, 16_384),
        ),
    ] = None
    value_wo_version: Annotated[
        int | None, Attr(about="Change it to send a new `value_wo`.", check=between(0, 2**31 - 1))
    ] = None
    allowed_hosts: Annotated[
        frozenset[str] | None,
        Attr(
            about="Hosts that it may be sent to: `host` for https at port 443, `host:port` for that port alone. "
            "Absent: hosts of known providers, over https.",
            check=_hosts,
        ),
    ] = None
    sensitive: Annotated[bool, Attr(about="Every variable is.", check=_secret)] = True
    updated_at: Annotated[str, Attr(about="RFC 3339, UTC.", computed=True)] = ""


class ConfigVariableResource(Resource[ConfigVariableState]):
    type_name = "keeptrusts_config_variable"
    noun = "variables"
    import_key = "name"
    state = ConfigVariableState

    def validate(self, config: Values) -> None:
        if (config["value_wo"] is None) != (config["value_wo_version"] is None):
            detail = "`value_wo` and `value_wo_version` go together: the version tells when to send the value."
            self.diagnostics.error("An argument is missing", detail, "value_wo")

    def plan(self, change: Change) -> None:
        if change.prior is None and change.config["value_wo"] is None:
            detail = "A new variable needs `value_wo` and `value_wo_version`; one that is there keeps its value."
            self.diagnostics.error("An argument is missing", detail, "value_wo")

    def create(self, planned: ConfigVariableState) -> ConfigVariableState:
        wanted = {**_body(planned), "name": planned.name, "value": planned.value_wo}
        draft = {name: value for name, value in wanted.items() if value is not None}
        made: Variable = writing.create(self.session, self.diagnostics, self.session.client.variables, draft)
        return _state(made, planned)

    def read(self, prior: ConfigVariableState) -> ConfigVariableState | None:
        found = self.session.reads.get(self.noun, prior.id)
        return _state(found, prior) if found else None

    def update(self, prior: ConfigVariableState, planned: ConfigVariableState) -> ConfigVariableState:
        patch = changed_fields(_body(prior), _body(planned))
        if planned.value_wo is not None and planned.value_wo_version != prior.value_wo_version:
            patch["value"] = planned.value_wo
        if not patch:
            return planned
        mine = self.session.client.variables
        found = writing.fetch_unchanged(self.session, mine, prior.id, lambda now: _is_prior(now, prior))
        if found is None:
            raise ApiError(f"there is no `{prior.id}` any more", code="not_found", status=404)
        return _state(writing.update(self.session, mine, found, patch), planned)

    def delete(self, prior: ConfigVariableState) -> None:
        writing.delete(self.session, self.session.client.variables, prior.id, lambda now: _is_prior(now, prior))

    def find(self, identifier: str) -> ConfigVariableState | None:
        name = selector(identifier, self.import_key)
        if name is None:
            found = self.session.reads.get(self.noun, identifier)
        else:
            found = next(self.session.client.variables.each({"name": name}), None)
        return _state(found, None) if found else None


def _body(wanted: ConfigVariableState) -> dict[str, Any]:
    return {"description": wanted.description, "allowed_hosts": sorted(wanted.allowed_hosts or ()) or None}


def _is_prior(now: Mapping[str, Any], prior: ConfigVariableState) -> bool:
    return (
        now["name"] == prior.name
        and (now["description"] or None) == (prior.description or None)
        and frozenset(now["allowed_hosts"] or ()) == (prior.allowed_hosts or frozenset())
    )


def _state(found: Variable, local: ConfigVariableState | None) -> ConfigVariableState:
    return ConfigVariableState(
        id=found["id"],
        name=found["name"],
        description=found["description"] or None,
        value_wo_version=local.value_wo_version if local else None,
        allowed_hosts=frozenset(found["allowed_hosts"] or ()) or None,
        updated_at=found["updated_at"],
    )
