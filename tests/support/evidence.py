"""An export that can be tampered with, and two verifiers that have to agree about it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from keeptrusts.cli.main import main
from keeptrusts.control.exporting import Exporter
from support.control import Plane
from support.webhooks import Clock

VERIFIER = Path(__file__).parents[2] / "examples" / "verify" / "verify.py"


@dataclass
class Evidence:
    """An export, its manifest and the keys, as files that a test may tamper with."""

    folder: Path
    rows: list[dict[str, Any]]
    manifest: dict[str, Any]
    keys: dict[str, Any]
    rewrite: Callable[[str], str] = str
    """What becomes of the text of the archive."""

    @classmethod
    def of(cls, plane: Plane, folder: Path, **draft: Any) -> Evidence:
        made = plane.admin.made("/v1/exports/jobs", {"format": "jsonl", "window": "24h", **draft})
        asyncio.run(Exporter(plane.services, clock=Clock(), page_rows=3).crew.settle())
        path = f"/v1/exports/jobs/{made['id']}"
        lines = plane.admin.get(f"{path}/download").content.splitlines()
        manifest = plane.admin.get(f"{path}/manifest").json()
        return cls(folder, [json.loads(line) for line in lines], manifest, plane.admin.get("/v1/trail/keys").json())

    @property
    def archive(self) -> Path:
        """The file that `verified` writes."""
        return self.folder / "events.jsonl"

    def verified(self, *options: str) -> tuple[set[str], int]:
        """The names of what `kt events verify` finds, and its exit status; the independent verifier has to agree."""
        archive = self.archive
        lines = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in self.rows]
        archive.write_text(self.rewrite("".join(lines)), encoding="utf-8")
        manifest, keys = self.folder / "events.jsonl.manifest.json", self.folder / "keys.json"
        manifest.write_text(json.dumps(self.manifest))
        keys.write_text(json.dumps(self.keys))
        words = ["events", "verify", str(archive), "--keys", str(keys), "--format", "json", *options]
        done = CliRunner().invoke(main, words)
        witness = [options[options.index("--witness") + 1]] if "--witness" in options else []
        command = [sys.executable, str(VERIFIER), str(archive), str(manifest), str(keys), *witness]
        other = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (other.returncode == 0) == (done.exit_code == 0), (other.stdout, other.stderr, done.output)
        found = json.loads(done.stdout)
        return {one["name"] for one in found}, done.exit_code
