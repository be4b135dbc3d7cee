"""Answers rewritten before a client gets them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

from keeptrusts.core.exchange import Exchange, Part, Phase, Text
from keeptrusts.core.verdict import Edit, Verdict
from keeptrusts.policy.json_strings import strings_of
from keeptrusts.policy.kind import Additions, Policy
from keeptrusts.policy.rewriting import START, RewriteRule, additions_of, as_verdict, edits_of, rule_faults
from keeptrusts.policy.schema import Attr, Fault

_PARTS: Final = frozenset({Part.CONTENT, Part.REFUSAL, Part.REASONING})


@dataclass(frozen=True)
class ResponseRewriter(Policy):
    """
    Rewrite what a model says.

    Rules look at the answer as it came, not at tool calls; where two match over each other, the one that begins first
    counts. Matches of a rule that lie over each other are one. With `preserve_structure` an answer that is JSON stays
    JSON: its string values are rewritten, and nothing is put before or behind it. An answer is passed on while it comes
    when `preserve_structure` is off, no rule has a condition or is put beside a match, and all patterns are bounded; or
    when all that the rules do is to add at `$`. Rules that would make an answer, or a piece of one that is passed on
    while it comes, longer by more than four million characters refuse it, `response_rewriter.too_long`.
    """

    kind: ClassVar[str] = "response-rewriter"
    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.OUTPUT})
    rewrites: ClassVar[bool] = True
    adds: ClassVar[bool] = True
    example: ClassVar[str] = """
        preserve_structure: false
        rules:
          - {name: competitors, pattern: '\\b(?:Acme|Initech)\\b', replacement: "[COMPETITOR]"}
          - {name: origin, pattern: "$", position: append, replacement: " (written by a machine)"}
    """

    preserve_structure: Annotated[
        bool, Attr("Rewrite only the string values of an answer that is JSON.", stronger="unclear")
    ] = True
    rules: Annotated[tuple[RewriteRule, ...], Attr("What is rewritten.", stronger="unclear")] = ()

    def faults(self) -> Iterable[Fault]:
        return rule_faults(self.rules)

    def judge(self, exchange: Exchange) -> Verdict:
        edits = (
            edit
            for text in exchange.texts
            if text.part in _PARTS
            for edit in self._rewritten(text, limited=exchange.answered)
        )
        return as_verdict("response_rewriter", edits)

    def _rewritten(self, text: Text, *, limited: bool) -> Iterable[Edit]:
        inside = [rule for rule in self.rules if rule.pattern != START or text.part is Part.CONTENT]
        strings = strings_of(text.value) if self.preserve_structure and inside else None
        if strings is None:
            return edits_of(inside, text.value, text.place, limited=limited)
        rules = [rule for rule in inside if rule.pattern != START]
        return (edit for string in strings for edit in string.rewritten(edits_of(rules, string.value, text.place)))

    def ending(self, text: str) -> Additions:
        if self.preserve_structure and strings_of(text) is not None:
            return ()
        return additions_of(self.rules, text)

    def holdback(self) -> int | None:
        inside = [rule for rule in self.rules if not rule.at_end]
        widths = [rule.width() for rule in inside]
        if None in widths or (self.preserve_structure and inside):
            return None
        return max((width for width in widths if width is not None), default=int(bool(self.rules)))
