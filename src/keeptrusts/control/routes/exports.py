"""`/v1/exports`: archives of what gateways recorded and of the audit log."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import FileResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from keeptrusts.api.exports import ExportDraft, ExportJob
from keeptrusts.api.page import Page
from keeptrusts.control import scopes
from keeptrusts.control.archive_places import place_of
from keeptrusts.control.archives import archive_name, manifest_name
from keeptrusts.control.auditing import record
from keeptrusts.control.auth import Actor, ExportReader, ExportWriter
from keeptrusts.control.export_fields import read_export, source_of
from keeptrusts.control.exporting import TOPIC
from keeptrusts.control.paging import Paging
from keeptrusts.control.problem import ProblemError, allow_words
from keeptrusts.control.services import AppServices, Services
from keeptrusts.control.unit_of_work import transactional
from keeptrusts.store.exports import Exports, StoredExport
from keeptrusts.store.transaction import Tx

router = APIRouter(prefix="/v1/exports", tags=["exports"])

MOST_PREVIEWED: Final = 100
LONGEST_FILTER: Final = 200
LONGEST_SPAN: Final = 40
"""Digits of a range of bytes."""
Word = Annotated[str | None, Query(max_length=40)]
_FILE: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
}
_NEEDED: Final = {
    "events": scopes.EVENTS_READ,
    "audit-log": scopes.AUDIT_READ,
    "escalations": scopes.ESCALATIONS_READ,
}
"""An export shows nothing that its maker, or whoever fetches it, could not read in a list."""
_OWN_PARAMETERS: Final = frozenset({"type", "format", "window", "from", "to", "limit", "content"})

allow_words(["filters", *_OWN_PARAMETERS])


@router.post("/jobs", status_code=202)
@transactional
def make_export(
    draft: ExportDraft, actor: ExportWriter, tx: Tx, response: Response, services: AppServices
) -> ExportJob:
    """Ask for an archive. It is `queued`, then `running`, and can be fetched when it is `completed`."""
    wanted = read_export(
        kind=draft.get("type"),
        written_as=draft["format"],
        window=draft.get("window"),
        start=draft.get("from"),
        end=draft.get("to"),
        filters=draft.get("filters", {}),
        content=draft.get("content"),
        now=tx.now,
    )
    _require(actor, wanted.type)
    made = Exports(tx.connection, actor.org).make(wanted, at=tx.now, due=tx.database_now())
    record(tx, actor, "export.create", made["id"], after={**made})
    tx.after_commit(lambda: services.hub.wake(TOPIC))
    response.headers["Location"] = f"/v1/exports/jobs/{made['id']}"
    return made


@router.get("/jobs")
@transactional
def list_exports(
    actor: ExportReader,
    tx: Tx,
    paging: Paging,
    *,
    state: Annotated[Literal["queued", "running", "completed", "failed", "expired"] | None, Query()] = None,
) -> Page[ExportJob]:
    """All exports, newest first."""
    return paging.page(Exports(tx.connection, actor.org).page(before=paging.before, limit=paging.take, state=state))


@router.get("/jobs/{export_id}")
@transactional
def read_export_job(export_id: str, actor: ExportReader, tx: Tx) -> ExportJob:
    """One export, and how far it is."""
    return Exports(tx.connection, actor.org).read(export_id).shown


@router.get("/jobs/{export_id}/download", response_class=FileResponse, responses=_FILE)
@transactional
def download_export(export_id: str, actor: ExportReader, tx: Tx, services: AppServices) -> Response:
    """The archive. `Repr-Digest` (RFC 9530) and the older `Digest` have its SHA-256; ranges can be asked for."""
    stored = _finished(tx, actor, export_id)
    shown = stored.shown
    raw = base64.b64encode(bytes.fromhex(str(stored.shown["sha256"]))).decode()
    saved_as = f"{shown['type']}-{export_id}.{shown['format']}"
    headers = {
        "Repr-Digest": f"sha-256=:{raw}:",
        "Digest": f"sha-256={raw}",
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="{saved_as}"',
    }
    return _file(services, archive_name(str(stored.archive), shown["format"]), "application/octet-stream", headers)


@router.get(
    "/jobs/{export_id}/manifest", response_class=FileResponse, responses={200: {"content": {"application/json": {}}}}
)
@transactional
def read_manifest(export_id: str, actor: ExportReader, tx: Tx, services: AppServices) -> Response:
    """What the archive holds: its window, filters, size, digest, and the chains of events it covers."""
    stored = _finished(tx, actor, export_id)
    return _file(services, manifest_name(str(stored.archive)), "application/json", {"Cache-Control": "no-store"})


def read_row_filters(request: Request) -> Mapping[str, str]:
    """
    The parameters that are not the preview's own.

    Raises:
        ProblemError: 422.
    """
    given = {name: value for name, value in request.query_params.items() if name not in _OWN_PARAMETERS}
    if any("\x00" in value or len(value) > LONGEST_FILTER for value in given.values()):
        detail = f"a filter has at most {LONGEST_FILTER} characters, none of them U+0000"
        raise ProblemError(422, "invalid_input", detail)
    return given


@router.get("/preview")
@transactional
def preview_export(
    actor: ExportReader,
    tx: Tx,
    filters: Annotated[Mapping[str, str], Depends(read_row_filters)],
    *,
    kind: Annotated[str | None, Query(alias="type", max_length=40)] = None,
    written_as: Annotated[str, Query(alias="format", max_length=40)] = "jsonl",
    window: Word = None,
    start: Annotated[str | None, Query(alias="from", max_length=40)] = None,
    end: Annotated[str | None, Query(alias="to", max_length=40)] = None,
    content: Word = None,
    limit: Annotated[int, Query(ge=1, le=MOST_PREVIEWED)] = 10,
    services: AppServices,
) -> Page[dict[str, Any]]:
    """The first rows of what an export would hold. Filters are parameters by their own names."""
    wanted = read_export(
        kind=kind,
        written_as=written_as,
        window=window,
        start=start,
        end=end,
        filters=filters,
        content=content,
        now=tx.now,
    )
    _require(actor, wanted.type)
    rows = source_of(tx, actor.org, wanted, services.sealer).page(tx, "", limit=limit + 1)
    shown = [msgspec.json.decode(row.json_text) for row in rows[:limit]]
    return {"data": shown, "next_cursor": None, "has_more": len(rows) > limit}


def _require(actor: Actor, kind: str) -> None:
    needed = _NEEDED[kind]
    if not actor.may(needed):
        raise ProblemError(403, "forbidden", f"an export of this type also needs the scope `{needed}`")


def _finished(tx: Tx, actor: Actor, export_id: str) -> StoredExport:
    stored = Exports(tx.connection, actor.org).read(export_id)
    _require(actor, stored.shown["type"])
    match stored.shown["state"]:
        case "completed":
            return stored
        case "expired":
            raise ProblemError(
                410, "export_expired", "the archive was kept for its time and is gone; make a new export"
            )
        case "failed":
            raise ProblemError(409, "export_failed", "the export failed; its `error` says why, then make a new one")
        case "queued" | "running":
            raise ProblemError(
                409, "export_not_ready", "the archive is not complete; ask again when `state` is `completed`"
            )


def _file(services: Services, name: str, media_type: str, headers: Mapping[str, str]) -> Response:
    place = place_of(services.settings)
    size = place.size(name)
    if size is None:
        detail = "the archive is not where this server keeps them; have all replicas share a place, or export again"
        raise ProblemError(409, "archive_missing", detail)
    path = place.local(name)
    if path is not None:
        return _Archive(path, media_type=media_type, headers=dict(headers))
    known = {**headers, "Content-Length": str(size)}
    return StreamingResponse(place.read(name), media_type=media_type, headers=known)


class _Archive(FileResponse):
    """Of a `Range` that is none, nothing is taken notice (RFC 9110, 14.2)."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(name, value) for name, value in scope["headers"] if name != b"range" or _is_range(value)]
        await super().__call__({**scope, "headers": headers}, receive, send)


def _is_range(value: bytes) -> bool:
    unit, _, ranges = value.partition(b"=")
    ends = [one.strip().partition(b"-") for one in ranges.split(b",")]
    return unit.strip().lower() == b"bytes" and all(_is_span(first, dash, last) for first, dash, last in ends)


def _is_span(first: bytes, dash: bytes, last: bytes) -> bool:
    digits = first + last
    if not (dash and digits.isdigit() and len(digits) < LONGEST_SPAN):
        return False
    return not (first and last) or int(first) <= int(last)
