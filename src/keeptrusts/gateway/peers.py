"""
The other workers at the same port: whichever of them is scraped shows the metrics of all.

Each has a socket in a directory that they share, named after its index, and says there what it counts.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

PATIENCE_SECONDS: Final = 1.0
_NAME = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]*")


class Peers:
    """
    Args:
        directory: Where the sockets are.
        worker: Index of this one.
        text: What this one counts, in the text format of Prometheus.
    """

    def __init__(self, directory: Path, worker: int, text: Callable[[], bytes]) -> None:
        self._directory = directory
        self._worker = worker
        self._path = directory / str(worker)
        self._text = text
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Say from now on what this one counts. That the socket is there means that this worker serves."""
        self._path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._tell, self._path)

    async def gather(self) -> bytes:
        """What all of them count, each sample with the index of its worker; those that do not answer are left out."""
        others = [path for path in sorted(self._directory.iterdir()) if path.name != str(self._worker)]
        told = await asyncio.gather(*(_ask(path) for path in others))
        texts = {path.name: text for path, text in zip(others, told, strict=True) if text}
        return labelled({str(self._worker): self._text(), **texts})

    def close(self) -> None:
        """Say no more; the last one leaves no directory, should whoever made it be gone."""
        if self._server is not None:
            self._server.close()
        self._path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self._directory.rmdir()

    async def _tell(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del reader
        writer.write(self._text())
        await _quietly(writer.drain())
        writer.close()


async def _ask(path: Path) -> bytes:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            reader, writer = await asyncio.open_unix_connection(path)
            try:
                return await reader.read()
            finally:
                writer.close()
    except (OSError, TimeoutError):  # it is starting again
        return b""


async def _quietly(work: Awaitable[None]) -> None:
    try:
        await work
    except OSError:
        return


def labelled(texts: Mapping[str, bytes]) -> bytes:
    """One text of several: their families together, and `worker` as a label of every sample."""
    heads: dict[str, list[str]] = {}
    samples: dict[str, list[str]] = {}
    for worker, text in texts.items():
        family = ""
        for line in text.decode().splitlines():
            if line.startswith("#"):
                family = line.split(" ", 3)[2]
                head = heads.setdefault(family, [])
                if line not in head:
                    head.append(line)
            elif line:
                samples.setdefault(family, []).append(_with_label(line, worker))
    lines = [line for family, head in heads.items() for line in (*head, *samples.get(family, ()))]
    return ("\n".join(lines) + "\n").encode()


def _with_label(sample: str, worker: str) -> str:
    found = _NAME.match(sample)
    name, rest = (found[0], sample[found.end() :]) if found else ("", sample)
    own = f'{{worker="{worker}"'
    return f"{name}{own},{rest[1:]}" if rest.startswith("{") else f"{name}{own}}}{rest}"
