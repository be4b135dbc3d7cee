"""
What every resource and data source is. One instance serves one call, so that nothing is shared between threads.

A resource says how its object is made, read, changed and deleted; when each is due is `calls.py`'s business.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeVar

from keeptrusts.terraform.diagnostics import Diagnostics
from keeptrusts.terraform.planning import Change
from keeptrusts.terraform.schema import Values
from keeptrusts.terraform.session import Session

S = TypeVar("S")


class Resource(Generic[S]):
    """
    A managed object.

    Every method but `validate` and `plan` may raise what the client raises; `calls.py` reports it.
    """

    type_name: ClassVar[str]
    noun: ClassVar[str]
    """In the plural, as the client says it: `configurations`."""
    import_key: ClassVar[str] = ""
    """What else than an id an import may name: `name`; empty: nothing."""
    state: type[S]

    def __init__(self, session: Session, diagnostics: Diagnostics) -> None:
        self.session = session
        self.diagnostics = diagnostics

    def validate(self, config: Values) -> None:
        """Look at what the user wrote, as far as it is known. No call leaves this machine."""

    def plan(self, change: Change) -> None:
        """Say more of the planned values than the schema does."""

    def plan_deletion(self, prior: Values) -> None:
        """Refuse it before anything else is destroyed."""

    def create(self, planned: S) -> S:
        raise NotImplementedError

    def read(self, prior: S) -> S | None:
        """None: it is gone."""
        raise NotImplementedError

    def update(self, prior: S, planned: S) -> S:
        raise NotImplementedError

    def delete(self, prior: S) -> None:
        raise NotImplementedError

    def find(self, identifier: str) -> S | None:
        """For an import: by id, or by `name=...`. None: there is none."""
        raise NotImplementedError


class DataSource(Generic[S]):
    """Something that is only read."""

    type_name: ClassVar[str]
    noun: ClassVar[str]
    state: type[S]

    def __init__(self, session: Session, diagnostics: Diagnostics) -> None:
        self.session = session
        self.diagnostics = diagnostics

    def validate(self, config: Values) -> None:
        """Look at what the user wrote, as far as it is known."""

    def read(self, config: S) -> S | None:
        """None: there is none."""
        raise NotImplementedError


class Ephemeral(Generic[S]):
    """A credential that lives as long as one run of Terraform, and is in no plan and no state. Terraform 1.10."""

    type_name: ClassVar[str]
    state: type[S]

    def __init__(self, session: Session) -> None:
        self.session = session

    def open(self, config: S) -> tuple[S, Mapping[str, str]]:
        """Make it; and what `close` needs to know."""
        raise NotImplementedError

    def close(self, kept: Mapping[str, str]) -> None:
        """The run is over: make it useless."""
        raise NotImplementedError


def api_path(noun: str) -> str:
    """Where the API has the objects of this noun."""
    return f"/v1/{'config-variables' if noun == 'variables' else noun}"


def exactly_one(config: Values, diagnostics: Diagnostics, *names: str) -> None:
    """Report when not exactly one of the attributes is set. What is unknown counts as set."""
    if sum(config.get(name) is not None for name in names) != 1:
        listed = " or ".join(f"`{name}`" for name in names)
        diagnostics.error("One argument is needed", f"Set exactly one of {listed}.", names[0])


def selector(identifier: str, key: str) -> str | None:
    """`name=production` -> `production`; None when it is an id."""
    head, sign, value = identifier.partition("=")
    return value if sign and head == key else None


def changed_fields(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a PATCH: what is not as it was."""
    return {name: value for name, value in after.items() if before.get(name) != value}
