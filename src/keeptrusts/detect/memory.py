"""
What was found in a text, remembered for a while.

A conversation is sent whole with every turn, and a system prompt with every conversation. What is found in a text
depends on the text alone, so it need not be looked for again.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Concatenate, Final, ParamSpec, TypeVar

LONGEST: Final = 8192
"""Characters; longer texts are looked through each time, so that what is remembered stays below a few megabytes."""
MOST: Final = 512
Rest = ParamSpec("Rest")
Found = TypeVar("Found")


def remembered(find: Callable[Concatenate[str, Rest], Found]) -> Callable[Concatenate[str, Rest], Found]:
    """The same function, which answers from memory what it was asked lately. Its answers must be immutable."""
    kept = lru_cache(maxsize=MOST)(find)

    @wraps(find)
    def asked(text: str, /, *args: Rest.args, **kwargs: Rest.kwargs) -> Found:
        return (find if len(text) > LONGEST else kept)(text, *args, **kwargs)  # type: ignore[arg-type]

    return asked
