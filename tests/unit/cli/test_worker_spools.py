"""Where workers keep their records."""

from __future__ import annotations

from pathlib import Path

from keeptrusts.cli.gateway_workers import leftover, spool_of


def test_one_gateway_may_become_several(tmp_path: Path) -> None:
    """The first worker goes on with the spool of a single one; those that run no more are found."""
    assert spool_of(tmp_path, 1) == tmp_path
    for worker in (2, 3, 11):
        spool_of(tmp_path, worker).mkdir()
    (tmp_path / "worker-x").mkdir()

    assert leftover(tmp_path, 2) == [3, 11]
    assert leftover(tmp_path, 11) == []
