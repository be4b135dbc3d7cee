"""The guide for operators, followed to the letter by a shell, on the machine of a server."""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path

import pytest

from support.documents import blocks_of, follow

PAGE = Path(__file__).parents[2] / "docs" / "guide" / "operations.md"

pytestmark = pytest.mark.acceptance


def test_the_operations_guide_works(tmp_path: Path) -> None:
    """Every command does what the text says: checked, started, watched, rotated, backed up and restored."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    blocks = blocks_of(PAGE)
    known = {name: value for name, value in os.environ.items() if not name.startswith("KEEPTRUSTS_")}
    environment = {
        **known,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "LISTEN": f"127.0.0.1:{port}",
        "KEEPTRUSTS_API_URL": f"http://127.0.0.1:{port}",
        "KEEPTRUSTS_DATA_DIR": str(tmp_path / "data"),
        "KEEPTRUSTS_SECRET_KEY": "0123456789abcdef0123456789abcdef",
        "BASH_ENV": str(_stopped_at_the_end(tmp_path)),
    }
    reading = follow(blocks, tmp_path, environment)

    assert reading.status == 0, reading.last()
    checked = {one["check"]: one["state"] for one in json.loads((tmp_path / "check.json").read_text())}
    assert set(checked.values()) == {"ok"}
    made = json.loads((tmp_path / "terraform.json").read_text())
    assert made["scopes"] == ["configurations:read", "configurations:write", "gateways:read", "gateways:write"]
    assert "keeptrusts_control_requests_total" in reading.output_of(blocks, "/metrics")
    assert "fails" not in reading.output_of(blocks, "uniq -c")
    tried = reading.output_of(blocks, "kt server restore")
    assert "the secret key opens signing key" in tried
    assert (tmp_path / "backup").is_dir()


def _stopped_at_the_end(folder: Path) -> Path:
    """Bash reads it first: whatever the page left running ends with its shell."""
    path = folder / "first.sh"
    path.write_text("trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT\n", encoding="utf-8")
    return path
