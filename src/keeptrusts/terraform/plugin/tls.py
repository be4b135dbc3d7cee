"""
TLS over memory buffers, so that the server's one loop owns every socket.

`_ssl`, which `ssl` is made of, is used directly when it is as expected: importing `ssl` alone takes longer than
the rest of the start. `ssl` itself is taken when `_ssl`, which is private to CPython, is not what we know.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    import ssl
    from typing import Any

_PROTOCOL_TLS_SERVER = 17
_TLS_1_2 = 0x0303
_CERT_REQUIRED = 2
_ALPN_H2 = b"\x02h2"
_CHUNK = 262_144
_LARGEST_WRITE = 65_536


class Wrapping:
    """
    How a socket becomes a TLS one.

    Args:
        pem: Key and certificate.
        folder: Private to us; the key is in a file of it for as long as OpenSSL needs to read it.
        client_certificate: PEM; only a client that has its key is let in. None: every client is.
        public: Use `ssl` even where `_ssl` would do.
    """

    def __init__(self, pem: bytes, folder: str, client_certificate: str | None, *, public: bool = False) -> None:
        self._context: Any = None if public else _private_context()
        self._public = self._context is None
        if self._public:
            self._context = _public_context()
        path = os.path.join(folder, "key.pem")  # noqa: PTH118 - pathlib takes longer to import than this file
        descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
        try:
            os.write(descriptor, pem)
            self._context.load_cert_chain(path)
        finally:
            os.close(descriptor)
            os.unlink(path)  # noqa: PTH108 - likewise
        if client_certificate is not None:
            self._context.load_verify_locations(cadata=client_certificate)
            self._context.verify_mode = _CERT_REQUIRED

    def wrap(self, connected: socket.socket) -> TlsChannel:
        errors = _errors()
        incoming, outgoing = errors.MemoryBIO(), errors.MemoryBIO()
        if self._public:
            session = self._context.wrap_bio(incoming, outgoing, server_side=True)
        else:
            session = self._context._wrap_bio(incoming, outgoing, True)  # noqa: SLF001 - see above
        return TlsChannel(connected, session, incoming, outgoing)


def _private_context() -> Any:
    """None: this Python's `_ssl` is not what we know."""
    try:
        import _ssl

        context: Any = _ssl._SSLContext(_PROTOCOL_TLS_SERVER)  # noqa: SLF001 - see above
        context.minimum_version = _TLS_1_2
        context._set_alpn_protocols(_ALPN_H2)  # noqa: SLF001 - see above
        context.num_tickets = 0
        context._wrap_bio  # noqa: B018, SLF001 - asked for here, not at the first connection
    except (ImportError, AttributeError, TypeError, ValueError):
        return None
    return context


def _public_context() -> ssl.SSLContext:
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["h2"])
    context.num_tickets = 0
    return context


def _errors() -> Any:
    try:
        import _ssl
    except ImportError:
        import ssl

        return ssl
    return _ssl


class PlainChannel:
    """A connected socket without TLS, for tests."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._unsent = memoryview(b"")  # a slice of it copies nothing, however large the rest is

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    @property
    def waiting(self) -> bool:
        """Whether there is something that the socket would not take yet."""
        return len(self._unsent) > 0

    def receive(self) -> bytes | None:
        """Bytes; empty when the peer is gone; None when there are none now."""
        try:
            return self._socket.recv(_CHUNK)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def send(self, data: bytes) -> None:
        """Takes everything; what the socket does not take now goes with `flush`."""
        self._unsent = memoryview(bytes(self._unsent) + data if self.waiting else data)
        self.flush()

    def flush(self) -> None:
        try:
            while self.waiting:
                self._unsent = self._unsent[self._socket.send(self._unsent) :]
        except BlockingIOError:
            return
        except OSError:
            self._unsent = memoryview(b"")  # the peer is gone: the next `receive` says so


class TlsChannel:
    """The same with TLS."""

    def __init__(self, connected: socket.socket, session: Any, incoming: Any, outgoing: Any) -> None:
        self._plain = PlainChannel(connected)
        self._session = session
        self._incoming = incoming
        self._outgoing = outgoing
        self._shaken = False
        self._early = b""
        self._errors = _errors()

    def fileno(self) -> int:
        return self._plain.fileno()

    def close(self) -> None:
        self._plain.close()

    @property
    def waiting(self) -> bool:
        return self._plain.waiting

    def receive(self) -> bytes | None:
        """
        As `PlainChannel.receive`.

        Raises:
            OSError: What came is no TLS, or the client may not come in.
        """
        raw = self._plain.receive()
        if raw is None:
            return None
        self._incoming.write(raw) if raw else self._incoming.write_eof()
        try:
            return self._read()
        finally:
            self.flush()

    def _read(self) -> bytes | None:
        found = b""
        try:
            if not self._shaken:
                self._session.do_handshake()
                self._shaken = True
                self.send(b"")
            while True:
                part = self._session.read(_CHUNK)
                if not part:
                    return found
                found += part
        except self._errors.SSLWantReadError:
            return found or None
        except (self._errors.SSLZeroReturnError, self._errors.SSLEOFError):
            return found

    def send(self, data: bytes) -> None:
        self._early += data
        if self._shaken:
            rest = memoryview(self._early)
            while rest:
                rest = rest[self._session.write(rest[:_LARGEST_WRITE]) :]
            self._early = b""
        self.flush()

    def flush(self) -> None:
        if self._outgoing.pending:
            self._plain.send(self._outgoing.read())
        else:
            self._plain.flush()
