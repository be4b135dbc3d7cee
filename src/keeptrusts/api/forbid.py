"""The setting that makes pydantic refuse unknown keys of a TypedDict: `__pydantic_config__ = FORBID`."""

from __future__ import annotations

from typing import Any, Final

FORBID: Final[Any] = {"extra": "forbid"}
