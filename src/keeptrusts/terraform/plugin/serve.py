"""
go-plugin's handshake: Terraform starts us, reads one line of our stdout, and connects.

Whatever is imported before that line is written, the user waits for three times in a plan; so little is.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # `signal` costs an import of `enum`
import _socket
import os
from binascii import b2a_base64

from keeptrusts.terraform.plugin.certificate import make_certificate
from keeptrusts.terraform.plugin.logs import log
from keeptrusts.terraform.plugin.server import Server
from keeptrusts.terraform.plugin.tls import Wrapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Collection
    from typing import Protocol

    class Provider(Protocol):
        """Answers calls, and at once those that need not wait."""

        def __call__(self, path: str, body: bytes) -> bytes: ...

        def prompt(self, path: str, body: bytes) -> bytes | None: ...


COOKIE = "TF_PLUGIN_MAGIC_COOKIE", "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2"
CORE_PROTOCOL, PLUGIN_PROTOCOL = 1, 6
BY_HAND = """\
This is the Keeptrusts provider for Terraform. Terraform starts it; it does nothing when it is started by hand.

  kt terraform install     puts it where `terraform init` finds it

"""
OLD_TERRAFORM = """\
This Terraform does not speak plugin protocol 6. Use Terraform 1.5 or later.
"""


def serve(load: Callable[[], Provider], quick: Collection[str]) -> int:
    """
    Run the provider to its end; the exit status.

    Args:
        load: Called when Terraform is already told where we are.
        quick: Paths whose calls never wait.
    """
    fault = refusal(os.environ)
    if fault is not None:
        # Terraform shows what it cannot read on stdout, and nothing of stderr
        os.write(2 if fault is BY_HAND else 1, fault.encode())
        return 1
    _signal.signal(_signal.SIGINT, _signal.SIG_IGN)  # Ctrl-C reaches the whole group; Terraform says StopProvider
    folder = make_private_folder(os.environ)
    address = f"{folder}/plugin.sock"
    try:
        der, pem = make_certificate()
        listening: socket.socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)  # type: ignore[assignment]
        listening.bind(address)
        listening.listen(8)
        os.write(1, handshake(address, der).encode())
        wrapping = Wrapping(pem, folder, os.environ.get("PLUGIN_CLIENT_CERT"))  # loads OpenSSL
        provider = load()
        Server(provider, log, quick=quick, prompt=provider.prompt, wrapping=wrapping).serve(listening)
    finally:
        _remove(address, folder)
    return 0


def refusal(environment: os._Environ[str] | dict[str, str]) -> str | None:
    """Why we do not start; None when we may."""
    name, value = COOKIE
    if environment.get(name) != value:
        return BY_HAND
    versions = environment.get("PLUGIN_PROTOCOL_VERSIONS", str(PLUGIN_PROTOCOL)).split(",")
    return None if str(PLUGIN_PROTOCOL) in versions else OLD_TERRAFORM


def handshake(address: str, certificate: bytes) -> str:
    """The line; the certificate is in base64 without padding."""
    encoded = b2a_base64(certificate, newline=False).decode().rstrip("=")
    return f"{CORE_PROTOCOL}|{PLUGIN_PROTOCOL}|unix|{address}|grpc|{encoded}\n"


def make_private_folder(environment: os._Environ[str] | dict[str, str]) -> str:
    """A new folder that nobody else may enter: who can reach the socket in it is us."""
    parent = environment.get("PLUGIN_UNIX_SOCKET_DIR") or environment.get("TMPDIR") or "/tmp"  # noqa: S108
    if len(parent) > 60:  # a socket's path has room for about 100 bytes
        parent = "/tmp"  # noqa: S108
    folder = f"{parent}/keeptrusts-{os.getpid()}-{os.urandom(6).hex()}"
    os.mkdir(folder, 0o700)  # noqa: PTH102 - pathlib takes longer to import than this file
    return folder


def _remove(address: str, folder: str) -> None:
    for remove, path in ((os.unlink, address), (os.rmdir, folder)):
        try:
            remove(path)
        except OSError:
            continue
