r"""
The syntax of RE2 (github.com/google/re2/wiki/Syntax), read in pure Python: is a pattern safe, and how wide is a match?

Only patterns are read here, never text. What a linear-time engine cannot do (look-around, backreferences, atomic and
possessive groups) is refused with its name, so that `kt policy lint` says it where no engine is installed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

MAX_REPEAT: Final = 1000
MAX_SIZE: Final = 20_000
MAX_DEPTH: Final = 100
MAX_LENGTH: Final = 4096

_CATEGORIES = frozenset(
    {*"CLMNPSZ", "Any", "Cc", "Cf", "Co", "Cs", "Ll", "Lm", "Lo", "Lt", "Lu", "Mc", "Me", "Mn", "Nd", "Nl", "No", "Pc"}
    | {"Pd", "Pe", "Pf", "Pi", "Po", "Ps", "Sc", "Sk", "Sm", "So", "Zl", "Zp", "Zs"}
)
_POSIX = frozenset(
    {"alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph"}
    | {"lower", "print", "punct", "space", "upper", "word", "xdigit"}
)
_SIMPLE_ESCAPES = frozenset("afnrtv")
_CLASS_ESCAPES = frozenset("dDsSwW")
_WIDE_CLASS = 40
"""Size of a class that reaches beyond ASCII: its UTF-8 automaton has about so many states."""


class PatternError(ValueError):
    """Why this pattern is refused."""


@dataclass(frozen=True, slots=True)
class Shape:
    r"""
    What is known of a pattern's matches.

    Args:
        least: Fewest characters.
        most: Most characters; None without a bound.
        size: States of the automaton, roughly.
        edges: It asks what stands beside the match (`\b`, `\B`).
        anchored: It asks for the start or end of text or line.
        copies: How often its innermost part is repeated at most, by bounded repetitions.
    """

    least: int = 0
    most: int | None = 0
    size: int = 0
    edges: bool = False
    anchored: bool = False
    copies: int = 1

    @property
    def reach(self) -> int | None:
        """Characters from its start that decide a match; None when they are not bounded."""
        if self.most is None or self.anchored:
            return None
        return self.most + self.edges

    def then(self, other: Shape) -> Shape:
        most = None if self.most is None or other.most is None else self.most + other.most
        return self._joined(other, self.least + other.least, most)

    def or_else(self, other: Shape) -> Shape:
        most = None if self.most is None or other.most is None else max(self.most, other.most)
        return self._joined(other, min(self.least, other.least), most)

    def _joined(self, other: Shape, least: int, most: int | None) -> Shape:
        edges, anchored = self.edges or other.edges, self.anchored or other.anchored
        return Shape(least, most, self.size + other.size, edges, anchored, max(self.copies, other.copies))

    def repeated(self, low: int, high: int | None) -> Shape:
        most = self.most * high if high is not None and self.most is not None else (0 if self.most == 0 else None)
        size = self.size * (max(low, 1) + 1 if high is None else max(high, 1)) + 1
        copies = self.copies * max(low if high is None else high, 1)
        return Shape(self.least * low, most, size, self.edges, self.anchored, copies)


def read_pattern(pattern: str) -> Shape:
    """
    The shape of a pattern.

    Raises:
        PatternError: RE2 does not accept it, or it would be too large.
    """
    if len(pattern) > MAX_LENGTH:
        raise PatternError(f"it has {len(pattern)} characters; the most is {MAX_LENGTH}")
    parser = _Parser(pattern)
    shape = parser.alternatives(0)
    if not parser.done:
        raise PatternError("`)` without `(`")
    if shape.size > MAX_SIZE:
        raise PatternError("it is too large")
    return shape


def widest(patterns: Iterable[str]) -> int | None:
    """Of patterns that lint: the widest match and the character after it; None without a bound, 0 without patterns."""
    width = 0
    for pattern in patterns:
        reach = read_pattern(pattern).reach
        if reach is None:
            return None
        width = max(width, reach + 1)
    return width


class _Parser:
    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self._names: set[str] = set()

    @property
    def done(self) -> bool:
        return self._at >= len(self._pattern)

    def _peek(self, text: str) -> bool:
        return self._pattern.startswith(text, self._at)

    def _take(self, text: str) -> bool:
        found = self._peek(text)
        if found:
            self._at += len(text)
        return found

    def _next(self, missing: str) -> str:
        if self.done:
            raise PatternError(missing)
        self._at += 1
        return self._pattern[self._at - 1]

    def alternatives(self, depth: int) -> Shape:
        if depth > MAX_DEPTH:
            raise PatternError(f"groups are nested deeper than {MAX_DEPTH}")
        shape = self._sequence(depth)
        while self._take("|"):
            shape = shape.or_else(self._sequence(depth))
        return shape

    def _sequence(self, depth: int) -> Shape:
        whole = Shape()
        while not self.done and not self._peek("|") and not self._peek(")"):
            atom = self._atom(depth)
            bounds = self._repetition()
            if bounds:
                atom = self._repeat(atom, *bounds)
            whole = whole.then(atom)
        return whole

    def _repeat(self, atom: Shape, low: int, high: int | None) -> Shape:
        if self._take("+"):
            raise PatternError("possessive repetition is not supported")
        self._take("?")
        if self._repetition():
            raise PatternError("a repetition of a repetition; put the inner one into `(?:...)`")
        shape = atom.repeated(low, high)
        if shape.size > MAX_SIZE or shape.copies > MAX_REPEAT:
            raise PatternError("it is too large: its repetitions multiply")
        return shape

    def _repetition(self) -> tuple[int, int | None] | None:
        for sign, bounds in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._take(sign):
                return bounds
        return self._counted() if self._peek("{") else None

    def _counted(self) -> tuple[int, int | None] | None:
        end = self._pattern.find("}", self._at)
        low, comma, high = self._pattern[self._at + 1 : max(end, self._at)].partition(",")
        if end < 0 or not _is_number(low) or not (high == "" or _is_number(high)):
            return None
        self._at = end + 1
        most = int(high) if high else (None if comma else int(low))
        if max(int(low), most or 0) > MAX_REPEAT:
            raise PatternError(f"it repeats more than {MAX_REPEAT} times")
        if most is not None and most < int(low):
            raise PatternError("a repetition whose bounds are the wrong way round")
        return int(low), most

    def _atom(self, depth: int) -> Shape:
        if self._repetition():
            raise PatternError("a repetition that has nothing to repeat")
        letter = self._next("")
        match letter:
            case "(":
                return self._group(depth)
            case "[":
                return self._set()
            case "\\":
                return self._escape()
            case "^" | "$":
                return Shape(anchored=True)
            case ".":
                return Shape(1, 1, _WIDE_CLASS)
            case _:
                return _letter(letter)

    def _group(self, depth: int) -> Shape:
        if self._take("?"):
            inner = self._extension()
            if not inner:
                if self._repetition():
                    raise PatternError("a repetition that has nothing to repeat")
                return Shape()
        shape = self.alternatives(depth + 1)
        if not self._take(")"):
            raise PatternError("`(` without `)`")
        return shape

    def _extension(self) -> bool:
        """What follows `(?`; false when it is a whole group by itself, like `(?i)`."""
        for sign in ("=", "!", "<=", "<!"):
            if self._peek(sign):
                raise PatternError("look-around is not supported")
        for sign, noun in ((">", "an atomic group"), ("#", "a comment"), ("(", "a condition"), ("|", "a branch reset")):
            if self._peek(sign):
                raise PatternError(f"{noun} is not supported")
        if self._peek("P=") or self._peek("P>") or self._peek("R") or self._peek("&"):
            raise PatternError("a backreference or recursion is not supported")
        if self._take("P<") or self._take("<"):
            self._name()
            return True
        return self._flags()

    def _name(self) -> None:
        end = self._pattern.find(">", self._at)
        name = self._pattern[self._at : end] if end >= 0 else ""
        if not name or not all(letter == "_" or letter.isalnum() for letter in name):
            raise PatternError("a group's name is letters, digits and `_`")
        if name in self._names:
            raise PatternError(f"two groups are named `{name}`")
        self._names.add(name)
        self._at = end + 1

    def _flags(self) -> bool:
        negated = signs = 0
        while True:
            flag = self._next("`(?` without `)`")
            match flag:
                case "i" | "m" | "s" | "U":
                    signs += 1
                case "-" if not negated:
                    negated, signs = 1, 0
                case ":" | ")" if not negated or signs:
                    return flag == ":"
                case _:
                    raise PatternError(f"`(?{flag}` is not supported; the flags are `i`, `m`, `s`, `U`")

    def _escape(self) -> Shape:
        letter = self._next("a single `\\` at the end")
        match letter:
            case "A" | "z":
                return Shape(anchored=True)
            case "b" | "B":
                return Shape(edges=True)
            case "Q":
                return self._quoted()
            case "C":
                raise PatternError("`\\C` splits characters and is not supported")
            case "Z" | "G" | "K" | "k" | "g" | "R" | "X" | "h":
                raise PatternError(f"`\\{letter}` is not supported" + ("; write `\\z`" if letter == "Z" else ""))
            case _:
                return self._class_escape(letter)[0]

    def _quoted(self) -> Shape:
        end = self._pattern.find("\\E", self._at)
        text = self._pattern[self._at : end] if end >= 0 else self._pattern[self._at :]
        self._at = end + 2 if end >= 0 else len(self._pattern)
        # RE2 lets a repetition after \E apply to the last letter alone; reading it as the whole is only wider.
        return Shape(len(text), len(text), len(text.encode("utf-8", "replace")))

    def _class_escape(self, letter: str) -> tuple[Shape, int | None]:
        """An escape that may also stand in a set: its shape, and its code point when it is one."""
        if letter in _CLASS_ESCAPES:
            return Shape(1, 1, _WIDE_CLASS if letter.isupper() else 4), None
        if letter in "pP":
            self._property()
            return Shape(1, 1, _WIDE_CLASS * 4), None
        code = self._code_point(letter)
        return _letter(chr(code)), code

    def _code_point(self, letter: str) -> int:
        if letter == "x":
            return self._hexadecimal()
        if letter in "01234567":
            return self._octal(letter)
        if letter in _SIMPLE_ESCAPES:
            return ord({"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}[letter])
        if letter in "89" or not letter.isascii() or letter.isalnum() or letter == "_":
            reason = "a backreference is not supported" if letter in "89" else f"`\\{letter}` means nothing"
            raise PatternError(reason)
        return ord(letter)

    def _octal(self, letter: str) -> int:
        digits = letter
        while len(digits) < 3 and not self.done and self._pattern[self._at] in "01234567":
            digits += self._next("")
        if letter != "0" and len(digits) == 1:
            raise PatternError("a backreference is not supported")
        return int(digits, 8)

    def _hexadecimal(self) -> int:
        if self._take("{"):
            end = self._pattern.find("}", self._at)
            digits = self._pattern[self._at : end] if end >= 0 else ""
            self._at = end + 1
        else:
            digits = self._pattern[self._at : self._at + 2]
            self._at += 2
            digits = digits if len(digits) == 2 else ""
        if not digits or not all(digit in "0123456789abcdefABCDEF" for digit in digits) or int(digits, 16) > 0x10FFFF:
            raise PatternError("`\\x` takes two hexadecimal digits, or `{...}` up to 10FFFF")
        return int(digits, 16)

    def _property(self) -> None:
        name = self._next("`\\p` without a name")
        if name == "{":
            end = self._pattern.find("}", self._at)
            if end < 0:
                raise PatternError("`\\p{` without `}`")
            name = self._pattern[self._at : end].removeprefix("^")
            self._at = end + 1
        script = len(name) > 2 and name[0].isupper() and name.replace("_", "").isalpha()
        if name not in _CATEGORIES and not script:
            raise PatternError(f"`\\p{{{name}}}` is no category or script")

    def _set(self) -> Shape:
        size = _WIDE_CLASS if self._take("^") else 1
        first = True
        while first or not self._peek("]"):
            if self.done:
                raise PatternError("`[` without `]`")
            size += self._member()
            first = False
        self._at += 1
        return Shape(1, 1, size)

    def _member(self) -> int:
        if self._take("[:"):
            end = self._pattern.find(":]", self._at)
            if end >= 0:
                name = self._pattern[self._at : end].removeprefix("^")
                if name not in _POSIX:
                    raise PatternError(f"`[:{name}:]` is no class")
                self._at = end + 2
                return 4
            self._at -= 1
            return 1
        size, low = self._bound()
        if low is None or not self._peek("-") or self._pattern.startswith("-]", self._at):
            return size
        self._at += 1
        high_size, high = self._bound()
        if high is None or high < low:
            raise PatternError("a range in `[...]` runs the wrong way")
        return max(size, high_size) if high < 128 else _WIDE_CLASS

    def _bound(self) -> tuple[int, int | None]:
        letter = self._next("`[` without `]`")
        if letter != "\\":
            return len(letter.encode("utf-8", "replace")), ord(letter)
        shape, code = self._class_escape(self._next("`[` without `]`"))
        return shape.size, code


def _letter(letter: str) -> Shape:
    return Shape(1, 1, len(letter.encode("utf-8", "replace")))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()
