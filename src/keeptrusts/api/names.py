"""Constrained words that several nouns use."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from annotated_types import MaxLen, MinLen

Name: TypeAlias = Annotated[str, MinLen(1), MaxLen(200)]
Description: TypeAlias = Annotated[str, MaxLen(2000)]
Labels: TypeAlias = dict[Annotated[str, MinLen(1), MaxLen(63)], Annotated[str, MaxLen(255)]]
ManagedBy: TypeAlias = Literal["terraform", "console", "cli", "api"]
FailMode: TypeAlias = Literal["block", "allow"]
Role: TypeAlias = Literal["admin", "editor", "viewer", "auditor", "gateway"]
