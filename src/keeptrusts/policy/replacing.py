"""The right side of a rewriting: text with `$1` in it. Pure Python, so that lint can look at it anywhere."""

from __future__ import annotations

from collections.abc import Sequence


class Template:
    """`$0` is the match, `$1` to `$9` its groups, `$$` a dollar; a dollar before anything else is itself."""

    def __init__(self, text: str) -> None:
        self._parts: list[str | int] = []
        at = 0
        while (dollar := text.find("$", at)) >= 0:
            following = text[dollar + 1 : dollar + 2]
            is_group = following.isascii() and following.isdigit()
            self._parts += (text[at:dollar], int(following) if is_group else "$")
            at = dollar + (2 if is_group or following == "$" else 1)
        self._parts.append(text[at:])

    @property
    def groups(self) -> list[int]:
        """The numbers of the groups that it names."""
        return [part for part in self._parts if isinstance(part, int)]

    def fill(self, groups: Sequence[str]) -> str:
        """The text, with these groups; the first is the match."""
        return "".join(part if isinstance(part, str) else groups[part] for part in self._parts)


def group_count(pattern: str) -> int:
    """How many groups a pattern that lints has."""
    count = at = 0
    while at < len(pattern):
        if pattern.startswith("\\Q", at):
            end = pattern.find("\\E", at)
            at = len(pattern) if end < 0 else end + 2
        elif pattern[at] == "\\":
            at += 2
        elif pattern[at] == "[":
            at = _behind_set(pattern, at)
        else:
            named = pattern.startswith(("(?P<", "(?<"), at)
            count += pattern[at] == "(" and (named or not pattern.startswith("(?", at))
            at += 1
    return count


def _behind_set(pattern: str, at: int) -> int:
    at += 2 if pattern.startswith("[^", at) else 1
    first = at
    while at < len(pattern) and (pattern[at] != "]" or at == first):
        if pattern.startswith("[:", at):
            at = pattern.find(":]", at) + 1
        at += 2 if pattern[at] == "\\" else 1
    return at + 1
