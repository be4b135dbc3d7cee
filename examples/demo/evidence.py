"""What can be proven afterwards: the webhook, the events, the export."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from demo.enforcement import ADDRESS
from demo.receiver import Letter, Receiver
from demo.report import Report
from demo.stage import Stage, until


def told(receiver: Receiver, secret: str, event_id: str, report: Report) -> None:
    report.step("The webhook that Terraform made is told of the block")

    def mine() -> Letter | None:
        return next((letter for letter in receiver.letters if event_id.encode() in letter.body), None)

    letter = until("the webhook is told of the block", mine, seconds=30)
    message = json.loads(letter.body)
    forged = Letter(letter.headers, letter.body.replace(b"event.blocked", b"event.allowed"))
    report.expect("an event.blocked arrived", message["type"] == "event.blocked", f"{message['type']} of {event_id}")
    signature = letter.headers.get("webhook-signature", "(none)")
    report.expect("its signature verifies", letter.verified_by(secret), signature)
    report.expect("a changed body does not verify", not forged.verified_by(secret), f"{len(forged.body)} bytes refused")


def linted(stage: Stage, report: Report) -> None:
    report.step("kt policy lint --file policy-config.yaml")
    done = stage.run("kt", "policy", "lint", "--file", "policy-config.yaml", folder=stage.quickstart)
    report.say(done.output + done.talk)
    report.expect("the document is valid", done.status == 0, f"exit {done.status}")


def recorded(stage: Stage, wanted: dict[str, str], report: Report) -> None:
    """`wanted`: event id -> verdict, as the gateway told its clients."""
    report.step("kt events tail --limit 10 --format json")

    def arrived() -> str | None:
        said = stage.run("kt", "events", "tail", "--limit", "10", "--format", "json").checked().output
        return said if all(event_id in said for event_id in wanted) else None

    output = until("every event has reached the control plane", arrived, seconds=30)
    by_id = {event["id"]: event for event in rows(json.loads(output))}
    for event in by_id.values():
        report.say(f"{event['timestamp']}  {event['verdict']:9} {event['status']}  {event['reason_code']}")
    told_and_kept = {event_id: by_id[event_id]["verdict"] for event_id in wanted}
    report.expect("each request has its event", told_and_kept == wanted, ", ".join(told_and_kept.values()))
    report.expect("no event holds the address", ADDRESS not in output, f"{len(output)} characters searched")


def rows(listed: Any) -> list[dict[str, Any]]:
    """The objects of a list answer, bare or as a page."""
    found: list[dict[str, Any]] = listed["data"] if isinstance(listed, dict) else listed
    return found


def exported(stage: Stage, wanted: dict[str, str], report: Report) -> None:
    report.step("kt export create --format csv --window 24h --wait")
    archive = stage.folder / "events.csv"
    done = stage.run("kt", "export", "create", "--format", "csv", "--window", "24h", "--wait", "--output", str(archive))
    report.say(done.output + done.talk)
    report.expect("the export ends well", done.status == 0, f"exit {done.status}")
    found = ids_in(archive) if archive.exists() else set()
    report.expect("every event is in the archive", set(wanted) <= found, f"{len(found)} rows")


def ids_in(archive: Path) -> set[str]:
    with archive.open(encoding="utf-8", newline="") as file:
        return {row["id"] for row in csv.DictReader(file)}
