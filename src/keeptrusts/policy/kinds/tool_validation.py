"""Tools that exist, called with arguments that they take."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated, ClassVar

from keeptrusts.core.exchange import Exchange, Phase
from keeptrusts.core.verdict import Allow, Block, Verdict
from keeptrusts.policy.arguments import ArgumentSchema, patterns_weight
from keeptrusts.policy.kind import Policy
from keeptrusts.policy.names import NameRule, matches_any, tool_names
from keeptrusts.policy.schema import Attr, Fault


@dataclass(frozen=True)
class ToolValidation(Policy):
    """
    Refuse calls of tools that are not declared, and calls whose arguments do not fit the tool's schema.

    Declared are the tools of `declared_tools` and of `schemas`. Without both, a model may call what its request
    offers, and nothing else. Schemas are JSON Schema (draft 2020-12); a keyword that is not checked does not lint.
    Names of `declared_tools` match exactly, or as globs when they hold `*`.
    """

    kind: ClassVar[str] = "tool-validation"
    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.TOOL})
    example: ClassVar[str] = """
        declared_tools: ["search_*"]
        schemas:
          refund:
            type: object
            required: [order]
            properties:
              order: {type: string, pattern: "^[0-9]{8}$"}
              amount: {type: number, maximum: 500}
            additionalProperties: false
    """

    declared_tools: Annotated[tuple[NameRule, ...], Attr("Tools besides those of `schemas`.", stronger="unclear")] = ()
    schemas: Annotated[
        Mapping[str, Annotated[object, Attr(weigh=patterns_weight)]],
        Attr("Tool to the JSON Schema of its arguments.", stronger="unclear"),
    ] = field(default_factory=dict)
    allow_undeclared: Annotated[bool, Attr("Only check the tools that have a schema.", stronger="off")] = False

    def faults(self) -> Iterable[Fault]:
        for tool, schema in self._read.items():
            for fault in schema.faults():
                yield replace(fault, keys=("schemas", tool, *fault.keys))

    def judge(self, exchange: Exchange) -> Verdict:
        if not self.allow_undeclared and not all(map(self._declares(exchange), tool_names(exchange))):
            return Block("tool_validation.undeclared", "one of these tools is not declared")
        for call in exchange.tool_calls:
            schema = self._read.get(call.name)
            if schema is None:
                continue
            if call.arguments is None:
                return Block("tool_validation.unreadable", f"the arguments of `{call.name}` cannot be read")
            if not schema.accepts(call.arguments):
                return Block("tool_validation.arguments", f"the arguments of `{call.name}` do not fit its schema")
        return Allow()

    def _declares(self, exchange: Exchange) -> Callable[[str], bool]:
        """Whether a tool may be called, and in a request offered."""
        if self.declared_tools or self.schemas:
            return lambda name: name in self.schemas or matches_any(name, self.declared_tools)
        return lambda name: not exchange.answered or name in exchange.tools

    @cached_property
    def _read(self) -> Mapping[str, ArgumentSchema]:
        return {tool: ArgumentSchema(schema) for tool, schema in self.schemas.items()}
