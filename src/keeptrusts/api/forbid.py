"""What pydantic does with a TypedDict that says `__pydantic_config__ = FORBID`: it adds nothing and guesses nothing."""

from __future__ import annotations

from typing import Any, Final

FORBID: Final[Any] = {"extra": "forbid", "strict": True}
"""Unknown keys are refused, and so is `false` or `"60"` where a number is meant."""
