"""The figures as sections of a page: each is written anew when it was measured, and stays when it was not."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import psycopg

Row: TypeAlias = tuple[str, Sequence[float]]


@dataclass(frozen=True, slots=True)
class Machine:
    """What was measured on: how many events there were before, and the size of the database in GB."""

    version: str
    buffers: str
    rows: int
    gigabytes: float

    @classmethod
    def of(cls, database: str) -> Machine:
        """What a filled database says."""
        asked = (
            "SELECT current_setting('server_version'), current_setting('shared_buffers'), "
            "(SELECT count(*) FROM events), pg_database_size(current_database()) / 1e9"
        )
        with psycopg.connect(database) as connection:
            found = connection.execute(asked).fetchone()
        assert found is not None
        return cls(str(found[0]).split()[0], str(found[1]), int(found[2]), float(found[3]))

    def said(self) -> str:
        """In a sentence or two."""
        return (
            f"PostgreSQL {self.version} (`shared_buffers = {self.buffers}`) with {self.rows:,} events of 30 days in"
            f" daily partitions, {self.gigabytes:.0f} GB in all; Python {platform.python_version()},"
            f" {os.cpu_count()} cores for server, database and client together."
        )


class Page:
    """A file with sections between marks; None: what would be written is only printed."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def put(self, section: str, lines: Iterable[str]) -> None:
        """Write one section."""
        begin, end = f"<!-- {section}: made by `make bench-control` -->\n", f"<!-- {section}: end -->\n"
        text = "".join(f"{line}\n" for line in lines)
        print(f"\n{text}", flush=True)
        if self._path is None:
            return
        before, _, rest = self._path.read_text().partition(begin)
        _, found, behind = rest.partition(end)
        if not found:
            raise ValueError(f"`{self._path}` has no section `{section}`: add its two marks")
        self._path.write_text(before + begin + text + end + behind)


def load() -> str:
    """How busy the machine is, as a sentence."""
    return f"The load was {os.getloadavg()[0]:.0f} in the end."


def table(names: Sequence[str], rows: Iterable[Row]) -> Iterator[str]:
    """A table of figures; the first column names what they are of."""
    yield f"| {' | '.join(names)} |"
    yield f"|{'---|' * len(names)}"
    for name, values in rows:
        yield f"| {name} | {' | '.join(map(_figure, values))} |"


def judged(found: Mapping[str, float], target: float) -> str:
    """Which of these are above the target."""
    missed = [f"{name.partition(': ')[2]} ({value:.0f})" for name, value in found.items() if value > target]
    met = f"{len(found) - len(missed)} of {len(found)} meet {target:g} ms"
    return f"{met}." if not missed else f"{met}; not: {', '.join(missed)}."


def _figure(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 20 else f"{value:.2g}"
