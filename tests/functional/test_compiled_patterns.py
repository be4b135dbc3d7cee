"""Compiled patterns between two starts: kept, taken, and left alone where somebody else could have put them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from keeptrusts.cli import databases as cache_module
from keeptrusts.cli.databases import CacheFolder, use_cache
from keeptrusts.detect import databases
from keeptrusts.detect.databases import compiled, keep_databases

PATTERNS = [b"needle", b"pin[0-9]+"]
TEXT = b"a NEEDLE, a needle and pin77"


@pytest.fixture(autouse=True)
def _no_place_afterwards() -> Iterator[None]:
    before = databases._kept.place
    yield
    keep_databases(before)


@pytest.fixture
def compiles(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One item for each time that patterns are compiled."""
    seen: list[int] = []
    real = databases._compile

    def counted(expressions: list[bytes], flags: list[int]) -> object:
        seen.append(len(expressions))
        return real(expressions, flags)

    databases._engine()
    monkeypatch.setattr(databases, "_compile", counted)
    return seen


def found(flags: tuple[int, int] = (0, 0)) -> set[tuple[int, int]]:
    matches: set[tuple[int, int]] = set()
    compiled(PATTERNS, flags).scan(TEXT, match_event_handler=lambda number, _, end, *__: matches.add((number, end)))
    return matches


def test_a_second_start_compiles_nothing(tmp_path: Path, compiles: list[int]) -> None:
    """And finds the same; other flags are another database."""
    keep_databases(CacheFolder(tmp_path / "patterns"))
    first = found()
    assert compiles == [2]
    assert found() == first == {(0, 18), (1, 27), (1, 28)}
    assert compiles == [2]
    assert (0, 8) in found((1, 0))
    assert compiles == [2, 2]
    (one, _) = sorted((tmp_path / "patterns").iterdir())
    assert (one.stat().st_mode & 0o777, one.parent.stat().st_mode & 0o777) == (0o600, 0o700)


@pytest.mark.parametrize(
    "broken", ["cut", "changed", "empty", "no image", "a link", "open to all", "folder open to all"]
)
def test_what_is_not_sound_or_not_ours_is_compiled_anew(tmp_path: Path, compiles: list[int], broken: str) -> None:
    """Never an error, and never another's patterns."""
    folder = tmp_path / "patterns"
    keep_databases(CacheFolder(folder))
    first = found()
    (kept,) = folder.iterdir()
    whole = kept.read_bytes()
    match broken:
        case "cut":
            kept.write_bytes(whole[:-9])
        case "changed":
            kept.write_bytes(whole[:100] + b"x" + whole[101:])
        case "empty":
            kept.write_bytes(b"")
        case "no image":
            CacheFolder(folder).keep(kept.name, b"not of this engine")
        case "a link":
            elsewhere = tmp_path / "elsewhere"
            kept.rename(elsewhere)
            kept.symlink_to(elsewhere)
        case "open to all":
            kept.chmod(0o666)
        case _:
            folder.chmod(0o777)
    assert found() == first
    assert compiles == [2, 2]


def test_a_place_that_cannot_be_used_costs_only_time(tmp_path: Path, compiles: list[int]) -> None:
    """A file where the folder should be."""
    (tmp_path / "patterns").write_text("")
    keep_databases(CacheFolder(tmp_path / "patterns"))
    assert found() == found()
    assert compiles == [2, 2]
    assert CacheFolder(tmp_path / "patterns").take("x") is None


def test_the_oldest_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that documents that come and go do not fill a disk."""
    monkeypatch.setattr(cache_module, "MOST", 3)
    place = CacheFolder(tmp_path / "patterns")
    for number in range(5):
        place.keep(str(number), b"x")
        os.utime(tmp_path / "patterns" / str(number), (number, number))
    assert sorted(path.name for path in (tmp_path / "patterns").iterdir()) == ["2", "3", "4"]


@pytest.mark.parametrize(
    ("variables", "where"),
    [({"KEEPTRUSTS_CACHE_DIR": "own"}, "own/patterns"), ({"XDG_CACHE_HOME": "xdg"}, "xdg/keeptrusts/patterns")],
)
def test_the_folder_is_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], where: str
) -> None:
    """Its own variable first, then what the desktop's rules say."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KEEPTRUSTS_CACHE_DIR", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    use_cache()
    found()
    assert len(list((tmp_path / where).iterdir())) == 1
    keep_databases(None)
    monkeypatch.setenv("KEEPTRUSTS_CACHE_DIR", "")
    use_cache()
    assert databases._kept.place is None
