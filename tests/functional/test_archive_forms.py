"""Archives in every form and place: JSON, Parquet, OCSF, of escalations, and in a bucket."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import tracemalloc
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import urllib3
from moto.server import ThreadedMotoServer

from keeptrusts.control.archive_forms import FORMS
from keeptrusts.control.archive_places import Bucket, drafts_of, place_of
from keeptrusts.control.exporting import LEASE_FOR, MOST_ATTEMPTS, Exporter
from keeptrusts.control.settings import Settings
from keeptrusts.core.errors import InputError
from keeptrusts.store.archive_rows import ArchiveRow
from support.control import Plane, assert_problem, plane
from support.escalations import opened, token_of
from support.records import Instance
from support.webhooks import Clock

CLOCK = Clock()


def exported(on: Plane, **draft: Any) -> tuple[dict[str, Any], bytes]:
    """The finished job and its archive."""
    made = on.admin.made("/v1/exports/jobs", {"window": "24h", "type": "events", **draft})
    asyncio.run(Exporter(on.services, clock=CLOCK, page_rows=2).crew.settle())
    job: dict[str, Any] = on.admin.get(f"/v1/exports/jobs/{made['id']}").json()
    assert job["state"] == "completed", job
    answer = on.admin.get(f"/v1/exports/jobs/{made['id']}/download")
    assert answer.status_code == 200, answer.text
    assert hashlib.sha256(answer.content).hexdigest() == job["sha256"]
    assert len(answer.content) == job["size_bytes"]
    return job, answer.content


def sent(on: Plane) -> list[dict[str, Any]]:
    """Five records of one instance: allowed, blocked, redacted, failed and a gap."""
    one = Instance()
    records = [one.decision(verdict, user_id="ada") for verdict in ("allowed", "blocked", "redacted", "failed")]
    records.append(one.gap(7, 9))
    receipt = on.admin.made("/v1/gateway/events", {"events": records})
    assert len(receipt["accepted"]) == 5
    return records


def test_json_is_one_array(still: Plane) -> None:
    """Of the same objects as JSON Lines; an empty one is an array, too."""
    assert json.loads(exported(still, format="json")[1]) == []
    records = sent(still)
    found = json.loads(exported(still, format="json")[1])
    assert [one["id"] for one in found] == [one["id"] for one in records]
    lines = [json.loads(line) for line in exported(still, format="jsonl")[1].splitlines()]
    assert found == lines


def test_parquet_has_types(still: Plane) -> None:
    """A row group a page; numbers and truth values are such, what is nested is JSON."""
    assert pq.read_table(io.BytesIO(exported(still, format="parquet")[1])).num_rows == 0
    records = sent(still)
    file = pq.ParquetFile(io.BytesIO(exported(still, format="parquet")[1]))
    assert (file.metadata.num_rows, file.metadata.num_row_groups) == (5, 3)
    rows = file.read().to_pylist()
    assert [row["id"] for row in rows] == [one["id"] for one in records]
    assert (rows[0]["sequence"], rows[0]["streamed"], rows[0]["user_id"]) == (1, False, "ada")
    assert json.loads(rows[1]["policies"])[0]["kind"] == "secret-scanner"
    assert (rows[4]["from_sequence"], rows[4]["verdict"]) == (7, None)


def test_ocsf(still: Plane) -> None:
    """What a policy acted in is a finding, the rest activity; the record's place in its chain stands with it."""
    records = sent(still)
    found = [json.loads(line) for line in exported(still, format="ocsf")[1].splitlines()]
    assert [one["class_uid"] for one in found] == [6003, 2004, 2004, 6003, 6003]
    assert [one["type_uid"] for one in found] == [600399, 200401, 200401, 600399, 600399]
    blocked = found[1]
    assert (blocked["action"], blocked["disposition"], blocked["severity"]) == ("Denied", "Blocked", "High")
    assert blocked["finding_info"]["types"] == ["secret-scanner"]
    assert (blocked["actor"]["user"]["uid"], blocked["metadata"]["uid"]) == ("ada", records[1]["id"])
    assert blocked["unmapped"]["hash"] == records[1]["hash"]
    assert isinstance(blocked["time"], int)
    entries = [json.loads(line) for line in exported(still, format="ocsf", type="audit-log")[1].splitlines()]
    assert {"export.create"} <= {one["api"]["operation"] for one in entries}
    assert entries[0]["activity_name"] == "Create"


def test_a_shadow_is_no_finding(still: Plane) -> None:
    """The types of a finding are the kinds that acted; a line in shadow stays among what is unmapped."""
    shadow = {"kind": "dlp-filter", "verdict": "blocked", "mode": "shadow"}
    lines = [{"kind": "secret-scanner", "verdict": "blocked", "mode": "enforce"}, shadow]
    still.admin.made("/v1/gateway/events", {"events": [Instance().decision("blocked", policies=lines)]})
    (found,) = [json.loads(line) for line in exported(still, format="ocsf")[1].splitlines()]
    assert found["finding_info"]["types"] == ["secret-scanner"]
    assert shadow in found["unmapped"]["policies"]


def test_escalations_can_be_archived(still: Plane) -> None:
    """Without what is held, with their filters, in every form but OCSF."""
    gateway = token_of(still)
    first, second = opened(still, gateway), opened(still, gateway, policy="topic-filter")
    for form in ("csv", "json", "jsonl", "parquet"):
        job, content = exported(still, format=form, type="escalations")
        assert job["rows_done"] == 2, form
        assert b"DE89" not in content
    lines = exported(still, format="jsonl", type="escalations", filters={"policy": "topic-filter"})[1].splitlines()
    assert [json.loads(line)["id"] for line in lines] == [second]
    assert first != second
    viewer = still.person("viewer", scopes=("exports:write",))
    assert_problem(viewer.post("/v1/exports/jobs", {"format": "csv", "window": "1h"}), 403, "forbidden")


def test_parquet_needs_the_extra(still: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pyarrow it is refused before it is queued, and the answer says what to install."""
    monkeypatch.setattr("keeptrusts.control.export_fields.find_spec", lambda _name: None)
    answer = still.admin.post("/v1/exports/jobs", {"format": "parquet", "window": "1h"})
    assert "keeptrusts[archive]" in assert_problem(answer, 422, "invalid_format")["detail"]


@pytest.mark.parametrize("ending", sorted(FORMS))
def test_memory_does_not_grow_with_rows(ending: str) -> None:
    """Twenty pages cost what two cost, but for what Parquet keeps of each row group."""
    record = Instance().decision("blocked", content={"text": "x" * 2000})
    rows = [ArchiveRow(record["id"], json.dumps(record))] * 200

    def peak(pages: int) -> int:
        form = FORMS[ending]("events")
        tracemalloc.start()
        try:
            form.begin()
            for _ in range(pages):
                form.add(rows, [record] * 200)
            form.end()
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(20) < peak(2) * 1.5 + 1_000_000


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """A bucket of a server that speaks S3."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    assert urllib3.request("PUT", f"http://{host}:{port}/archives").status == 200
    yield f"s3://archives/kt?region=us-east-1&scheme=http&endpoint_override={host}:{port}"
    server.stop()


def test_archives_in_a_bucket(settings: Settings, bucket: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Written, fetched, judged by its manifest, and removed in its time; the disk of the server keeps nothing."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with plane(replace(settings, archive_url=bucket), background=()) as still:
        records = sent(still)
        exported(still, format="jsonl")
        job, content = exported(still, format="parquet")
        assert list(drafts_of(still.services.settings).iterdir()) == []
        assert pq.read_table(io.BytesIO(content)).column("id").to_pylist() == [one["id"] for one in records]
        manifest = still.admin.get(f"/v1/exports/jobs/{job['id']}/manifest").json()
        assert (manifest["sha256"], manifest["chains"][0]["records"]) == (job["sha256"], 5)
        place = place_of(still.services.settings)
        assert isinstance(place, Bucket)
        assert len(place.unchanged_for(-60)) == 4
        later = Clock()
        later.pass_time(hours=48)
        Exporter(still.services, clock=later).remove_expired()
        assert place.unchanged_for(-60) == []
        assert_problem(still.admin.get(f"/v1/exports/jobs/{job['id']}/download"), 410, "export_expired")
        place.remove("never-there")


def test_a_bucket_that_is_away(settings: Settings, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tried again while it may come back; then the export fails, and says what of."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    clock, absent = Clock(), f"absent-{uuid.uuid4().hex}"
    with plane(replace(settings, archive_url=bucket.replace("archives", absent)), background=()) as still:
        sent(still)
        exporter = Exporter(still.services, clock=clock)

        def attempted(job: dict[str, Any]) -> dict[str, Any]:
            asyncio.run(exporter.crew.settle())
            clock.pass_time(seconds=LEASE_FOR.total_seconds() + 1)
            found: dict[str, Any] = still.admin.get(f"/v1/exports/jobs/{job['id']}").json()
            return found

        lost = still.admin.made("/v1/exports/jobs", {"format": "jsonl", "window": "24h"})
        assert [attempted(lost)["state"] for _ in range(MOST_ATTEMPTS)] == ["running"] * (MOST_ATTEMPTS - 1) + [
            "failed"
        ]
        assert "bucket" in attempted(lost)["error"]
        late = still.admin.made("/v1/exports/jobs", {"format": "jsonl", "window": "24h"})
        assert attempted(late)["state"] == "running"
        assert list(drafts_of(still.services.settings).iterdir()) == []
        server = bucket.rpartition("endpoint_override=")[2]
        assert urllib3.request("PUT", f"http://{server}/{absent}").status == 200
        assert attempted(late)["state"] == "completed"


@pytest.mark.parametrize("url", ["file:///tmp", "s3:", "http://x"])
def test_a_place_that_is_none(url: str) -> None:
    """The address is refused, not repeated."""
    with pytest.raises(InputError, match="s3://BUCKET/PREFIX"):
        Bucket(url)
