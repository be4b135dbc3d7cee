"""
Where compiled patterns lie between two starts: a folder that nobody else can write to.

Whoever can write there decides what the detectors find, so a folder or a file of somebody else, or one that others may
write to, is left alone, and everything is compiled as if there were none.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from keeptrusts.detect.databases import keep_databases

MOST: Final = 64
"""Of files; the oldest go."""
MOST_BYTES: Final = 64 * 1024 * 1024
_DIGEST: Final = 32


class CacheFolder:
    """Images with their digest in front."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def take(self, name: str) -> bytes | None:
        """The image of this name, if it is whole and ours."""
        with suppress(OSError), self._opened() as folder:
            found = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
            with os.fdopen(found, "rb") as file:
                told = os.fstat(found)
                if not _is_ours(told) or not stat.S_ISREG(told.st_mode) or told.st_size > MOST_BYTES:
                    return None
                whole = file.read()
            digest, image = whole[:_DIGEST], whole[_DIGEST:]
            return image if hashlib.sha256(image).digest() == digest else None
        return None

    def keep(self, name: str, image: bytes) -> None:
        """Put it there, whole or not at all; a disk that refuses only costs time at the next start."""
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._opened() as folder:
                draft = f".{name}.{secrets.token_hex(4)}"
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
                try:
                    with os.fdopen(os.open(draft, flags, 0o600, dir_fd=folder), "wb") as file:
                        file.write(hashlib.sha256(image).digest() + image)
                    os.replace(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
                except OSError:
                    with suppress(OSError):
                        os.unlink(draft, dir_fd=folder)
                    raise
                self._make_room(folder)

    @contextmanager
    def _opened(self) -> Iterator[int]:
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if not _is_ours(os.fstat(folder)):
                raise PermissionError
            yield folder
        finally:
            os.close(folder)

    def _make_room(self, folder: int) -> None:
        ages = [(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mtime_ns, name) for name in os.listdir(folder)]
        for _, name in sorted(ages)[:-MOST]:
            os.unlink(name, dir_fd=folder)


def _is_ours(told: os.stat_result) -> bool:
    return told.st_uid == os.geteuid() and not told.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def use_cache() -> None:
    """Below `KEEPTRUSTS_CACHE_DIR`, or the user's own cache folder; an empty `KEEPTRUSTS_CACHE_DIR` means none."""
    named = os.environ.get("KEEPTRUSTS_CACHE_DIR")
    if named == "":
        return
    base = Path(named) if named else _users_cache()
    if base is not None:
        keep_databases(CacheFolder(base / "patterns"))


def _users_cache() -> Path | None:
    base = os.environ.get("XDG_CACHE_HOME")
    if base:
        return Path(base) / "keeptrusts"
    try:
        return Path.home() / ".cache" / "keeptrusts"
    except RuntimeError:  # a user without a home
        return None
