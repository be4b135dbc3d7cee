"""
Parquet: a row group for each page, compressed with zstd, so that memory does not grow with the archive.

Numbers and truth values have types of their own, times are text as in the API, and what is nested is JSON text: any
reader of Parquet can query it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from keeptrusts.store.archive_rows import ArchiveRow

_WHOLE: Final = frozenset(
    {"sequence", "configuration_version", "status", "overhead_us", "input_tokens", "output_tokens",
     "from_sequence", "to_sequence", "count"}
)  # fmt: skip
_REAL: Final = frozenset({"latency_ms", "cost_usd"})
_TRUTH: Final = frozenset({"streamed", "degraded"})


class Parquet:
    """One file; see `archive_forms.Form`."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = columns
        self._schema = pa.schema([(name, _type(name)) for name in columns])
        self._sink = _Sink()
        self._writer = pq.ParquetWriter(pa.PythonFile(self._sink, mode="w"), self._schema, compression="zstd")

    def begin(self) -> bytes:
        return self._sink.taken()

    def add(self, rows: Sequence[ArchiveRow], read: Sequence[Mapping[str, Any]]) -> bytes:
        del rows
        if read:
            columns = [pa.array([_value(name, row.get(name)) for row in read], _type(name)) for name in self._columns]
            self._writer.write_table(pa.Table.from_arrays(columns, schema=self._schema))
        return self._sink.taken()

    def end(self) -> bytes:
        self._writer.close()
        return self._sink.taken()


class _Sink:
    """What the writer wrote and nobody has taken yet."""

    closed = False

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is kept back."""

    def close(self) -> None:
        """The file is closed by whoever has it."""

    def taken(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


def _type(name: str) -> Any:
    if name in _WHOLE:
        return pa.int64()
    if name in _REAL:
        return pa.float64()
    return pa.bool_() if name in _TRUTH else pa.string()


def _value(name: str, value: Any) -> Any:
    """What the column takes; a value of another kind, which a newer gateway may send, is left out, not guessed."""
    if value is None:
        return None
    if name in _TRUTH:
        return value if isinstance(value, bool) else None
    if name in _WHOLE:
        return value if isinstance(value, int) and abs(value) < 2**63 else None
    if name in _REAL:
        return float(value) if isinstance(value, int | float) else None
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
