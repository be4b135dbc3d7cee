"""`/v1/exports/jobs`: archives of events, of the audit log and of escalations."""

from __future__ import annotations

from typing import Annotated, Final, Literal, NotRequired

from annotated_types import MaxLen
from typing_extensions import TypedDict

from keeptrusts.api.forbid import FORBID

ExportType = Literal["events", "audit-log", "escalations"]
ExportFormat = Literal["csv", "json", "jsonl", "ocsf", "parquet"]
State = Literal["queued", "running", "completed", "failed", "expired"]
Word = Annotated[str, MaxLen(40)]

EXPORT_CONTENTS: Final = ("sealed", "clear")
EXPORT_TYPES: Final = ("events", "audit-log", "escalations")
EXPORT_FORMATS: Final = ("csv", "json", "jsonl", "ocsf", "parquet")
"""`ocsf`: JSON Lines; not for escalations. `parquet` needs the extra `archive` of the control plane."""

ExportDraft = TypedDict(
    "ExportDraft",
    {
        "type": NotRequired[Word],
        "format": Word,
        "window": NotRequired[Word | None],
        "from": NotRequired[Word | None],
        "to": NotRequired[Word | None],
        "filters": NotRequired[dict[str, Annotated[str, MaxLen(200)]]],
        "content": NotRequired[Word | None],
    },
)
"""
POST. Either `window` (`1h`, `24h`, `30d`) or `from` and `to` (RFC 3339).

`type` and `format` are words of `EXPORT_TYPES` and `EXPORT_FORMATS`; `type` absent: events. `content` is of events:
`sealed` (as when it is absent) leaves texts encrypted, so that they can still be erased; `clear` does not.
"""
ExportDraft.__pydantic_config__ = FORBID  # type: ignore[attr-defined]


class ExportJob(TypedDict):
    """`rows_total` is null until it is known; `size_bytes` and `sha256` until it is complete."""

    id: str
    type: ExportType
    format: ExportFormat
    window_from: str
    window_to: str
    filters: dict[str, str]
    content: Literal["sealed", "clear"] | None
    state: State
    rows_done: int
    rows_total: int | None
    size_bytes: int | None
    sha256: str | None
    error: str | None
    created_at: str
    completed_at: str | None
    expires_at: str | None
