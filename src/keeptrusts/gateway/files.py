"""Standalone mode: the policy from one or more files, watched."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from keeptrusts.core.errors import InputError
from keeptrusts.flow.arrival import Snapshot
from keeptrusts.gateway.active import Holder
from keeptrusts.gateway.preparing import prepare
from keeptrusts.policy.compiled import CompiledPolicy
from keeptrusts.policy.layers import merge, read_layer, written
from keeptrusts.policy.source import SourceError, decode_document

POLL_SECONDS: Final = 1.0


class PolicyFiles:
    """
    The files of `--policy-config`, in their order; keys of later ones replace those of earlier ones, lists whole.

    Args:
        snapshot: Makes the snapshot of a compiled policy.
    """

    def __init__(
        self, paths: Sequence[Path], holder: Holder, snapshot: Callable[[CompiledPolicy], Snapshot], *, fail_open: bool
    ) -> None:
        self._paths = tuple(paths)
        self._holder = holder
        self._snapshot = snapshot
        self._fail_open = fail_open
        self._seen = ""
        self._looks = ""
        self._lock = asyncio.Lock()
        self.source = ", ".join(str(path) for path in self._paths)

    async def load(self) -> bool:
        """
        Read the files and activate what they say, when that changed; returns whether it did.

        Raises:
            InputError: They cannot be read or do not lint; what was active stays so.
        """
        async with self._lock:
            return await self._load()

    async def reload(self) -> bool:
        """As `load`; a failure is also kept as the last error. A reload that was refused is tried again when asked."""
        # Within the lock, so that whoever waited for a failing reload hears of the failure, too.
        async with self._lock:
            if self._holder.last_error is not None:
                self._seen = ""
            try:
                return await self._load()
            except InputError as unfit:
                self._holder.refuse(str(unfit), self.source)
                raise

    async def _load(self) -> bool:
        self._looks = looks_of(self._paths)
        text = await asyncio.to_thread(read_layers, self._paths)
        digest = hashlib.sha256(text.encode()).hexdigest()
        if digest == self._seen:
            return False
        self._seen = digest
        is_first = self._holder.active is None
        compiled = await asyncio.to_thread(prepare, text, fail_open=self._fail_open, is_first=is_first)
        self._holder.activate(self._snapshot(compiled), self.source)
        return True

    async def watch(self) -> None:
        """Reload when a file changes; never returns."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            if looks_of(self._paths) != self._looks:
                try:
                    await self.reload()
                except InputError:
                    continue  # `reload` has said why


def looks_of(paths: Sequence[Path]) -> str:
    """Changes when a file was written, replaced or removed."""
    seen = []
    for path in paths:
        try:
            found = path.stat()
            seen.append(f"{found.st_ino}:{found.st_mtime_ns}:{found.st_size}")
        except OSError:
            seen.append("missing")
    return " ".join(seen)


def read_layers(paths: Sequence[Path]) -> str:
    """
    The document that these files make together. A single file is taken as it is, so that lint names its lines.

    Raises:
        InputError: A file cannot be read, or is no mapping.
    """
    texts = [read_text(path) for path in paths]
    if len(texts) == 1:
        return texts[0]
    merged: dict[str, Any] = {}
    for path, text in zip(paths, texts, strict=True):
        merged = merge(merged, read_layer(text, str(path)))
    return written(merged)


def read_text(path: Path) -> str:
    """The text of a policy file. Raises `InputError`."""
    try:
        return decode_document(path.read_bytes())
    except SourceError as broken:
        raise InputError(f"`{path}:{broken.finding.line}`: {broken}") from None
    except OSError as failed:
        raise InputError(f"`{path}` cannot be read: {failed.strerror}") from None
