"""Which answers a person must see first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from keeptrusts.core.exchange import Exchange, Phase
from keeptrusts.core.verdict import Allow, Block, Escalate, Match, Verdict
from keeptrusts.policy.checks import email
from keeptrusts.policy.kind import Policy, code_prefix
from keeptrusts.policy.reading import suggest
from keeptrusts.policy.schema import Attr, Fault

CATEGORIES = ("pii", "financial", "health", "credentials", "injection", "tool-calls")
"""
What can be recognised: personal data; cards and account numbers; health identifiers; secrets; text that tries to steer
a model; and answers that call a tool.
"""


@dataclass(frozen=True)
class HumanOversight(Policy):
    """
    Withhold answers until a person has decided.

    The whole answer is needed, so streams are buffered. `require_human_for` takes the categories that the detectors
    recognise: `pii`, `financial`, `health`, `credentials`, `injection`, `tool-calls`; empty means every answer.
    """

    kind: ClassVar[str] = "human-oversight"
    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.OUTPUT})
    example: ClassVar[str] = """
        require_human_for: [financial, credentials]
        default_assignee: oversight@example.com
    """

    require_human_for: Annotated[tuple[str, ...], Attr("Categories; empty means every answer.", stronger="among")] = ()
    action: Annotated[
        Literal["escalate", "block"],
        Attr("Withhold until somebody decides, or refuse.", stronger=("escalate", "block")),
    ] = "escalate"
    confidence_threshold: Annotated[
        float, Attr("Findings that the detector is less sure of do not count.", minimum=0, maximum=1, stronger="lower")
    ] = 0.0
    default_assignee: Annotated[str | None, Attr("E-mail address of who decides.", check=email, stronger="neutral")] = (
        None
    )
    timeout_seconds: Annotated[
        int,
        Attr(
            "When nobody has decided by then, the answer is denied.", minimum=1, maximum=30 * 86_400, stronger="neutral"
        ),
    ] = 3600

    def faults(self) -> Iterable[Fault]:
        for index, category in enumerate(self.require_human_for):
            if category not in CATEGORIES:
                message = f"`{category[:60]}` is not a category that this version recognises"
                hint = suggest(category, CATEGORIES, "categories") + "; leave the list empty for every answer"
                yield Fault("E009", ("require_human_for", index), message, hint)

    def judge(self, exchange: Exchange) -> Verdict:
        if not self.require_human_for:
            return self._say("required", ())
        for category in self.require_human_for:
            found = _recognise(category, exchange, self.confidence_threshold)
            if found is not None:
                return self._say(code_prefix(category), found)
        return Allow()

    def _say(self, detail: str, found: tuple[Match, ...]) -> Verdict:
        code, message = f"human_oversight.{detail}", "the answer must be seen by a person first"
        if self.action == "block":
            return Block(code, message, found)
        return Escalate(code, message, self.default_assignee, self.timeout_seconds, found)


def _recognise(category: str, exchange: Exchange, threshold: float) -> tuple[Match, ...] | None:
    """Where the category is found in the answer; None when it is not."""
    if category == "tool-calls":
        return () if exchange.tool_calls else None
    from keeptrusts.detect.topics import recognise

    found = [
        Match(text.place, hit.start, hit.end, hit.category)
        for text in exchange.texts
        for hit in recognise(category, text.value, threshold)
    ]
    return tuple(found) or None
