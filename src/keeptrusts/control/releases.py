"""The release of the Terraform provider that this installation gives out. What it holds is not the control plane's."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final, TypeAlias

from keeptrusts.control.openpgp import OpenPgpKey

_SIGNED_AT: Final = 1_767_225_600
"""Any time will do that lies behind and not before the key's own; a fixed one gives the same bytes on all replicas."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """
    One version of the provider.

    Args:
        archive: The zip file, the same for all platforms.
        h1: Terraform's hash of what is in it.
        platforms: `linux_amd64`, ...
    """

    version: str
    archive: bytes
    h1: str
    platforms: tuple[str, ...]

    def file_name(self, platform: str) -> str:
        return f"terraform-provider-keeptrusts_{self.version}_{platform}.zip"


ReleaseMaker: TypeAlias = Callable[[], Release]


class Releases:
    """
    Packaged when it is first asked for, and then kept. Safe to use from any thread.

    Args:
        make: None: this process gives out no provider.
        secret: Of the installation; the signing key is made of it.
    """

    def __init__(self, make: ReleaseMaker | None, secret: bytes) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._made: Release | None = None
        self._secret = secret

    @cached_property
    def key(self) -> OpenPgpKey:
        return OpenPgpKey.derived(self._secret, "Keeptrusts provider registry")

    def current(self) -> Release | None:
        """The release; None when there is none."""
        with self._lock:
            if self._made is None and self._make is not None:
                self._made = self._make()
            return self._made

    def checksums(self, release: Release) -> bytes:
        """As `sha256sum` writes them, of every platform's file."""
        digest = hashlib.sha256(release.archive).hexdigest()
        return "".join(f"{digest}  {release.file_name(one)}\n" for one in release.platforms).encode()

    def signature(self, release: Release) -> bytes:
        """Detached, of the checksums."""
        return self.key.sign(self.checksums(release), at=_SIGNED_AT)
