"""
Sets of rules over one text: Hyperscan says in one pass where to look, RE2 finds the matches there, a check confirms.

Matches are local: whether and how a rule matches at a start depends on the character before it and the `width` that
follow. Every start is looked at, and reported unless two earlier ones of its rule cover it (`thinned`). So pieces of a
text have the matches of the whole (`policy.kind`).

Whoever writes a text chooses how much there is to confirm. What stands before a match is therefore part of the
pattern, so that the inside of a long run is no start at all, and rules whose matches may start anywhere in a run bring
their own `Finder`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias, TypeVar, cast

from keeptrusts.detect.databases import compiled
from keeptrusts.detect.fold import View, is_word
from keeptrusts.detect.pattern import read_pattern

if TYPE_CHECKING:
    from keeptrusts.detect.engine import Regex

DIGITS: Final = frozenset("0123456789")
LETTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
ALNUM: Final = DIGITS | LETTERS
WORD: Final = ALNUM | {"_"}

_LETTER: Final = 4
"""Most bytes of a letter."""
_LONGEST_TAIL: Final = re.compile(r"\{([1-9]\d*),\d+\}$")
_Handler: TypeAlias = Callable[[int, int, int, int, object], bool | None]
Check: TypeAlias = Callable[[str], int]
"""How many characters of the matched text are accepted; 0 refuses it."""
Span: TypeAlias = tuple[int, int, int]
"""Where a match begins, where its value does, and where it ends, in bytes."""
Spanning = TypeVar("Spanning", tuple[int, int], tuple[int, int, int])


class Finder(Protocol):
    """Finds by itself where a rule matches, from the ends of its sieve. Checks and edges are left to the rule."""

    def __call__(self, text: View, ends: Sequence[int], *, bounded: bool) -> Iterator[tuple[int, int]]:
        """
        Matches by start; those that two earlier ones cover may be left out.

        Args:
            bounded: A match may be no wider in `text.text` than its rule is.
        """
        ...


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
        before: ASCII characters that may not stand before the match.
        after: Characters that may not follow it.
        sieve: A cheaper pattern, part of every match, for Hyperscan.
        back: With a sieve: most characters from the match's start to the sieve's end.
        opens: The sieve is how a match begins, so what stands before the match stands before the sieve.
        whole: Only whole words, in every script that has words.
        finder: Finds what the pattern says without trying every start.
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
    opens: bool = False
    confidence: float = 0.9
    whole: bool = False
    finder: Finder | None = None

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
        return self.width if self.in_ascii else 4 * self.width

    @cached_property
    def in_ascii(self) -> bool:
        """No letter beyond ASCII is asked for."""
        return (self.label + self.pattern).isascii()

    @cached_property
    def guard(self) -> str:
        """Pattern of what may stand before a match; empty: anything may."""
        forbidden = "".join(f"\\x{ord(letter):02x}" for letter in sorted(self.before))
        return f"[^{forbidden}]" if forbidden else ""

    def expression(self, *, guarded: bool) -> bytes:
        """What Hyperscan looks for; it reports every end, so a tail is left as short as a match may have it."""
        if self.sieve and not self.opens:
            return _in_ascii(self.sieve)
        pattern = self.sieve or _LONGEST_TAIL.sub(r"{\1}", self.label + self.pattern)
        return _in_ascii(f"(?:^|{self.guard})(?:{pattern})" if guarded and self.guard else pattern)

    @cached_property
    def regex(self) -> Regex:
        """With a label, group 1 is the value."""
        return self._compiled("")

    @cached_property
    def guarded(self) -> Regex:
        """The same behind a byte that may stand there."""
        return self._compiled(self.guard)

    def _compiled(self, guard: str) -> Regex:
        from keeptrusts.detect.engine import compile_regex

        pattern = f"{self.label}({self.pattern})" if self.label else f"(?:{self.pattern})"
        return compile_regex(guard + pattern, caseless=self.caseless, captures=bool(self.label))

    def spans(self, data: bytes, low: int, high: int, *, guarded: bool) -> Iterator[Span]:
        """Matches that start in `[low, high)`, one for each start."""
        stop = min(high + self.bytes_wide, len(data))
        if not (guarded and self.guard):
            position = low
            while (found := self.regex.search(data, position, stop)) and found[0][0] < high:
                yield _span(found, found[0][0])
                position = found[0][0] + 1
            return
        if low == 0 and (first := self.regex.match(data, 0, stop)):
            yield _span(first, 0)
        position = max(low - _LETTER, 0)
        while (found := self.guarded.search(data, position, stop)) and (start := _behind(data, found[0][0])) < high:
            if start >= low:
                yield _span(found, start)
            position = start


def _in_ascii(pattern: str) -> bytes:
    """With letters beyond ASCII by their numbers: as they are, Vectorscan 5.4.11 takes none of them for UTF-8."""
    return "".join(one if one.isascii() else f"\\x{{{ord(one):x}}}" for one in pattern).encode()


def _behind(data: bytes, position: int) -> int:
    """One past the letter that begins here (RFC 3629, section 3)."""
    first = data[position]
    return position + (1 if first < 0xC0 else 2 if first < 0xE0 else 3 if first < 0xF0 else 4)


def _span(found: Sequence[tuple[int, int]], start: int) -> Span:
    return start, found[1][0] if len(found) > 1 else start, found[0][1]


class RuleSet:
    """
    Rules that are looked for together.

    The databases are compiled at the first use. One text is scanned at a time: Hyperscan's scratch space is not shared.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)

    @cached_property
    def width(self) -> int:
        """The widest rule's."""
        return max((rule.width for rule in self.rules), default=0)

    @cached_property
    def _scan(self) -> Callable[[bytes], dict[int, list[int]]]:
        return _scanner([rule.expression(guarded=True) for rule in self.rules], self.rules)

    @cached_property
    def _scan_unguarded(self) -> Callable[[bytes], dict[int, list[int]]]:
        return _scanner([rule.expression(guarded=False) for rule in self.rules], self.rules)

    def is_silent(self, text: str, *, lower: bool = False) -> bool:
        """
        Whether there surely is no match in a text as it is. Only ASCII is looked at: it folds to itself.

        Args:
            lower: The rules are for text in lower case.
        """
        if not text.isascii():
            return False
        data = text.encode("ascii")
        return not self.rules or not self._scan(data.lower() if lower else data)

    def find(self, text: View, *, limited: bool = False) -> list[Hit]:
        """
        Every match, by start, thinned.

        Args:
            limited: Asked for where text is judged in pieces: what is invisible then separates a match from what
                stands before it, and a match with such characters in it may not be wider than its rule. Without it
                they do not count.
        """
        if not self.rules or not text.data:
            return []
        bounded = limited and not text.exact
        guarded = not (bounded and text.is_glued())
        ends = (self._scan if guarded else self._scan_unguarded)(text.data)
        if not ends:
            return []
        found = [
            hit
            for number in sorted(ends)
            for hit in _matches(self.rules[number], text, sorted(ends[number]), bounded=bounded, guarded=guarded)
        ]
        return sorted(found, key=lambda hit: (hit.start, -hit.end))


def _scanner(expressions: Sequence[bytes], rules: Sequence[Rule]) -> Callable[[bytes], dict[int, list[int]]]:
    """Expression number to where its matches end."""
    import hyperscan

    # As bytes, a class such as `[^.]` in a pattern of letters beyond ASCII would count or refuse parts of letters.
    flags = [
        hyperscan.HS_FLAG_CASELESS * rule.caseless | hyperscan.HS_FLAG_UTF8 * (not rule.in_ascii) for rule in rules
    ]
    database = compiled(expressions, flags)

    def scan(data: bytes) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        # The callback must stay referenced while the scan runs.
        database.scan(data, match_event_handler=handler, context=found)
        return found

    def note(number: int, _start: int, end: int, _flags: int, found: dict[int, list[int]]) -> None:
        ends = found.get(number)
        if ends is None:
            found[number] = [end]
        else:
            ends.append(end)

    handler = cast("_Handler", note)
    return scan


def thinned(matches: Iterable[Spanning]) -> Iterator[Spanning]:
    """
    Matches, by start and each ending at its last item, without those that two earlier ones cover.

    So a run of matches that lie over each other stays short. Two, since a piece of a text begins with one character
    whose matches are not believed: behind it, as from any other place on, the matches that are left cover what all of
    them cover, beginning where all of them begin.
    """
    longest = second = -1
    for match in matches:
        end = match[-1]
        if end > second:
            longest, second = max(longest, end), min(max(longest, second), end)
            yield match


def _matches(rule: Rule, text: View, ends: Sequence[int], *, bounded: bool, guarded: bool) -> Iterator[Hit]:
    if rule.finder:
        spans: Iterable[Span] = ((start, start, end) for start, end in rule.finder(text, ends, bounded=bounded))
    else:
        spans = (
            span
            for low, high in _stretches(ends, rule.back or rule.bytes_wide)
            for span in rule.spans(text.data, low, high, guarded=guarded)
        )
    for start, value, end in thinned(_confirmed(rule, text, spans, bounded=bounded)):
        first, begin = text.origin(start), text.origin(value)
        yield Hit(first, text.end(end), rule.category, begin, rule.confidence)


def _stretches(ends: Iterable[int], back: int) -> Iterator[tuple[int, int]]:
    """Where matches may start that contain one of these ends: stretches that do not overlap."""
    low = high = 0
    for end in ends:
        if end - back > high:
            if low < high:
                yield low, high
            low = end - back
        high = max(high, end)
    if low < high:
        yield low, high


def _confirmed(rule: Rule, text: View, spans: Iterable[Span], *, bounded: bool) -> Iterator[Span]:
    """Matches that have the right things beside them and pass the check, with the ends that it accepts."""
    for span in spans:
        start = span[0]
        if rule.refuses(text.before(start), rule.before):
            continue
        located = _bounded(rule, text, start) if bounded else span
        if located is None:
            continue
        _, value, end = located
        if rule.check:
            end = value + rule.check(text.data[value:end].decode("utf-8", "replace"))
        if value < end and not rule.refuses(text.after(end), rule.after):
            yield start, value, end


def _bounded(rule: Rule, text: View, start: int) -> Span | None:
    """The match at this start that is no wider than its rule in the original text, where one is."""
    found = rule.regex.match(text.data, start, text.byte(text.origin(start) + rule.width - 1))
    return _span(found, start) if found else None
