"""Exports on both engines: what is in an archive, how it comes about, who may have it, and when it goes."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import stat
import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import insert, select

from keeptrusts.control.archive_places import drafts_of
from keeptrusts.control.exporting import KEPT_FOR, Exporter
from keeptrusts.store.jobs import EXPORTS
from keeptrusts.store.tables import events, messages
from keeptrusts.store.work_tables import jobs
from support.control import Plane, assert_problem
from support.exports import DRAFT, download, left, send
from support.records import Instance
from support.webhooks import Clock


def test_lines_are_the_events_as_they_were_hashed(still: Plane, export: Callable[..., dict[str, Any]]) -> None:
    """Every event of the window in order of time, byte for byte; the digest and the size are those of the file."""
    one = Instance()
    records = [one.decision(content={"text": f"ünï {number}\u2028"}) for number in range(7)]
    send(still.admin, *records)
    job = export()
    assert (job["state"], job["rows_done"], job["rows_total"], job["error"]) == ("completed", 7, 7, None)
    answer = still.admin.get(f"/v1/exports/jobs/{job['id']}/download")
    found = [json.loads(line) for line in answer.content.splitlines() if line]
    assert [{name: value for name, value in one.items() if name != "received_at"} for one in found] == records
    assert (len(answer.content), hashlib.sha256(answer.content).hexdigest()) == (job["size_bytes"], job["sha256"])
    raw = base64.b64encode(hashlib.sha256(answer.content).digest()).decode()
    assert answer.headers["repr-digest"] == f"sha-256=:{raw}:"
    assert answer.headers["digest"] == f"sha-256={raw}"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == f'attachment; filename="events-{job["id"]}.jsonl"'
    assert len(list(answer.iter_bytes())) >= 1


def test_csv(still: Plane, export: Callable[..., dict[str, Any]]) -> None:
    """RFC 4180, one column a field, lists as JSON, and no cell that a spreadsheet would run."""
    one = Instance()
    nasty = '=HYPERLINK("http://x","a")\r\n,"'
    send(still.admin, one.decision("blocked", user_id=nasty, cost_usd=-0.5), one.gap(5, 9))
    job = export(format="csv")
    content = download(still.admin, job)
    assert content.count(b"\r\n") >= 3
    rows = list(csv.DictReader(io.StringIO(content.decode(), newline="")))
    by_type = {row["event_type"]: row for row in rows}
    assert by_type["decision"]["user_id"] == "'" + nasty
    assert by_type["decision"]["cost_usd"] == "-0.5"
    assert by_type["decision"]["streamed"] == "false"
    assert json.loads(by_type["decision"]["policies"])[0]["kind"] == "secret-scanner"
    assert (by_type["gap"]["from_sequence"], by_type["gap"]["reason"]) == ("5", "spool_full")
    assert by_type["gap"]["verdict"] == ""


def test_window_and_filters(still: Plane, export: Callable[..., dict[str, Any]]) -> None:
    """Only what lies between the two moments, and only what fits."""
    one, now = Instance(), time.time()
    old = one.decision("blocked", at=now - 7200)
    fresh, allowed = one.decision("blocked"), one.decision()
    send(still.admin, old, fresh, allowed)

    def ids(**changed: Any) -> set[str]:
        return {json.loads(line)["id"] for line in download(still.admin, export(**changed)).splitlines()}

    assert ids() == {old["id"], fresh["id"], allowed["id"]}
    assert ids(window="1h", filters={"verdict": "blocked"}) == {fresh["id"]}
    assert ids(filters={"policy": "secret-scanner", "q": old["id"][-12:]}) == {old["id"]}
    edge = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now - 3600))
    assert ids(window=None, **{"from": "2020-01-01T00:00:00Z", "to": edge}) == {old["id"]}
    assert ids(filters={"verdict": "redacted"}) == set()


def test_the_manifest_names_the_chains(still: Plane, export: Callable[..., dict[str, Any]]) -> None:
    """How far each instance's chain is in the archive, its last hash, and whether something is missing in between."""
    first, second = Instance("gwi_a"), Instance("gwi_b")
    whole = [first.decision() for _ in range(4)]
    second.lose(2)
    holed = [second.decision()]
    second.lose(1)
    holed.append(second.decision())
    send(still.admin, *whole, *holed)
    job = export()
    manifest = still.admin.get(f"/v1/exports/jobs/{job['id']}/manifest").json()
    assert (manifest["export"], manifest["organisation"], manifest["sha256"]) == (job["id"], still.org, job["sha256"])
    assert (manifest["rows"], manifest["window_from"]) == (6, job["window_from"])
    assert manifest["chains"] == [
        {"instance_id": "gwi_a", "records": 4, "first_sequence": 1, "last_sequence": 4,
         "last_hash": whole[-1]["hash"], "unbroken": True},
        {"instance_id": "gwi_b", "records": 2, "first_sequence": 3, "last_sequence": 5,
         "last_hash": holed[-1]["hash"], "unbroken": False},
    ]  # fmt: skip


def test_the_audit_log(still: Plane, export: Callable[..., dict[str, Any]]) -> None:
    """Its entries, filtered; the export itself is one of them."""
    still.admin.made("/v1/gateways", {"name": "edge"})
    job = export(type="audit-log", format="csv")
    rows = list(csv.DictReader(io.StringIO(download(still.admin, job).decode())))
    assert [row["action"] for row in rows][:1] == ["gateway.create"]
    found = export(type="audit-log", filters={"action": "export.create"})
    assert {json.loads(line)["action"] for line in download(still.admin, found).splitlines()} == {"export.create"}
    assert found["rows_done"] >= 1


def test_another_organisations_rows_are_not_in_it(still: Plane, export: Callable[..., dict[str, Any]]) -> None:
    """Nor is its export to be seen or fetched."""
    other = still.other_admin()
    send(other, Instance().decision())
    send(still.admin, Instance().decision())
    job = export()
    assert job["rows_done"] == 1
    for path in ("", "/download", "/manifest"):
        assert_problem(other.get(f"/v1/exports/jobs/{job['id']}{path}"), 404, "not_found")
    assert other.get("/v1/exports/jobs").json()["data"] == []


def test_an_export_shows_nobody_more_than_a_list(still: Plane, export: Callable[..., dict[str, Any]]) -> None:
    """An editor may not read the audit log, so neither make, preview nor fetch an archive of it."""
    editor = still.person("editor")
    body = {"type": "audit-log", "format": "csv", "window": "1h"}
    assert "`audit:read`" in assert_problem(editor.post("/v1/exports/jobs", body), 403, "forbidden")["detail"]
    assert_problem(editor.get("/v1/exports/preview?type=audit-log&window=1h"), 403, "forbidden")
    job = export(type="audit-log")
    for path in ("download", "manifest"):
        assert_problem(editor.get(f"/v1/exports/jobs/{job['id']}/{path}"), 403, "forbidden")
    narrow = still.person("admin", scopes=("exports:write", "exports:read"))
    assert_problem(narrow.post("/v1/exports/jobs", DRAFT), 403, "forbidden")


@pytest.mark.parametrize(
    ("changed", "code", "says"),
    [
        ({"format": "ocsf", "type": "escalations"}, "invalid_format", "have no form in OCSF"),
        ({"format": "cvs"}, "invalid_format", "did you mean `csv`?"),
        ({"type": "event"}, "invalid_type", "did you mean `events`?"),
        ({"window": "1w"}, "invalid_window", "`24h`"),
        ({"window": "0h"}, "invalid_window", "`24h`"),
        ({"window": "99999d"}, "invalid_window", "3660 days"),
        ({"window": None}, "invalid_window", "`from`"),
        ({"from": "2026-01-01T00:00:00Z"}, "invalid_window", "exclude each other"),
        ({"window": None, "from": "yesterday"}, "invalid_time", "`from`"),
        ({"window": None, "from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, "invalid_window", "before"),
        ({"filters": {"verdicts": "blocked"}}, "unknown_filter", "did you mean `verdict`?"),
        ({"filters": {"since": "x"}}, "unknown_filter", "the filters are"),
        ({"filters": {"verdict": "blokced"}}, "invalid_filter", "`blocked`"),
        ({"type": "escalations", "filters": {"outcome": "yes"}}, "invalid_filter", "`approved` or `denied`"),
    ],
)
def test_a_refusal_says_what_to_write(still: Plane, changed: dict[str, Any], code: str, says: str) -> None:
    """422, and nothing is queued."""
    problem = assert_problem(still.admin.post("/v1/exports/jobs", {**DRAFT, **changed}), 422, code)
    assert says in problem["detail"]
    assert still.admin.get("/v1/exports/jobs").json()["data"] == []


def test_what_is_not_there_yet_or_any_more(still: Plane, export: Callable[..., dict[str, Any]], clock: Clock) -> None:
    """Each state has its answer; an archive is removed after its time, and its job tells."""
    waiting = still.admin.made("/v1/exports/jobs", DRAFT)
    assert (waiting["state"], waiting["rows_total"], waiting["sha256"]) == ("queued", None, None)
    path = f"/v1/exports/jobs/{waiting['id']}/download"
    assert_problem(still.admin.get(path), 409, "export_not_ready")
    job = export()
    exporter = Exporter(still.services, clock=clock)
    exporter.remove_expired()
    assert len(left(still)) == 4
    clock.pass_time(seconds=KEPT_FOR.total_seconds() + 5)
    exporter.remove_expired()
    assert still.admin.get(f"/v1/exports/jobs/{job['id']}").json()["state"] == "expired"
    assert_problem(still.admin.get(f"/v1/exports/jobs/{job['id']}/download"), 410, "export_expired")
    assert left(still) == []


def test_an_archive_that_is_elsewhere(still: Plane, export: Callable[..., dict[str, Any]]) -> None:
    """Another replica wrote it to its own disk: the answer says so, and what to do."""
    job = export()
    for path in drafts_of(still.services.settings).iterdir():
        path.unlink()
    problem = assert_problem(still.admin.get(f"/v1/exports/jobs/{job['id']}/download"), 409, "archive_missing")
    assert "share" in problem["detail"]


def test_parts_of_an_archive(still: Plane, export: Callable[..., dict[str, Any]]) -> None:
    """As a download that goes on asks for them; what is no range is not looked at."""
    path = f"/v1/exports/jobs/{export(format='csv')['id']}/download"
    whole = still.admin.get(path).content
    for asked, status, given in (
        ("bytes=2-5", 206, whole[2:6]), ("bytes=3-3", 206, whole[3:4]), ("bytes=-4", 206, whole[-4:]),
        ("bytes=5-2", 200, whole), ("bytes=x", 200, whole), ("lines=1-2", 200, whole), ("bytes=", 200, whole),
        ("bytes=" + "9" * 50 + "-", 200, whole),
    ):  # fmt: skip
        answer = still.admin.get(path, Range=asked)
        assert (answer.status_code, answer.content) == (status, given), asked


def test_only_the_owner_reads_archives(still: Plane, export: Callable[..., dict[str, Any]]) -> None:
    """They hold what people wrote: no other user of the machine gets in."""
    export()
    folder = drafts_of(still.services.settings)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_a_disk_that_refuses(still: Plane, export: Callable[..., dict[str, Any]]) -> None:
    """The job fails with what to look at, nothing is left, and a webhook learns of it."""
    still.admin.made("/v1/webhooks", {"url": "https://example.com/", "event_types": ["export.*"]})
    folder = drafts_of(still.services.settings)
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("a file where the folder should be")
    job = export()
    assert (job["state"], "data directory" in job["error"]) == ("failed", True)
    folder.unlink()
    assert export()["state"] == "completed"
    with still.services.store.read() as tx:
        told = list(tx.connection.execute(select(messages.c.type).order_by(messages.c.id)).scalars())
        assert tx.connection.execute(select(jobs).where(jobs.c.queue == EXPORTS)).first() is None
    assert told == ["export.failed", "export.completed"]


def test_rows_that_are_committed_late(still: Plane, clock: Clock) -> None:
    """What is still open when an archive is begun is not in it, wherever it lands."""
    if still.services.store.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time: nothing is open beside it")
    one = Instance()
    send(still.admin, *[one.decision() for _ in range(6)])
    row = {
        "org": still.org, "event_type": "decision", "verdict": "allowed", "reason_code": "", "instance_id": "late",
        "sequence": 1, "acted": "|", "body": "{}",
    }  # fmt: skip
    made = still.admin.made("/v1/exports/jobs", DRAFT)
    exporter = Exporter(still.services, clock=clock, page_rows=3)
    (lease,) = exporter.crew.claim()
    with still.services.store.write() as tx:
        xid = tx.connection.exec_driver_sql("SELECT pg_current_xact_id()::text::bigint").scalar_one()
        late = one.decision()
        tx.connection.execute(insert(events).values({**row, "id": late["id"], "xid": xid, "received_at": tx.now}))
        work = exporter._begin(lease)
        assert exporter._step(lease, work)
    while exporter._step(lease, work):
        pass
    exporter._complete(lease, work)
    work.archive.close()
    job = still.admin.get(f"/v1/exports/jobs/{made['id']}").json()
    assert (job["rows_done"], job["rows_total"]) == (6, 6)


def test_preview(still: Plane) -> None:
    """The first rows, with the filters as parameters; nothing is queued."""
    one = Instance()
    records = [one.decision("blocked") for _ in range(4)] + [one.decision()]
    send(still.admin, *records)
    page = still.admin.get("/v1/exports/preview?type=events&window=1h&verdict=blocked&limit=3").json()
    assert [row["id"] for row in page["data"]] == [record["id"] for record in records[:3]]
    assert page["has_more"]
    assert not still.admin.get("/v1/exports/preview?window=1h&limit=100").json()["has_more"]
    assert_problem(still.admin.get("/v1/exports/preview?window=1h&verdikt=blocked"), 422, "unknown_filter")
    assert_problem(still.admin.get("/v1/exports/preview?window=1h&format=excel"), 422, "invalid_format")
    assert still.admin.get("/v1/exports/jobs").json()["data"] == []
