"""Patterns of a document's author, matched in linear time over the text as it is and as it folds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from keeptrusts.detect.fold import View, plain_view, view
from keeptrusts.detect.pattern import Shape, read_pattern, widest
from keeptrusts.detect.scan import Hit, thinned

if TYPE_CHECKING:
    from keeptrusts.detect.engine import Regex


class TenantPatterns:
    """
    Patterns that lint, under one category.

    With bounded patterns every start is reported and matches are local, as `detect.scan` says it. With an unbounded
    one they are not, and `width` is None.
    """

    def __init__(self, patterns: Sequence[str], category: str = "custom") -> None:
        self.patterns = tuple(patterns)
        self.category = category

    @cached_property
    def _shapes(self) -> tuple[Shape, ...]:
        return tuple(read_pattern(pattern) for pattern in self.patterns)

    @property
    def width(self) -> int | None:
        """The widest match and the character after it; None without a bound."""
        return widest(self.patterns)

    @cached_property
    def _regexes(self) -> tuple[Regex, ...]:
        from keeptrusts.detect.engine import compile_regex

        return tuple(compile_regex(pattern) for pattern in self.patterns)

    def find(self, text: str, *, limited: bool = False) -> list[Hit]:
        """Every match, by start, thinned; `limited` as in `RuleSet.find`."""
        views = [view(text)] if text.isascii() else [view(text), plain_view(text)]
        found = {
            (hit.start, hit.end): hit
            for seen in views
            for regex, shape in zip(self._regexes, self._shapes, strict=True)
            for hit in self._matches(regex, shape, seen, limited=limited)
        }
        return sorted(found.values(), key=lambda hit: (hit.start, -hit.end))

    def _matches(self, regex: Regex, shape: Shape, seen: View, *, limited: bool) -> Iterator[Hit]:
        reach = shape.reach
        if reach is None:
            spans = _leftmost(regex, seen.data)
        elif limited and not seen.exact:
            spans = thinned(_in_pieces(regex, seen, reach + 1))
        else:
            spans = thinned(_by_start(regex, seen.data))
        for start, end in spans:
            first = seen.origin(start)
            yield Hit(first, seen.end(end), self.category, first)


def _by_start(regex: Regex, data: bytes) -> Iterator[tuple[int, int]]:
    position = 0
    while found := regex.search(data, position, len(data)):
        yield found[0]
        position = found[0][0] + 1


def _leftmost(regex: Regex, data: bytes) -> Iterator[tuple[int, int]]:
    """Matches that do not overlap: an unbounded pattern would take quadratic time by its starts."""
    position = 0
    while found := regex.search(data, position, len(data)):
        yield found[0]
        position = found[0][1]


def _in_pieces(regex: Regex, seen: View, width: int) -> Iterator[tuple[int, int]]:
    """Each start for itself, with no more of the text than a match may depend on."""
    for index in range(len(seen.text)):
        start, stop = seen.byte(index), seen.byte(index + width)
        lead = seen.byte(index - 1) if index else start
        found = regex.match(seen.data[lead:stop], start - lead, stop - lead) if start < stop else None
        if found:
            yield start, lead + found[0][1]


def groups_of(pattern: str, text: str, hit: Hit) -> list[str]:
    """The match of a pattern and its groups, as they stand in the text; empty for a group that took no part."""
    from keeptrusts.detect.engine import compile_regex

    regex = compile_regex(pattern, captures=True)
    for seen in (view(text), plain_view(text)):
        start, stop = seen.byte(hit.start), seen.byte(hit.end)
        found = regex.match(seen.data, start, stop)
        if found and found[0][1] == stop:
            return [_original(text, seen, *span) for span in found]
    return [text[hit.start : hit.end], *[""] * 9]


def _original(text: str, seen: View, start: int, end: int) -> str:
    return text[seen.origin(start) : seen.end(end)] if 0 <= start < end else ""
