"""The strings of a text that is a JSON document, with their places in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from keeptrusts.core.verdict import Edit, apply_edits

_STRING: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_NAME_ENDS: Final = re.compile(r"[ \t\r\n]*:")
_OPENING: Final = ("{", "[")


@dataclass(frozen=True, slots=True)
class JsonString:
    """A string value: where it stands in the text, quotes included, and what it says."""

    start: int
    end: int
    value: str

    def rewritten(self, edits: Sequence[Edit]) -> Iterator[Edit]:
        """Edits of its value as one edit of the text, which is JSON again."""
        if edits:
            new = json.dumps(apply_edits(self.value, edits), ensure_ascii=False)
            yield replace(edits[0], start=self.start, end=self.end, replacement=new)


def strings_of(text: str) -> list[JsonString] | None:
    """The string values, without the names of members; None when the text is no JSON object or list."""
    if not text.lstrip().startswith(_OPENING):
        return None
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return None
    return [
        JsonString(one.start(), one.end(), json.loads(one.group()))
        for one in _STRING.finditer(text)
        if not _NAME_ENDS.match(text, one.end())
    ]
