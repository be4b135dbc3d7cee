"""What a gateway remembers of the control plane's trail."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from keeptrusts.gateway.witness import FILE, MOST_DAYS, Witness


def kept(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / FILE).read_bytes())["heads"]
    return found


def test_the_last_head_of_each_day_is_kept(tmp_path: Path) -> None:
    """Over restarts; the oldest days give way."""
    for day in range(1, 4):
        for number in range(3):
            head = {"number": day * 10 + number, "digest": f"sha256:{day}{number}"}
            Witness(tmp_path).note(head, f"2026-01-0{day}T0{number}:00:00Z")
    assert [one["number"] for one in kept(tmp_path)] == [12, 22, 32]
    many = Witness(tmp_path)
    for number in range(100, 100 + MOST_DAYS):
        many.note({"number": number, "digest": "d"}, f"{number:04}-01-01")
    assert len(kept(tmp_path)) == MOST_DAYS


def test_a_trail_that_goes_back_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A lower number, or another digest of the same: what was known stays."""
    witness = Witness(tmp_path)
    witness.note({"number": 5, "digest": "a"}, "2026-01-01")
    for head in ({"number": 5, "digest": "b"}, {"number": 4, "digest": "c"}):
        witness.note(head, "2026-01-02")
    assert [(one["number"], one["digest"]) for one in kept(tmp_path)] == [(5, "a")]
    assert [record.message for record in caplog.records] == ["the control plane shows another trail than before"] * 2


@pytest.mark.parametrize("head", [None, {}, {"number": 0, "digest": ""}, {"number": "5"}, []])
def test_no_head_is_no_news(tmp_path: Path, head: object) -> None:
    """An older control plane, or one that has sealed nothing."""
    Witness(tmp_path).note(head, "2026-01-01")
    assert not (tmp_path / FILE).exists()


def test_a_broken_file_begins_anew(tmp_path: Path) -> None:
    """It is said, and does not stop the gateway."""
    (tmp_path / FILE).write_text("{")
    Witness(tmp_path).note({"number": 1, "digest": "a"}, "2026-01-01")
    assert kept(tmp_path)[0]["number"] == 1
