"""Archives asked for and written within a test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keeptrusts.control.archive_places import drafts_of

if TYPE_CHECKING:
    from support.control import Person, Plane

DRAFT = {"type": "events", "format": "jsonl", "window": "24h"}


def send(person: Person, *records: dict[str, Any]) -> None:
    """Hand over these records of a gateway."""
    assert len(person.made("/v1/gateway/events", {"events": list(records)})["accepted"]) == len(records)


def download(person: Person, job: dict[str, Any]) -> bytes:
    """What the archive of this job holds."""
    answer = person.get(f"/v1/exports/jobs/{job['id']}/download")
    assert answer.status_code == 200, answer.text
    return answer.content


def left(still: Plane) -> list[str]:
    """The names of all files of archives."""
    folder = drafts_of(still.services.settings)
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []
