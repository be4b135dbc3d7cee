"""
What was looked at and found without fault, remembered beside Terraform's own working files for the next process.

One plan lints a document in two processes, and most plans lint what the last one did: a fifth of what a plan of one
resource costs. A process that only validates what was validated before need not even load the provider. Only digests
are kept, under the digest of the provider's sources. The control plane lints again whatever it is given, so a wrong
memory hides a finding until the apply and nothing more (ADR-0234, ADR-0250).
"""

from __future__ import annotations

import os

from keeptrusts.terraform.plugin.certificate import sha256  # type: ignore[attr-defined] # of whichever module has it

FILE = "keeptrusts-sound"
"""In `.terraform`: digest after digest."""
SOURCES_FILE = "sources.sha256"
"""Beside this module in a packaged provider: by which rules it was sound."""
SIZE = 32
MOST_BYTES = 4096 * SIZE


class Sound:
    """
    Documents, and requests to validate something (`as_remembered`).

    Args:
        rules: Digest of the linter; None: it may change at any time, and nothing is remembered.
        folder: Where Terraform has its working files. Where it has none, nothing is remembered either.
    """

    def __init__(self, rules: bytes | None, folder: str) -> None:
        self._rules = rules
        self._path = f"{folder}/{FILE}"
        self._known: set[bytes] | None = None

    def __bool__(self) -> bool:
        """Whether anything is remembered."""
        if self._known is None:
            self._known = set() if self._rules is None else self._read()
        return bool(self._known)

    def __contains__(self, what: object) -> bool:
        return isinstance(what, str | bytes) and bool(self) and self._digest(what) in (self._known or ())

    def add(self, what: str | bytes) -> None:
        """Whoever cannot write remembers less."""
        if self._rules is None or what in self:
            return
        assert self._known is not None
        digest = self._digest(what)
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

    def _digest(self, what: str | bytes) -> bytes:
        # no sound document begins with NUL, so that none is taken for a request
        held = what.encode("utf-8", "surrogatepass") if isinstance(what, str) else b"\0" + what
        digest: bytes = sha256((self._rules or b"") + held).digest()
        return digest


def as_remembered(path: str, body: bytes) -> bytes:
    """A request: what it asks for, and its message."""
    return path.encode() + b" " + body


def of_this_provider() -> Sound:
    """Of a packaged provider; a source tree has no digest, for its linter may be another at the next start."""
    try:
        descriptor = os.open(os.path.join(os.path.dirname(__file__), SOURCES_FILE), os.O_RDONLY)  # noqa: PTH118, PTH120 - see `serve`
    except OSError:
        return Sound(None, "")
    try:
        rules = os.read(descriptor, SIZE)
    finally:
        os.close(descriptor)
    return Sound(rules, os.environ.get("TF_DATA_DIR") or ".terraform")
