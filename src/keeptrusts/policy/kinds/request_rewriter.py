"""Requests rewritten before a model gets them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

from keeptrusts.core.exchange import Exchange, Part, Phase, Role, Text
from keeptrusts.core.verdict import Edit, Verdict
from keeptrusts.policy.kind import Policy
from keeptrusts.policy.rewriting import END, START, RewriteRule, additions_of, as_verdict, edits_of, rule_faults
from keeptrusts.policy.schema import Attr, Fault
from keeptrusts.policy.schema import Block as Section

_PARTS: Final = frozenset({Part.CONTENT, Part.TOOL_RESULT, Part.DOCUMENT})
_NO_CONVERSATION: Final = frozenset({"openai_embeddings"})
"""Formats in which no model is told what to do."""


@dataclass(frozen=True)
class SystemMessage(Section):
    content: Annotated[str, Attr("The message.", minimum=1, maximum=100_000, stronger="neutral")]


@dataclass(frozen=True)
class RequestRewriter(Policy):
    """
    Put a system message before every request, and rewrite what it says.

    The system message comes before those of the client, which stay. Rules look at the content of messages and at the
    results of tools, as they came; where two match over each other, the one that begins first counts. `^` and `$` add
    to what users say. Rules that would make a request longer by more than four million characters refuse it,
    `request_rewriter.too_long`. Whatever comes later in the chain judges the rewritten request, but not the system
    message, which is the operator's own.
    """

    kind: ClassVar[str] = "request-rewriter"
    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.INPUT})
    rewrites: ClassVar[bool] = True
    example: ClassVar[str] = """
        system_message: You are a helpful assistant. Follow the policies of the company.
        rules:
          - {name: internal-urls, pattern: 'https?://[a-z0-9.-]{1,60}\\.corp\\.example', replacement: "[URL]"}
    """

    system_message: Annotated[
        Annotated[str, Attr(minimum=1, maximum=100_000, stronger="neutral")] | SystemMessage | None,
        Attr("What the model is told first.", stronger="unclear"),
    ] = None
    rules: Annotated[tuple[RewriteRule, ...], Attr("What is rewritten.", stronger="unclear")] = ()

    def faults(self) -> Iterable[Fault]:
        return rule_faults(self.rules)

    def judge(self, exchange: Exchange) -> Verdict:
        told = self._told() if exchange.api_format not in _NO_CONVERSATION else ""
        edits = (edit for text in exchange.texts for edit in self._rewritten(text))
        return as_verdict("request_rewriter", edits, told)

    def _told(self) -> str:
        said = self.system_message
        return said.content if isinstance(said, SystemMessage) else said or ""

    def _rewritten(self, text: Text) -> list[Edit]:
        if text.part not in _PARTS:
            return []
        asked = text.role is Role.USER and text.part is Part.CONTENT
        rules = [rule for rule in self.rules if asked or rule.pattern not in {START, END}]
        return [*edits_of(rules, text.value, text.place), *_behind(rules, text)]


def _behind(rules: Iterable[RewriteRule], text: Text) -> Iterable[Edit]:
    end = len(text.value)
    for name, added in additions_of(rules, text.value) if end else ():
        yield Edit(text.place, end, end, name, added)
