"""The guide to the gateway, followed to the letter by a shell."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from support.documents import blocks_of, follow
from support.gateway_process import gateway_process

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.acceptance


def test_the_gateway_guide_works(tmp_path: Path) -> None:
    """Its document lints and runs, and each command shows what the text above it says."""
    blocks = blocks_of(ROOT / "docs" / "guide" / "gateway.md")
    (document,) = (block.text for block in blocks if block.file == "gateway.yaml")
    policy = tmp_path / "gateway.yaml"
    policy.write_text(document)
    with gateway_process("--policy-config", policy, "--spool-dir", tmp_path / "spool") as gateway:
        gateway.wait_until_ready()
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        reading = follow(blocks, tmp_path, {**os.environ, "PATH": path, "KEEPTRUSTS_GATEWAY_URL": gateway.url})

    assert reading.status == 0, reading.last()
    assert "OK" in reading.output_of(blocks, "kt policy lint")
    answered = json.loads(reading.output_of(blocks, "good morning"))
    assert (answered["model"], answered["choices"][0]["message"]["content"]) == ("small", "good morning")
    listed = json.loads(reading.output_of(blocks, "/v1/models"))["data"]
    assert [one["id"] for one in listed] == ["assistant", "helper", "large", "small"]
    standing = json.loads(reading.output_of(blocks, "/keeptrusts/providers/metrics"))["providers"]
    assert (standing["primary"]["failures"], standing["backup"]["failures"]) == (2, 0)
    assert reading.output_of(blocks, "nightly-report").split() == ["200", "200", "402"]
