"""Who may ask which model, and with which tools."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from keeptrusts.core.exchange import Exchange, Phase
from keeptrusts.core.verdict import Allow, Block, Verdict
from keeptrusts.policy.checks import header_name
from keeptrusts.policy.kind import Policy
from keeptrusts.policy.names import NameRule, matches_any, never_allowed, tool_names
from keeptrusts.policy.schema import Attr, Fault
from keeptrusts.policy.schema import Block as Section
from keeptrusts.policy.sensitivity import Sensitivity, above, health_data

_USER_HEADER = "x-user-id"


@dataclass(frozen=True)
class RoleRights(Section):
    allowed_tools: Annotated[tuple[NameRule, ...], Attr("Tools; empty means every tool.", stronger="only")] = ()
    denied_tools: Annotated[tuple[NameRule, ...], Attr("Tools denied even when allowed.", stronger="more")] = ()
    allowed_models: Annotated[tuple[NameRule, ...], Attr("Models; empty means every model.", stronger="only")] = ()


@dataclass(frozen=True)
class DataAccess(Section):
    max_sensitivity: Annotated[
        Sensitivity,
        Attr(
            "The most sensitive that a request may hold.", stronger=("restricted", "confidential", "internal", "public")
        ),
    ]


@dataclass(frozen=True)
class MinimumNecessary(Section):
    enabled: Annotated[bool, Attr("Refuse health data from roles that are not listed.", stronger="on")] = False
    allowed_phi_roles: Annotated[
        tuple[str, ...], Attr("Roles whose requests may hold health data.", stronger="fewer")
    ] = ()


@dataclass(frozen=True)
class Rbac(Policy):
    """
    Refuse callers that are unknown, or whose role may not use this model, these tools or this data.

    When `roles` are given, a caller without one of them is refused. Names match exactly, or as globs when they hold
    `*`. The headers are those that the client or your own proxy sends: let a proxy that checks them set them.

    How sensitive a request is, is what the detectors find in it: `restricted` are credentials, identity documents,
    cards, accounts and health identifiers, `confidential` other personal data, and a marking such as `internal use
    only` or `strictly confidential` means what it says. Where `data_access` is given, a role that it does not name may
    send what is public. Health data (45 CFR 164.502(b)) are health identifiers, and any identifier of a person in a
    text that speaks of care, such as of a patient or a diagnosis.
    """

    kind: ClassVar[str] = "rbac"
    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.INPUT, Phase.TOOL})
    example: ClassVar[str] = """
        deny_if_missing: [X-User-ID]
        roles:
          analyst: {allowed_models: ["gpt-4o*"], denied_tools: ["delete_*"]}
        data_access:
          analyst: {max_sensitivity: confidential}
    """

    deny_if_missing: Annotated[
        tuple[Annotated[str, Attr(check=header_name)], ...],
        Attr("Headers without which a request is refused.", stronger="more"),
    ] = ("X-User-ID",)
    require_auth: Annotated[bool, Attr("Refuse a request without a gateway key.", stronger="on")] = False
    role_header: Annotated[str, Attr("Header that names the role.", check=header_name, stronger="unclear")] = (
        "X-User-Role"
    )
    roles: Annotated[Mapping[str, RoleRights], Attr("Role to rights.", stronger="only")] = field(default_factory=dict)

    data_access: Annotated[
        Mapping[str, DataAccess], Attr("Role to the most sensitive data that it may send.", stronger="only")
    ] = field(default_factory=dict)
    minimum_necessary: Annotated[MinimumNecessary, Attr("Who may send health data.")] = MinimumNecessary()

    def faults(self) -> Iterable[Fault]:
        for name, rights in self.roles.items():
            keys = ("roles", name, "allowed_tools")
            yield from never_allowed(rights.allowed_tools, rights.denied_tools, keys, "denied_tools")

    def judge(self, exchange: Exchange) -> Verdict:
        verdict = self._caller(exchange) if exchange.phase is Phase.INPUT else self._of_tools(exchange)
        return self._data(exchange) if isinstance(verdict, Allow) and not exchange.answered else verdict

    def _data(self, exchange: Exchange) -> Verdict:
        role = self._role(exchange)
        ceiling = self.data_access[role].max_sensitivity if role in self.data_access else "public"
        found = above(exchange.texts, ceiling) if self.data_access else ()
        if found:
            return Block("rbac.sensitivity", "this role may not send data that is so sensitive", found)
        necessary = self.minimum_necessary
        is_kept_out = necessary.enabled and role not in necessary.allowed_phi_roles
        found = health_data(exchange.texts) if is_kept_out else ()
        return Block("rbac.minimum_necessary", "this role may not send health data", found) if found else Allow()

    def _caller(self, exchange: Exchange) -> Verdict:
        caller = exchange.caller
        if self.require_auth and caller.key_id is None:
            return Block("rbac.unauthenticated", "a gateway key is needed")
        for name in self.deny_if_missing:
            known = caller.headers.get(name.lower()) or (caller.user_id if name.lower() == _USER_HEADER else None)
            if not known:
                return Block("rbac.missing_header", f"the header `{name}` is needed")
        if not self.roles:
            return Allow()
        rights = self._rights(exchange)
        if rights is None:
            return Block("rbac.role", f"the header `{self.role_header}` must name a role that is known here")
        if rights.allowed_models and not matches_any(exchange.model, rights.allowed_models):
            return Block("rbac.model", "this role may not use this model")
        return Allow()

    def _role(self, exchange: Exchange) -> str:
        return exchange.caller.headers.get(self.role_header.lower(), "")

    def _rights(self, exchange: Exchange) -> RoleRights | None:
        return self.roles.get(self._role(exchange))

    def _of_tools(self, exchange: Exchange) -> Verdict:
        rights = self._rights(exchange) or RoleRights()
        for name in tool_names(exchange):
            denied = matches_any(name, rights.denied_tools)
            if denied or (rights.allowed_tools and not matches_any(name, rights.allowed_tools)):
                return Block("rbac.tool", "this role may not use one of these tools")
        return Allow()
