"""
Where archives lie: a folder of the data directory, or an S3-compatible bucket that all replicas share.

An archive is written to the local disk first, and appears in its place whole.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Protocol

from keeptrusts.control.settings import Settings
from keeptrusts.core.errors import InputError

PIECE: Final = 1024 * 1024


class Place(Protocol):
    """Files by name. Whatever fails is an `OSError`."""

    def keep(self, draft: Path, name: str) -> None:
        """Put a whole file there, durably; the draft is gone."""
        ...

    def local(self, name: str) -> Path | None:
        """Its path when it is a file of this machine."""
        ...

    def size(self, name: str) -> int | None:
        """In bytes; None: it is not there."""
        ...

    def read(self, name: str) -> Iterator[bytes]:
        """The file in pieces."""
        ...

    def remove(self, name: str) -> None:
        """What is not there is no fault."""
        ...

    def unchanged_for(self, seconds: float) -> list[str]:
        """Names of what was put there longer ago."""
        ...


def drafts_of(settings: Settings) -> Path:
    """Where archives are written."""
    return settings.data_dir / "exports"


@lru_cache(maxsize=16)
def place_of(settings: Settings) -> Place:
    """
    As the settings say.

    Raises:
        InputError: The address is none, or the extra is not installed.
    """
    folder = Folder(drafts_of(settings))
    return folder if settings.archive_url is None else Bucket(settings.archive_url)


class Folder:
    """The local disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, draft: Path, name: str) -> None:
        draft.replace(self._folder / name)
        handle = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def local(self, name: str) -> Path | None:
        return self._folder / name

    def size(self, name: str) -> int | None:
        path = self._folder / name
        return path.stat().st_size if path.is_file() else None

    def read(self, name: str) -> Iterator[bytes]:
        with (self._folder / name).open("rb") as file:
            while piece := file.read(PIECE):
                yield piece

    def remove(self, name: str) -> None:
        (self._folder / name).unlink(missing_ok=True)

    def unchanged_for(self, seconds: float) -> list[str]:
        limit = time.time() - seconds
        return [path.name for path in self._folder.glob("*") if path.stat().st_mtime < limit]


class Bucket:
    """
    A bucket, or a folder in one. Credentials come from the environment, as of any program that speaks S3.

    Args:
        url: `s3://BUCKET/PREFIX?region=...&endpoint_override=HOST:PORT&scheme=https`.
    """

    def __init__(self, url: str) -> None:
        if not url.startswith("s3://"):
            raise InputError("the archive URL cannot be read; write `s3://BUCKET/PREFIX`")
        try:
            from pyarrow import fs
        except ImportError:
            raise InputError("archives in a bucket need the extra: `pip install 'keeptrusts[archive]'`") from None
        try:
            self._files, self._root = fs.FileSystem.from_uri(url)
        except (ValueError, OSError):
            raise InputError("the archive URL cannot be read; write `s3://BUCKET/PREFIX`") from None
        self._fs: Any = fs

    def keep(self, draft: Path, name: str) -> None:
        # the stream uploads in parts; nothing is there under the name before it is closed
        with draft.open("rb") as source, self._files.open_output_stream(self._at(name)) as target:
            while piece := source.read(8 * PIECE):
                target.write(piece)
        draft.unlink()

    def local(self, name: str) -> Path | None:
        del name
        return None

    def size(self, name: str) -> int | None:
        found = self._files.get_file_info(self._at(name))
        return int(found.size) if found.type == self._fs.FileType.File else None

    def read(self, name: str) -> Iterator[bytes]:
        with self._files.open_input_stream(self._at(name)) as source:
            while piece := source.read(PIECE):
                yield piece

    def remove(self, name: str) -> None:
        if self.size(name) is not None:
            self._files.delete_file(self._at(name))

    def unchanged_for(self, seconds: float) -> list[str]:
        limit = time.time() - seconds
        selector = self._fs.FileSelector(self._root, allow_not_found=True)
        found = self._files.get_file_info(selector)
        return [one.base_name for one in found if one.mtime is not None and one.mtime.timestamp() < limit]

    def _at(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"
