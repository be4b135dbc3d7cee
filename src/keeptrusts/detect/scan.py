"""
Sets of rules over one text: Hyperscan says in one pass where to look, RE2 finds the matches there, a check confirms.

Matches are local: whether and how a rule matches at a start depends on the character before it and the `width` that
follow, and every start is reported. So pieces of a text have the matches of the whole (`policy.kind`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from keeptrusts.detect.fold import View, is_word
from keeptrusts.detect.pattern import read_pattern

if TYPE_CHECKING:
    from keeptrusts.detect.engine import Found, Regex

DIGITS: Final = frozenset("0123456789")
LETTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
ALNUM: Final = DIGITS | LETTERS
WORD: Final = ALNUM | {"_"}

_Handler: TypeAlias = Callable[[int, int, int, int, object], bool | None]
Check: TypeAlias = Callable[[str], int]
"""How many characters of the matched text are accepted; 0 refuses it."""


@dataclass(frozen=True, slots=True)
class Hit:
    """
    Characters `[start, end)` of the original text.

    Args:
        value: Where the value itself begins, after the label that gave it away.
        confidence: How sure the rule is: 0-1.
    """

    start: int
    end: int
    category: str
    value: int
    confidence: float = 1.0


@dataclass(frozen=True)
class Rule:
    """
    One form of what is looked for. Patterns are of bounded width and hold no anchors and no word edges.

    Args:
        pattern: RE2 syntax over folded text; the value, when there is a `label`.
        label: Pattern of what must stand before the value.
        before: Characters that may not stand before the match.
        after: Characters that may not follow it.
        sieve: A cheaper pattern, part of every match, for Hyperscan.
        back: With a sieve: most characters from the match's start to the sieve's end.
        whole: Only whole words, in every script that has words.
    """

    category: str
    pattern: str
    label: str = ""
    before: frozenset[str] = WORD
    after: frozenset[str] = WORD
    check: Check | None = None
    caseless: bool = False
    sieve: str = ""
    back: int = 0
    confidence: float = 0.9
    whole: bool = False

    def refuses(self, beside: str, forbidden: frozenset[str]) -> bool:
        """Whether the character beside a match speaks against it."""
        return is_word(beside) if self.whole else beside in forbidden

    @cached_property
    def width(self) -> int:
        """Characters from the start of a match that decide it: its own, and the one that follows."""
        reach = read_pattern(self.label + self.pattern).reach
        if reach is None:
            raise ValueError(f"a rule of `{self.category}` has no bound")
        return reach + 1

    @cached_property
    def bytes_wide(self) -> int:
        """The same in bytes of UTF-8."""
        return self.width if self.pattern.isascii() else 4 * self.width

    @cached_property
    def regex(self) -> Regex:
        """With a label, group 1 is the value."""
        from keeptrusts.detect.engine import compile_regex

        pattern = f"{self.label}({self.pattern})" if self.label else self.pattern
        return compile_regex(pattern, caseless=self.caseless, captures=bool(self.label))


class RuleSet:
    """
    Rules that are looked for together.

    The database is compiled at the first use. One text is scanned at a time: Hyperscan's scratch space is not shared.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)

    @cached_property
    def width(self) -> int:
        """The widest rule's."""
        return max((rule.width for rule in self.rules), default=0)

    @cached_property
    def _scan(self) -> Callable[[bytes], list[tuple[int, int]]]:
        import hyperscan

        database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        expressions = [(rule.sieve or rule.label + rule.pattern).encode() for rule in self.rules]
        flags = [hyperscan.HS_FLAG_CASELESS if rule.caseless else 0 for rule in self.rules]
        database.compile(expressions=expressions, ids=list(range(len(expressions))), flags=flags)

        def scan(data: bytes) -> list[tuple[int, int]]:
            found: list[tuple[int, int]] = []
            # The callback must stay referenced while the scan runs.
            database.scan(data, match_event_handler=cast("_Handler", note), context=found)
            return found

        def note(rule: int, _start: int, end: int, _flags: int, found: list[tuple[int, int]]) -> None:
            found.append((rule, end))

        return scan

    def find(self, text: View, *, limited: bool = False) -> list[Hit]:
        """
        Every match, by start.

        Args:
            limited: A match may not be wider than its rule even when invisible characters are strewn into it. Asked
                for where text is judged in pieces; without it such characters do not count.
        """
        if not self.rules or not text.data:
            return []
        ends: dict[int, list[int]] = {}
        for number, end in self._scan(text.data):
            ends.setdefault(number, []).append(end)
        found = [
            hit for number in sorted(ends) for hit in _matches(self.rules[number], text, ends[number], limited=limited)
        ]
        return sorted(found, key=lambda hit: (hit.start, -hit.end))


def _matches(rule: Rule, text: View, ends: Iterable[int], *, limited: bool) -> Iterator[Hit]:
    position = 0
    back = rule.back or rule.bytes_wide
    for end in ends:
        position = max(position, end - back)
        while position < end:
            match = rule.regex.search(text.data, position, min(end + rule.bytes_wide, len(text.data)))
            if match is None or match.start() >= end:
                break
            hit = _confirmed(rule, text, match, limited=limited)
            if hit:
                yield hit
            position = match.start() + 1


def _confirmed(rule: Rule, text: View, match: Found, *, limited: bool) -> Hit | None:
    start = match.start()
    if rule.refuses(text.before(start), rule.before):
        return None
    if limited and not text.exact:
        stop = text.byte(text.origin(start) + rule.width - 1)
        shorter = rule.regex.match(text.data, start, stop)
        if shorter is None:
            return None
        match = shorter
    value = match.start(1) if rule.label else start
    end = match.end()
    if rule.check:
        end = value + rule.check(text.data[value:end].decode("utf-8", "replace"))
    if value == end or rule.refuses(text.after(end), rule.after):
        return None
    return Hit(text.origin(start), text.end(end), rule.category, text.origin(value), rule.confidence)
