"""
The exporter: writes archives, a page of rows at a time, and removes them when their time is over.

A job is held under a lease that each page renews. Another attempt begins from the start, in a file of its own; what
counts is which file the transaction that completes the export names.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from fastapi.concurrency import run_in_threadpool

from keeptrusts.control.archive_places import Folder, Place, drafts_of, place_of
from keeptrusts.control.archives import Archive, remove_archive
from keeptrusts.control.crew import Clock, Crew, Queue
from keeptrusts.control.export_fields import source_of
from keeptrusts.control.middleware import describe
from keeptrusts.control.services import Services
from keeptrusts.core.errors import KeeptrustsError
from keeptrusts.core.ids import EXPORT
from keeptrusts.core.version import VERSION
from keeptrusts.store.archive_rows import EventSource, Source
from keeptrusts.store.columns import rfc3339
from keeptrusts.store.events import ids_of
from keeptrusts.store.exports import (
    Exports,
    NewExport,
    StoredExport,
    known_archives,
    note_expired,
    past_their_time,
)
from keeptrusts.store.jobs import EXPORTS, Jobs, Lease
from keeptrusts.store.signing_keys import public_keys
from keeptrusts.store.trail import Trail, seal_upto
from keeptrusts.store.transaction import Tx

log = logging.getLogger("keeptrusts.control")

TOPIC: Final = "exports"
LEASE_FOR: Final = timedelta(seconds=60)
WIDTH: Final = 2
PAGE_ROWS: Final = 1000
MOST_ATTEMPTS: Final = 5
KEPT_FOR: Final = timedelta(hours=24)
ORPHANED_AFTER_S: Final = 24 * 3600.0
SWEEP_S: Final = 60.0
DISK: Final = "the archive could not be written to the data directory; see that it has room and is writable"
BUCKET: Final = (
    "the archive could not be put into the bucket; see `--archive-url`, and that the data directory has room: it is "
    "written there first"
)
BUG: Final = "something went wrong here; the log of the control plane has it under this export's id"


class Exporter:
    """
    One worker; several may run, in one process or many that share the data directory.

    Args:
        clock: The database's time, unless a test brings another.
    """

    def __init__(self, services: Services, *, clock: Clock = Tx.database_now, page_rows: int = PAGE_ROWS) -> None:
        self._services = services
        self._store = services.store
        self._folder = drafts_of(services.settings)
        self._place = place_of(services.settings)
        self._drafts: Place = self._place if self._place.local("") else Folder(self._folder)
        self._clock = clock
        self._page_rows = page_rows
        queue = Queue(
            name=EXPORTS,
            topic=TOPIC,
            width=WIDTH,
            lease_for=LEASE_FOR,
            serve=self._serve,
            hand_back=self._hand_back,
        )
        self.crew = Crew(services.store, services.hub, clock, queue)

    async def run(self) -> None:
        """Serve until cancelled."""
        try:
            await self.crew.run()
        finally:
            await self.crew.close()

    async def sweep(self) -> None:
        """Remove what is past its time, once a minute."""
        while True:
            await run_in_threadpool(self.remove_expired)
            await run_in_threadpool(self.remove_orphans)
            await asyncio.sleep(SWEEP_S)

    def remove_expired(self) -> None:
        """Archives that were kept long enough."""
        with self._store.read() as tx:
            gone = past_their_time(tx.connection, self._clock(tx), limit=100)
        if not gone:
            return
        # the row first: what is not offered any more may go
        with self._store.write() as tx:
            note_expired(tx.connection, [one.shown["id"] for one in gone])
        for one in gone:
            remove_archive(self._place, str(one.archive))

    def remove_orphans(self) -> None:
        """What workers that died left behind."""
        for place in {self._place, self._drafts}:
            names = {one: one.removeprefix(".").partition(".")[0] for one in place.unchanged_for(ORPHANED_AFTER_S)}
            # a bucket may hold what is none of ours
            names = {one: name for one, name in names.items() if name.startswith(f"{EXPORT}_")}
            if not names:
                continue
            with self._store.read() as tx:
                known = known_archives(tx.connection, sorted(set(names.values())))
            for one, name in names.items():
                if name not in known:
                    place.remove(one)

    async def _serve(self, lease: Lease) -> None:
        if lease.attempts > MOST_ATTEMPTS:
            await run_in_threadpool(self._fail, lease, f"it was interrupted {MOST_ATTEMPTS} times; make a new export")
            return
        try:
            await self._write(lease)
        except KeeptrustsError:
            raise  # another worker has it, or the database is away: the lease runs out and it is tried again
        except Exception as bug:  # noqa: BLE001  a fault of the disk, or ours, is not tried again
            fields = {"export": lease.id, **describe(bug)}
            remote = isinstance(bug, OSError) and self._place is not self._drafts
            if remote and lease.attempts < MOST_ATTEMPTS:
                # a bucket may be away for a moment: the lease runs out, and another attempt is made
                log.warning("an archive could not be put into the bucket", extra={"fields": fields})
                return
            log.error("export failed", extra={"fields": fields})  # noqa: TRY400  the traceback quotes values
            error = (BUCKET if remote else DISK) if isinstance(bug, OSError) else BUG
            await run_in_threadpool(self._fail, lease, error)

    async def _write(self, lease: Lease) -> None:
        work = await run_in_threadpool(self._begin, lease)
        try:
            while await run_in_threadpool(self._step, lease, work):
                pass
            await run_in_threadpool(self._complete, lease, work)
        finally:
            await run_in_threadpool(work.archive.close)

    def _begin(self, lease: Lease) -> _Work:
        with self._store.read() as tx:
            stored = Exports(tx.connection, lease.org).read(lease.id)
        sealed, covers_until, source = self._sealed_source(lease, stored)
        with self._store.read() as tx:
            total = source.count(tx)
        with self._store.write() as tx:
            Jobs(tx.connection, EXPORTS).renew(lease, self._clock(tx), LEASE_FOR)
            Exports(tx.connection, lease.org).begin(lease.id, rows_total=total)
        name = f"{lease.id}-{lease.token.removeprefix('lease_')}"
        shown = stored.shown
        archive = Archive(self._folder, self._place, name, kind=shown["type"], ending=shown["format"])
        return _Work(stored, source, archive, sealed, covers_until)

    def _sealed_source(self, lease: Lease, stored: StoredExport) -> tuple[int, datetime, Source]:
        """The number of the last checkpoint (0: it holds no events), its time, and the rows, all of them sealed."""
        wanted = _wanted(stored)
        if wanted.type != "events":
            with self._store.read() as tx:
                return 0, stored.window_to, source_of(tx, lease.org, wanted, self._services.sealer)
        key = self._services.signer.key()
        with self._store.events.write() as tx:
            now = tx.now
            sealed, upto = seal_upto(tx.connection, lease.org, key, at=now)
            source = source_of(tx, lease.org, wanted, self._services.sealer)
        assert isinstance(source, EventSource)
        return sealed, min(now, stored.window_to), replace(source, upto=upto)

    def _step(self, lease: Lease, work: _Work) -> bool:
        with self._store.read() as tx:
            rows = work.source.page(tx, work.archive.last_id, limit=self._page_rows)
        work.archive.add(rows)
        with self._store.write() as tx:
            Jobs(tx.connection, EXPORTS).renew(lease, self._clock(tx), LEASE_FOR)
            Exports(tx.connection, lease.org).progress(lease.id, rows_done=work.archive.rows)
        return len(rows) == self._page_rows

    def _complete(self, lease: Lease, work: _Work) -> None:
        with self._store.read() as tx:
            about = _about(work.stored) | {"covers_until": rfc3339(work.covers_until), "keys": _keys(tx)}
            sealed = work.archive.seal(about, _checkpoints(tx, work))
        with self._store.write() as tx:
            now = self._clock(tx)
            Jobs(tx.connection, EXPORTS).finish(lease)
            shown = Exports(tx.connection, lease.org).complete(
                lease.id,
                archive=sealed.name,
                rows=sealed.rows,
                size_bytes=sealed.size_bytes,
                sha256=sealed.sha256,
                at=now,
                until=now + KEPT_FOR,
            )
            tx.publish(lease.org, "export.completed", {**shown})

    def _fail(self, lease: Lease, error: str) -> None:
        with self._store.write() as tx:
            Jobs(tx.connection, EXPORTS).finish(lease)
            shown = Exports(tx.connection, lease.org).fail(lease.id, error, at=self._clock(tx))
            tx.publish(lease.org, "export.failed", {**shown})

    def _hand_back(self, lease: Lease) -> None:
        with self._store.write() as tx:
            Jobs(tx.connection, EXPORTS).put_back(lease, due=self._clock(tx))


@dataclass(frozen=True, slots=True)
class _Work:
    """
    One attempt.

    Args:
        sealed: Number of the checkpoint that its last event is in; 0: it holds no events.
        covers_until: The end of its window, or the time of that checkpoint where the window ends later.
    """

    stored: StoredExport
    source: Source
    archive: Archive
    sealed: int
    covers_until: datetime


async def write_exports(services: Services) -> None:
    """The worker."""
    exporter = Exporter(services)
    async with asyncio.TaskGroup() as group:
        group.create_task(exporter.run())
        group.create_task(exporter.sweep())


def _checkpoints(tx: Tx, work: _Work) -> Iterator[Mapping[str, object]]:
    """Those that cover the window, with their entries where they have events of it."""
    if work.sealed == 0:
        return
    lowest, highest = ids_of(work.stored.window_from, work.stored.window_to)
    for signed, entries in Trail(tx.events, work.stored.org).covering(lowest, highest, upto=work.sealed):
        held = {} if entries is None else {"entries": base64.b64encode(entries).decode()}
        yield {**signed, **held}


def _keys(tx: Tx) -> dict[str, str]:
    """The public keys, for convenience: who verifies should have them from elsewhere."""
    return {one.key_id: base64.b64encode(one.public_key).decode() for one in public_keys(tx.connection)}


def _wanted(stored: StoredExport) -> NewExport:
    shown = stored.shown
    return NewExport(
        type=shown["type"],
        format=shown["format"],
        window_from=stored.window_from,
        window_to=stored.window_to,
        filters=shown["filters"],
        content=shown["content"],
    )


def _about(stored: StoredExport) -> dict[str, object]:
    names = ("type", "format", "window_from", "window_to", "filters", "content")
    shown: Mapping[str, object] = {**stored.shown}
    about = {name: shown[name] for name in names}
    return {"export": stored.shown["id"], "organisation": stored.org, "keeptrusts_version": VERSION, **about}
