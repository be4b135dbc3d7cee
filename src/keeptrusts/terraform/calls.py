"""The calls of the plugin protocol about one resource or data source: Terraform's order of things, for any type."""

from __future__ import annotations

from typing import Any

from keeptrusts.core.errors import ApiError, KeeptrustsError
from keeptrusts.terraform.diagnostics import Diagnostics
from keeptrusts.terraform.failures import sentence, tell
from keeptrusts.terraform.identities import identity_of, wanted_id
from keeptrusts.terraform.planning import Change, keep_texts
from keeptrusts.terraform.plugin.logs import hide
from keeptrusts.terraform.plugin.values import UNKNOWN, Json
from keeptrusts.terraform.resource import DataSource, Ephemeral, Resource, api_path
from keeptrusts.terraform.schema import (
    Attribute,
    Values,
    attributes_of,
    dump,
    is_whole,
    known,
    load,
    make,
    sensitive,
    take,
)
from keeptrusts.terraform.session import Session

Answer = dict[str, Any]


def check_values(state: type, config: Values, diagnostics: Diagnostics, *, write_only: bool = True) -> None:
    """
    What the schema alone can say of a configuration.

    Args:
        write_only: Whether this Terraform knows attributes that are never stored.
    """
    for attribute in attributes_of(state).values():
        value = config.get(attribute.name)
        if value is None or value is UNKNOWN:
            continue
        if attribute.attr.sensitive:
            hide_all(value)
        if attribute.attr.write_only and not write_only:
            detail = f"`{attribute.name}` is never stored, which needs Terraform 1.11 or later."
            diagnostics.error("Terraform is too old for this argument", detail, attribute.name)
        if attribute.kind == "object" and attribute.inner is not None:
            _check_inner(attribute, attribute.inner, value, diagnostics)
        elif said := _fault(attribute, value):
            title = f"Invalid value for `{attribute.name}`"
            diagnostics.error(title, sentence(said), attribute.name)


def _check_inner(outer: Attribute, inner: type, value: Values, diagnostics: Diagnostics) -> None:
    for attribute in attributes_of(inner).values():
        held = value.get(attribute.name)
        if held is not None and held is not UNKNOWN and (said := _fault(attribute, held)):
            title = f"Invalid value for `{outer.name}.{attribute.name}`"
            diagnostics.error(title, sentence(said), outer.name, attribute.name)


def _fault(attribute: Attribute, value: Any) -> str | None:
    if attribute.choices and value not in attribute.choices:
        return "it must be " + " or ".join(f"`{choice}`" for choice in attribute.choices) + f", not `{value}`"
    if attribute.attr.check is None:
        return None
    return attribute.attr.check(value)


def hide_all(value: Any) -> None:
    """Keep a sensitive value, or each text inside one, out of the log and the diagnostics."""
    if isinstance(value, str):
        hide(value)
    elif isinstance(value, dict):
        for item in value.values():
            hide_all(item)


class ResourceCalls:
    """Every call about one resource type."""

    def __init__(self, kind: type[Resource[Any]], session: Session) -> None:
        self._kind = kind
        self._state: type = kind.state
        self._diagnostics = Diagnostics()
        self._resource = kind(session, self._diagnostics)

    def validate(self, request: Answer) -> Answer:
        config = self._load(request.get("config")) or {}
        able = bool(request.get("client_capabilities", {}).get("write_only_attributes_allowed"))
        check_values(self._state, config, self._diagnostics, write_only=able)
        self._resource.validate(config)
        return self._answer()

    def upgrade(self, request: Answer) -> Answer:
        """There is one version of each schema so far: attributes that are gone are dropped, new ones have defaults."""
        import json

        held = request["raw_state"]["json"]
        raw = json.loads(held)
        if is_whole(self._state, raw):
            return self._answer(upgraded_state=Json(held))
        raw = {name: one.default for name, one in attributes_of(self._state).items()} | raw
        return self._answer(upgraded_state=dump(self._state, load(self._state, raw)))

    def read(self, request: Answer) -> Answer:
        state = request["current_state"]
        prior = self._load(state)
        assert prior is not None
        if not self._resource.session.access or self._resource.session.lost:
            return self._answer(new_state=state, **self._identity("new_identity", prior))
        try:
            found = self._resource.read(make(self._state, prior))
        except KeeptrustsError as error:
            # one error fails the plan; the same one for every resource would only bury it
            if not _ends_all(error) or self._resource.session.lose():
                self._tell("read", error)
            return self._answer(new_state=state, **self._identity("new_identity", prior))
        if found is None:
            self._warn_gone(prior)
            return self._answer(new_state=None, **self._identity("new_identity", None))
        now = keep_texts(self._state, prior, take(found))
        kept = state if now == prior else self._dump(now)
        return self._answer(new_state=kept, **self._identity("new_identity", now))

    def plan(self, request: Answer) -> Answer:
        proposed, prior = (self._load(request.get(name)) for name in ("proposed_new_state", "prior_state"))
        if proposed is None:
            if prior is not None:
                self._resource.plan_deletion(prior)
            return self._answer(planned_state=None)
        change = Change(self._state, prior, self._load(request.get("config")) or {}, proposed)
        change.settle()
        self._resource.plan(change)
        change.follow()
        identity = self._identity("planned_identity", prior)
        if prior is not None and change.planned == prior:
            return self._answer(planned_state=request["prior_state"], **identity)
        replacing = [{"steps": [{"attribute_name": name}]} for name in change.replacing()]
        planned = dump(self._state, change.planned)
        return self._answer(planned_state=planned, requires_replace=replacing, **identity)

    def apply(self, request: Answer) -> Answer:
        prior = self._load(request.get("prior_state"))
        planned = self._load(request.get("planned_state"))
        if planned is None:
            return self._delete(prior or {})
        config = self._load(request.get("config")) or {}
        wanted: Any = make(self._state, planned | self._write_only(config))
        verb = "create" if prior is None else "update"
        try:
            done = self._resource.create(wanted) if prior is None else self._update(prior, wanted)
        except KeeptrustsError as error:
            self._tell(verb, error, self._how_to_adopt(error) if prior is None else "")
            return self._answer(new_state=request.get("prior_state"), **self._identity("new_identity", prior))
        finally:
            self._resource.session.reads.forget(self._kind.noun)
        now = _settled(planned, take(done))
        return self._answer(new_state=self._dump(now), **self._identity("new_identity", now))

    def find(self, request: Answer) -> Answer:
        identifier = wanted_id(request)
        try:
            found = self._resource.find(identifier)
        except KeeptrustsError as error:
            self._tell("import", error)
            return self._answer()
        if found is None:
            self._diagnostics.error("Nothing to import", self._how_to_list(identifier))
            return self._answer()
        values = take(found)
        imported = {
            "type_name": self._kind.type_name,
            "state": self._dump(values),
            **self._identity("identity", values),
        }
        return self._answer(imported_resources=[imported])

    def _update(self, prior: Values, wanted: Any) -> Any:
        return self._resource.update(make(self._state, prior), wanted)

    def _delete(self, prior: Values) -> Answer:
        try:
            self._resource.delete(make(self._state, prior))
        except KeeptrustsError as error:
            self._tell("delete", error)
        kept = prior if self._diagnostics.failed else None
        return self._answer(new_state=dump(self._state, kept), **self._identity("new_identity", kept))

    def upgrade_identity(self, request: Answer) -> Answer:
        """There is one version so far."""
        import json

        return self._answer(upgraded_identity=identity_of(json.loads(request["raw_identity"]["json"])))

    def _identity(self, name: str, state: Values | None) -> Answer:
        return {name: identity_of(state)} if self._resource.session.identities else {}

    def _write_only(self, config: Values) -> Values:
        names = (name for name, one in attributes_of(self._state).items() if one.attr.write_only)
        return {name: config.get(name) for name in names}

    def _load(self, raw: Any) -> Values | None:
        values = load(self._state, raw)
        if values is not None:
            for name in sensitive(self._state):
                hide_all(values[name])
        return values

    def _dump(self, values: Values) -> dict[str, Any] | None:
        """As it goes into the state: never with what must not be stored."""
        written = {
            name: None if one.attr.write_only else values[name] for name, one in attributes_of(self._state).items()
        }
        for name in sensitive(self._state):
            hide_all(written[name])
        return dump(self._state, written)

    def _tell(self, verb: str, error: KeeptrustsError, next_step: str = "") -> None:
        doing = f"{verb} {self._kind.type_name}"
        tell(self._diagnostics, doing, error, attributes_of(self._state), next_step=next_step)

    def _how_to_adopt(self, error: KeeptrustsError) -> str:
        """What there is already under this name can be imported under it."""
        if error.code != "name_taken" or not self._kind.import_key:
            return ""
        return f"To manage that one here: `terraform import ADDRESS {self._kind.import_key}=...`, or an `import` block."

    def _warn_gone(self, prior: Values) -> None:
        detail = (
            f"`{prior.get('id')}` is no longer there (404). It was taken out of the state; what the configuration "
            "says will be made anew."
        )
        self._diagnostics.warn(f"{self._kind.type_name} was deleted outside of Terraform", detail)

    def _how_to_list(self, identifier: str) -> str:
        key = f", or `{self._kind.import_key}=...`" if self._kind.import_key else ""
        path = api_path(self._kind.noun)
        return f"There is no `{identifier}`. `GET {path}` lists what there is: use the `id` of one{key}."

    def _answer(self, **fields: Any) -> Answer:
        return {**fields, "diagnostics": self._diagnostics.as_messages()}


def _ends_all(error: KeeptrustsError) -> bool:
    """Whether every other call of this process would fail like this one."""
    return isinstance(error, ApiError) and error.status in {0, 401}


def _settled(planned: Values, done: Values) -> Values:
    """What was planned, completed by what only the control plane knew."""
    return {name: value if known(value) else done[name] for name, value in planned.items()}


class DataCalls:
    """Every call about one data source."""

    def __init__(self, kind: type[DataSource[Any]], session: Session) -> None:
        self._kind = kind
        self._state: type = kind.state
        self._diagnostics = Diagnostics()
        self._source = kind(session, self._diagnostics)

    def validate(self, request: Answer) -> Answer:
        config = load(self._state, request.get("config")) or {}
        check_values(self._state, config, self._diagnostics)
        self._source.validate(config)
        return self._answer()

    def read(self, request: Answer) -> Answer:
        config = load(self._state, request.get("config")) or {}
        try:
            found = self._source.read(make(self._state, config))
        except KeeptrustsError as error:
            tell(self._diagnostics, f"read {self._kind.type_name}", error, ())
            return self._answer()
        if found is None:
            asked = " and ".join(f"`{name}`" for name, value in config.items() if value is not None)
            detail = f"There is none with this {asked}. `GET {api_path(self._kind.noun)}` lists what there is."
            self._diagnostics.error("Not found", detail)
            return self._answer()
        return self._answer(state=dump(self._state, take(found)))

    def _answer(self, **fields: Any) -> Answer:
        return {**fields, "diagnostics": self._diagnostics.as_messages()}


class EphemeralCalls:
    """Every call about one ephemeral resource."""

    def __init__(self, kind: type[Ephemeral[Any]], session: Session) -> None:
        self._kind = kind
        self._state: type = kind.state
        self._diagnostics = Diagnostics()
        self._ephemeral = kind(session)

    def validate(self, request: Answer) -> Answer:
        check_values(self._state, load(self._state, request.get("config")) or {}, self._diagnostics)
        return self._answer()

    def open(self, request: Answer) -> Answer:
        config = load(self._state, request.get("config")) or {}
        try:
            opened, kept = self._ephemeral.open(make(self._state, config))
        except KeeptrustsError as error:
            tell(self._diagnostics, f"open {self._kind.type_name}", error, attributes_of(self._state))
            return self._answer()
        values = take(opened)
        for name in sensitive(self._state):
            hide_all(values[name])
        private = "\n".join(f"{name}={value}" for name, value in kept.items())
        return self._answer(result=dump(self._state, values), private=private.encode())

    def close(self, request: Answer) -> Answer:
        lines = request.get("private", b"").decode().splitlines()
        kept = {name: value for name, _, value in (line.partition("=") for line in lines)}
        try:
            self._ephemeral.close(kept)
        except KeeptrustsError as error:
            tell(self._diagnostics, f"close {self._kind.type_name}", error, ())
        return self._answer()

    def _answer(self, **fields: Any) -> Answer:
        return {**fields, "diagnostics": self._diagnostics.as_messages()}
