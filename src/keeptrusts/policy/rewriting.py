"""
Rules that rewrite texts.

Every rule looks at a text as it came: none sees what another put there, so rules cannot feed each other, and a stream
can be rewritten on the fly. Matches of a rule that lie over each other are one match.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Final, Literal

from keeptrusts.core.errors import KeeptrustsError
from keeptrusts.core.verdict import Allow, Block, Edit, Redact, Verdict
from keeptrusts.policy.checks import Regex, regex, states
from keeptrusts.policy.kind import Additions
from keeptrusts.policy.replacing import Template, group_count
from keeptrusts.policy.schema import Attr, Fault
from keeptrusts.policy.schema import Block as Section

if TYPE_CHECKING:
    from keeptrusts.core.exchange import Place
    from keeptrusts.detect.scan import Hit
    from keeptrusts.detect.tenant import TenantPatterns

START: Final = "^"
END: Final = "$"
MAX_GROWTH_CHARS: Final = 4 * 1024 * 1024
"""The most that a kind makes an exchange longer: a short match and a long replacement multiply."""
_NAME: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


class TooMuchGrowthError(KeeptrustsError):
    """Rules would make texts longer than may be."""

    code = "too_long"


def rule_name(text: str) -> Fault | None:
    """What may stand in a reason code."""
    sound = _NAME.issuperset(text)
    return None if sound else Fault("E003", (), "the name of a rule is letters, digits, `_` and `-`")


def rule_pattern(text: str) -> Fault | None:
    """A pattern, or the start or the end of a text."""
    return None if text in {START, END} else regex(text)


@dataclass(frozen=True)
class RewriteRule(Section):
    name: Annotated[str, Attr("What records call it.", minimum=1, maximum=100, check=rule_name, stronger="neutral")]
    pattern: Annotated[
        str,
        Attr(
            "What is looked for; `^` and `$` alone are the start and the end.",
            check=rule_pattern,
            weigh=states,
            stronger="unclear",
        ),
    ]
    replacement: Annotated[
        str,
        Attr(
            "What is put there: `$1` is the first group, `$0` the match, `$$` a dollar.",
            maximum=20_000,
            stronger="unclear",
        ),
    ] = ""
    position: Annotated[
        Literal["replace", "prepend", "append"],
        Attr("In the place of the match, before it, or behind it.", stronger="unclear"),
    ] = "replace"
    condition: Annotated[
        Regex | None, Attr("Only in a text in which this pattern matches somewhere.", stronger="unclear")
    ] = None

    def faults(self) -> Iterable[Fault]:
        groups = 0 if self.pattern in {START, END} else group_count(self.pattern)
        for number in self.template.groups:
            if number > groups:
                message = f"`${number}` names a group that the pattern does not have"
                yield Fault("E003", ("replacement",), message, "write `$$` for a dollar")

    @cached_property
    def template(self) -> Template:
        """The replacement, taken apart."""
        return Template(self.replacement)

    @property
    def at_end(self) -> bool:
        """It adds something behind the text."""
        return self.pattern == END

    def width(self) -> int | None:
        """Characters from the start of a match that decide it; None when it takes the whole text to rewrite it."""
        from keeptrusts.detect.pattern import widest

        if self.at_end or (self.pattern == START and self.condition is None):
            return 1
        # What is put beside a match has to know where those end that lie over it, which may be anywhere.
        return widest((self.pattern,)) if self.position == "replace" and self.condition is None else None

    def applies(self, text: str) -> bool:
        """Whether the condition holds."""
        return self.condition is None or bool(self._condition.find(text))

    def edits(self, text: str, place: Place, *, limited: bool) -> Iterator[Edit]:
        """What the rule changes inside a text, or at its start."""
        if self.pattern == START:
            yield Edit(place, 0, 0, self.name, self.template.fill(()))
            return
        for first, start, end in self._runs(text, limited=limited):
            filled = self.template.fill(self._groups(text, first))
            match self.position:
                case "replace":
                    yield Edit(place, start, end, self.name, filled)
                case "prepend":
                    yield Edit(place, start, start, self.name, filled)
                case "append":
                    yield Edit(place, end, end, self.name, filled)

    def _runs(self, text: str, *, limited: bool) -> Iterator[tuple[Hit, int, int]]:
        """Matches with their ends. Where something is put beside them, those that lie over each other are one."""
        found = self._matches.find(text, limited=limited)
        if self.position == "replace":
            yield from ((hit, hit.start, hit.end) for hit in found)
            return
        runs: list[tuple[Hit, int, int]] = []
        for hit in found:
            if runs and hit.start < runs[-1][2]:
                first, start, end = runs[-1]
                runs[-1] = first, start, max(end, hit.end)
            else:
                runs.append((hit, hit.start, hit.end))
        yield from runs

    def _groups(self, text: str, hit: Hit) -> Sequence[str]:
        if not self.template.groups:
            return ()
        from keeptrusts.detect.tenant import groups_of

        return groups_of(self.pattern, text, hit)

    @cached_property
    def _matches(self) -> TenantPatterns:
        from keeptrusts.detect.tenant import TenantPatterns

        return TenantPatterns((self.pattern,), self.name)

    @cached_property
    def _condition(self) -> TenantPatterns:
        from keeptrusts.detect.tenant import TenantPatterns

        return TenantPatterns((self.condition,) if self.condition else ())


def rule_faults(rules: Sequence[RewriteRule]) -> Iterable[Fault]:
    """Names that stand twice: records could not tell the rules apart."""
    seen: set[str] = set()
    for index, rule in enumerate(rules):
        if rule.name in seen:
            yield Fault("E005", ("rules", index, "name"), f"two rules are named `{rule.name}`", "rename one of the two")
        seen.add(rule.name)


def edits_of(rules: Iterable[RewriteRule], text: str, place: Place, *, limited: bool = False) -> list[Edit]:
    """
    What the rules change in a text, but for its end; in order, and as one where they overlap.

    Raises:
        TooMuchGrowthError: It would be longer by more than `MAX_GROWTH_CHARS`.
    """
    if not text:
        return []
    found = within_bounds(
        edit
        for rule in rules
        if not rule.at_end and rule.applies(text)
        for edit in rule.edits(text, place, limited=limited)
    )
    return sorted(found, key=lambda edit: (edit.start, edit.start < edit.end, -edit.end))


def within_bounds(edits: Iterable[Edit]) -> Iterator[Edit]:
    """The edits, as long as they do not make text longer by more than `MAX_GROWTH_CHARS` in all."""
    grown = 0
    for edit in edits:
        grown += max(0, len(edit.replacement) - (edit.end - edit.start))
        if grown > MAX_GROWTH_CHARS:
            raise TooMuchGrowthError
        yield edit


def as_verdict(prefix: str, edits: Iterable[Edit], instruction: str = "") -> Verdict:
    """What a rewriting kind says with these edits; no text is made that would be too long."""
    try:
        kept = tuple(within_bounds(edits))
    except TooMuchGrowthError:
        return Block(f"{prefix}.too_long", "the rules would make the text too long")
    if not kept and not instruction:
        return Allow()
    return Redact(f"{prefix}.{kept[0].category if kept else 'system_message'}", kept, instruction)


def additions_of(rules: Iterable[RewriteRule], text: str) -> Additions:
    """What the rules put behind a text."""
    return tuple((rule.name, rule.template.fill(())) for rule in rules if rule.at_end and rule.applies(text))
