"""
Secrets at rest: AES-256-GCM under one key of the installation, bound to the place they are stored in.

The context (table, id, version) is authenticated, so that a sealed value moved to another row does not open.
"""

from __future__ import annotations

import hashlib
import os

from keeptrusts.core.errors import KeeptrustsError

_NONCE = 12


class SealedError(KeeptrustsError):
    """The key of this installation does not open it."""

    code = "sealed"


class Sealer:
    """Seals and opens. `secret` is any text of high entropy; 32 bytes or more."""

    def __init__(self, secret: bytes) -> None:
        # 8 MB, which a gateway that seals nothing does not need
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._cipher = AESGCM(hashlib.sha256(b"keeptrusts sealing\x00" + secret).digest())

    def seal(self, plain: bytes, context: str) -> bytes:
        """A nonce and the sealed bytes."""
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, plain, context.encode())

    def open(self, sealed: bytes, context: str) -> bytes:
        """
        What was sealed for this very context.

        Raises:
            SealedError: Another key, another context, or changed bytes.
        """
        from cryptography.exceptions import InvalidTag

        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], context.encode())
        except InvalidTag:
            raise SealedError("it was sealed with another secret key") from None
