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

_USER_HEADER = "x-user-id"


@dataclass(frozen=True)
class RoleRights(Section):
    allowed_tools: Annotated[tuple[NameRule, ...], Attr("Tools; empty means every tool.", stronger="only")] = ()
    denied_tools: Annotated[tuple[NameRule, ...], Attr("Tools denied even when allowed.", stronger="more")] = ()
    allowed_models: Annotated[tuple[NameRule, ...], Attr("Models; empty means every model.", stronger="only")] = ()


@dataclass(frozen=True)
class Rbac(Policy):
    """
    Refuse callers that are unknown, or whose role may not use this model or these tools.

    When `roles` are given, a caller without one of them is refused. Names match exactly, or as globs when they hold
    `*`. The headers are those that the client or your own proxy sends: let a proxy that checks them set them.
    """

    kind: ClassVar[str] = "rbac"
    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.INPUT, Phase.TOOL})
    pending: ClassVar[frozenset[str]] = frozenset({"data_access", "minimum_necessary"})
    example: ClassVar[str] = """
        deny_if_missing: [X-User-ID]
        roles:
          analyst: {allowed_models: ["gpt-4o*"], denied_tools: ["delete_*"]}
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

    def faults(self) -> Iterable[Fault]:
        for name, rights in self.roles.items():
            keys = ("roles", name, "allowed_tools")
            yield from never_allowed(rights.allowed_tools, rights.denied_tools, keys, "denied_tools")

    def judge(self, exchange: Exchange) -> Verdict:
        if exchange.phase is Phase.INPUT:
            return self._caller(exchange)
        rights = self._rights(exchange)
        return self._tools(exchange, rights) if rights else Allow()

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

    def _rights(self, exchange: Exchange) -> RoleRights | None:
        return self.roles.get(exchange.caller.headers.get(self.role_header.lower(), ""))

    def _tools(self, exchange: Exchange, rights: RoleRights) -> Verdict:
        for name in tool_names(exchange):
            denied = matches_any(name, rights.denied_tools)
            if denied or (rights.allowed_tools and not matches_any(name, rights.allowed_tools)):
                return Block("rbac.tool", "this role may not use one of these tools")
        return Allow()
