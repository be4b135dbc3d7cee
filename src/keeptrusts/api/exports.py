"""`/v1/exports/jobs`: archives of events and of the audit log."""

from __future__ import annotations

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from keeptrusts.api.forbid import FORBID

ExportType = Literal["events", "audit-log"]
ExportFormat = Literal["csv", "jsonl"]
State = Literal["queued", "running", "completed", "failed", "expired"]


ExportDraft = TypedDict(
    "ExportDraft",
    {
        "type": NotRequired[ExportType],
        "format": ExportFormat,
        "window": NotRequired[str | None],
        "from": NotRequired[str | None],
        "to": NotRequired[str | None],
        "filters": NotRequired[dict[str, str]],
    },
)
"""POST. Either `window` (`1h`, `24h`, `30d`) or `from` and `to` (RFC 3339)."""
ExportDraft.__pydantic_config__ = FORBID  # type: ignore[attr-defined]


class ExportJob(TypedDict):
    """`rows_total` is null until it is known; `size_bytes` and `sha256` until it is complete."""

    id: str
    type: ExportType
    format: ExportFormat
    window_from: str
    window_to: str
    filters: dict[str, str]
    state: State
    rows_done: int
    rows_total: int | None
    size_bytes: int | None
    sha256: str | None
    error: str | None
    created_at: str
    completed_at: str | None
    expires_at: str | None
