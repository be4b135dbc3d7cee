"""
Which documents had no finding, remembered beside Terraform's own working files for the next process.

One plan lints a document in two processes, and most plans lint what the last one did: a fifth of what a plan of one
resource costs. Only digests are kept, under the digest of the provider's sources. The control plane lints again
whatever it is given, so a wrong memory hides a finding until the apply and nothing more (ADR-0234).
"""

from __future__ import annotations

import os

from keeptrusts.terraform.plugin.certificate import sha256  # type: ignore[attr-defined] # of whichever module has it

FILE = "keeptrusts-sound-texts"
"""In `.terraform`: digest after digest."""
SOURCES_FILE = "sources.sha256"
"""Beside this module in a packaged provider: by which rules a text was sound."""
SIZE = 32
MOST_BYTES = 2048 * SIZE


class SoundTexts:
    """
    Args:
        rules: Digest of the linter; None: it may change at any time, and nothing is remembered.
        folder: Where Terraform has its working files. Where it has none, nothing is remembered either.
    """

    def __init__(self, rules: bytes | None, folder: str) -> None:
        self._rules = rules
        self._path = f"{folder}/{FILE}"
        self._known: set[bytes] | None = None

    def __contains__(self, text: str) -> bool:
        if self._rules is None:
            return False
        if self._known is None:
            self._known = self._read()
        return self._digest(text) in self._known

    def add(self, text: str) -> None:
        """Whoever cannot write remembers less."""
        if self._rules is None or text in self:
            return
        assert self._known is not None
        digest = self._digest(text)
        self._known.add(digest)
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError:
            return
        try:
            if os.fstat(descriptor).st_size >= MOST_BYTES:
                os.ftruncate(descriptor, 0)
            os.write(descriptor, digest)
        except OSError:
            return
        finally:
            os.close(descriptor)

    def _read(self) -> set[bytes]:
        try:
            descriptor = os.open(self._path, os.O_RDONLY)
        except OSError:
            return set()
        try:
            found = os.read(descriptor, MOST_BYTES)
        except OSError:
            return set()
        finally:
            os.close(descriptor)
        return {found[at : at + SIZE] for at in range(0, len(found) - SIZE + 1, SIZE)}

    def _digest(self, text: str) -> bytes:
        rules = self._rules or b""
        digest: bytes = sha256(rules + text.encode("utf-8", "surrogatepass")).digest()
        return digest


def of_this_provider() -> SoundTexts:
    """Of a packaged provider; a source tree has no digest, for its linter may be another at the next start."""
    try:
        descriptor = os.open(os.path.join(os.path.dirname(__file__), SOURCES_FILE), os.O_RDONLY)  # noqa: PTH118, PTH120 - see `serve`
    except OSError:
        return SoundTexts(None, "")
    try:
        rules = os.read(descriptor, SIZE)
    finally:
        os.close(descriptor)
    return SoundTexts(rules, os.environ.get("TF_DATA_DIR") or ".terraform")
