"""What a gateway keeps sealed on its own disk, under a key that only its owner reads."""

from __future__ import annotations

import secrets
import threading
from pathlib import Path

from keeptrusts.gateway.segments import write_durably
from keeptrusts.store.sealing import Sealer


class LocalSealer:
    """
    Seals and opens with a key that is made on first use. Safe to use from any thread.

    Args:
        directory: Where the key lies; made on first use, too.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._sealer: Sealer | None = None
        self._making = threading.Lock()

    def seal(self, plain: bytes, context: str) -> bytes:
        return self._known().seal(plain, context)

    def open(self, sealed: bytes, context: str) -> bytes:
        """Raises `SealedError` when it was sealed with another key, or for another context."""
        return self._known().open(sealed, context)

    def _known(self) -> Sealer:
        with self._making:
            if self._sealer is None:
                self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
                path = self._directory / "key"
                if not path.exists():
                    write_durably(path, secrets.token_bytes(32))
                self._sealer = Sealer(path.read_bytes())
            return self._sealer
