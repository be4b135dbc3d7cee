"""`/v1/exports`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

from keeptrusts.client.calls import Calls, Query
from keeptrusts.client.collection import at, each
from keeptrusts.client.exchange import LostError, Request
from keeptrusts.core.errors import ApiUnreachableError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keeptrusts.api.exports import ExportDraft, ExportJob
    from keeptrusts.api.page import Page

PATH = "/v1/exports/jobs"


@dataclass(frozen=True, slots=True)
class Download:
    """What arrived; `sha256` in hexadecimal, of exactly the bytes that were handed on."""

    size_bytes: int
    sha256: str


class Exports:
    """Archives of events and of the audit log."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def each(self, query: Query | None = None) -> Iterator[ExportJob]:
        """Every job, newest first."""
        return each(self._calls, PATH, query)

    def create(self, draft: ExportDraft, *, idempotency_key: str | None = None) -> ExportJob:
        return cast("ExportJob", self._calls.post(PATH, draft, idempotency_key=idempotency_key).value)

    def get(self, identifier: str) -> ExportJob:
        return cast("ExportJob", self._calls.get(at(PATH, identifier)).value)

    def manifest(self, identifier: str) -> dict[str, Any]:
        """What a finished archive holds: window, filters, size, digest, and the chains of events it covers."""
        return cast(dict[str, Any], self._calls.get(at(PATH, identifier, "manifest")).value)

    def preview(self, query: Query) -> Page[dict[str, Any]]:
        """The first rows of what an export would hold."""
        return cast("Page[dict[str, Any]]", self._calls.get("/v1/exports/preview", query).value)

    def download(self, identifier: str, write: Callable[[bytes], object]) -> Download:
        """
        Hand the archive to `write`, piece by piece; memory does not grow with it.

        Raises:
            ApiUnreachableError: The connection was lost half-way; what was written is not the archive.
        """
        from hashlib import sha256

        digest, size = sha256(), 0
        request = Request("GET", at(PATH, identifier, "download"), headers={"accept": "*/*"}, repeatable=True)
        with self._calls.opened(request) as answer:
            try:
                for chunk in answer.chunks():
                    digest.update(chunk)
                    size += len(chunk)
                    write(chunk)
            except LostError as lost:
                raise ApiUnreachableError(f"the download stopped after {size} bytes: {lost}") from None
        return Download(size, digest.hexdigest())
