"""The certificate that the gateway shows, read again on reload."""

from __future__ import annotations

import ssl
from pathlib import Path

from keeptrusts.core.errors import InputError


class Certificate:
    """
    A chain and its key, in PEM.

    Raises:
        InputError: They cannot be read, or do not belong together.
    """

    def __init__(self, chain: Path, key: Path) -> None:
        self._chain = chain
        self._key = key
        self.context = _server_context()
        self.load()

    def load(self) -> None:
        """
        Read the files again, for connections from now on.

        Raises:
            InputError: They cannot be used; those that were stay.
        """
        self._load_into(_server_context())  # a failure half way would leave a chain without its key
        self._load_into(self.context)

    def _load_into(self, context: ssl.SSLContext) -> None:
        try:
            # A password that is certainly wrong: OpenSSL would ask for one on the terminal.
            context.load_cert_chain(self._chain, self._key, password="")
        except ssl.SSLError:
            message = f"`{self._chain}` and `{self._key}` are not a certificate and its unencrypted key, in PEM"
            raise InputError(message) from None
        except OSError as failed:
            raise InputError(f"the certificate or its key cannot be read: {failed.strerror}") from None


def _server_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context
