"""Constrained words that several nouns use."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from annotated_types import Ge, Le, MaxLen, MinLen

Name: TypeAlias = Annotated[str, MinLen(1), MaxLen(200)]
Description: TypeAlias = Annotated[str, MaxLen(2000)]
Labels: TypeAlias = dict[Annotated[str, MinLen(1), MaxLen(63)], Annotated[str, MaxLen(255)]]
ManagedBy: TypeAlias = Literal["terraform", "console", "cli", "api"]
FailMode: TypeAlias = Literal["block", "allow"]
Role: TypeAlias = Literal["admin", "editor", "viewer", "auditor", "gateway"]
Number: TypeAlias = Annotated[int, Ge(1), Le(2**31 - 1)]
"""Of a version: no database keeps a larger one."""
Lifetime: TypeAlias = Annotated[int, Ge(60), Le(100 * 366 * 86_400)]
"""In seconds; a hundred years at most, so that the end is a date."""
