"""What may be asserted of an answer, and how it is found out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, cast

from keeptrusts.policy.asking import word
from keeptrusts.policy.checks import regex
from keeptrusts.policy.schema import Attr, Block, Fault

RUBRIC: Final = "llm-rubric"


@dataclass(frozen=True)
class Assertion(Block):
    type: Annotated[
        Literal[
            "contains",
            "contains-any",
            "contains-all",
            "equals",
            "starts-with",
            "ends-with",
            "regex",
            "is-json",
            "min-length",
            "max-length",
            "llm-rubric",
        ],
        Attr("What is asserted; lengths in characters.", stronger="unclear"),
    ]
    name: Annotated[
        str | None, Attr("What the reason code calls it; absent: its type.", minimum=1, maximum=60, stronger="neutral")
    ] = None
    value: Annotated[object, Attr("Text, a list of texts, or a number, as the type wants.", stronger="unclear")] = None
    rubric: Annotated[
        str | None, Attr("For `llm-rubric`: what a good answer is.", minimum=1, maximum=4_000, stronger="unclear")
    ] = None
    threshold: Annotated[
        float,
        Attr(
            "Score from which it holds; only a rubric scores between 0 and 1.", minimum=0, maximum=1, stronger="unclear"
        ),
    ] = 0.5
    weight: Annotated[float, Attr("Share in the aggregate.", minimum=0, maximum=1_000, stronger="unclear")] = 1.0
    mode: Annotated[
        Literal["enforce", "audit", "shadow"],
        Attr(
            "`enforce`: it must hold. `audit`: it counts in the aggregate and is recorded. `shadow`: only recorded.",
            stronger="unclear",
        ),
    ] = "enforce"
    severity: Annotated[
        Literal["critical", "warning", "info"] | None,
        Attr(
            "How the gateway's log tells that it does not hold: as an error, a warning or information; absent: not.",
            judged=False,
            stronger="neutral",
        ),
    ] = None
    negate: Annotated[bool, Attr("It must not hold.", stronger="unclear")] = False
    case_sensitive: Annotated[bool, Attr("Capitals differ from small letters.", stronger="unclear")] = False

    def faults(self) -> Iterable[Fault]:
        if self.type == RUBRIC:
            if self.rubric is None:
                yield Fault("E004", ("rubric",), "`rubric` is missing", "say what a good answer is")
            return
        if self.rubric is not None:
            yield Fault("E003", ("rubric",), "`rubric` goes with `type: llm-rubric`", "remove it, or change the type")
        wanted = _WANTED.get(self.type)
        if wanted is not None and not wanted[1](self.value):
            yield Fault("E003", ("value",), f"`value` must be {wanted[0]} for `{self.type}`", "")
        elif self.type == "regex":
            fault = regex(str(self.value))
            if fault:
                yield Fault(fault.code, ("value",), fault.message, fault.suggestion)

    @property
    def label(self) -> str:
        """Its part of a reason code."""
        return word(self.name or self.type)

    def holds(self, text: str) -> bool:
        """Whether it holds of an answer, without `negate`. Not asked of rubrics."""
        from keeptrusts.detect.fold import fold_text

        if self.type not in _OF_WORDS:
            return _CHECKS[self.type](text, self.value)
        return self._says(text, str) or (not text.isascii() and self._says(text, fold_text))

    def _says(self, text: str, read: Callable[[str], str]) -> bool:
        """The same of its words, read in this way."""
        said = read(text)
        if self.type == "regex":
            return self._matches(said)
        case = str if self.case_sensitive else str.casefold
        words = [case(read(one)) for one in self._words]
        wanted = words if isinstance(self.value, list | tuple) else words[0]
        return all(words) and _CHECKS[self.type](case(said), wanted)

    @property
    def _words(self) -> list[str]:
        return [str(one) for one in self.value] if isinstance(self.value, list | tuple) else [str(self.value)]

    def _matches(self, text: str) -> bool:
        from keeptrusts.detect.engine import compile_regex

        data = text.encode("utf-8", "replace")
        compiled = compile_regex(str(self.value), caseless=not self.case_sensitive)
        return compiled.search(data, 0, len(data)) is not None


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _is_texts(value: object) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(_is_text(one) for one in value)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_absent(value: object) -> bool:
    return value is None


_WANTED: Final[Mapping[str, tuple[str, Callable[[object], bool]]]] = {
    **dict.fromkeys(("contains", "equals", "starts-with", "ends-with", "regex"), ("text", _is_text)),
    **dict.fromkeys(("contains-any", "contains-all"), ("a list of texts", _is_texts)),
    **dict.fromkeys(("min-length", "max-length"), ("a whole number", _is_count)),
    "is-json": ("absent", _is_absent),
}


def _is_json(text: str, _: Any) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


_OF_WORDS: Final = frozenset(
    {"contains", "contains-any", "contains-all", "equals", "starts-with", "ends-with", "regex"}
)
"""They hold of an answer when they hold of it as it stands, or as it is read without disguise."""
_CHECKS: Final = cast(
    "Mapping[str, Callable[[str, Any], bool]]",
    {
        "contains": lambda text, value: value in text,
        "contains-any": lambda text, value: any(one in text for one in value),
        "contains-all": lambda text, value: all(one in text for one in value),
        "equals": lambda text, value: text.strip() == value.strip(),
        "starts-with": lambda text, value: text.lstrip().startswith(value),
        "ends-with": lambda text, value: text.rstrip().endswith(value),
        "is-json": _is_json,
        "min-length": lambda text, value: len(text) >= value,
        "max-length": lambda text, value: len(text) <= value,
    },
)
