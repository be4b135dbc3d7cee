"""The one error form: RFC 9457 `application/problem+json`. It never holds what the caller sent."""

from __future__ import annotations

from typing import NotRequired

from typing_extensions import TypedDict

MEDIA_TYPE = "application/problem+json"


class ProblemItem(TypedDict):
    """One thing wrong. Lint findings also carry their place and a suggestion."""

    path: str
    code: str
    message: str
    line: NotRequired[int]
    column: NotRequired[int]
    suggestion: NotRequired[str | None]


class Problem(TypedDict):
    """`code` is stable and snake_case; `detail` says what to do."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: NotRequired[list[ProblemItem]]
