"""Mutual TLS as go-plugin does it: who has the key that Terraform made comes in, and nobody else."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from keeptrusts.terraform.plugin import http2
from keeptrusts.terraform.plugin.certificate import make_certificate
from keeptrusts.terraform.plugin.tls import Wrapping
from support.terraform_plugin import Running, running

ECHO = "/test.Service/Echo"


@dataclass(frozen=True, slots=True)
class Client:
    """A client's key and certificate."""

    pem: str
    path: str


def client(folder: Path, name: str) -> Client:
    """Made as go-plugin makes it: self-signed, ECDSA on P-521."""
    key = ec.generate_private_key(ec.SECP521R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA512())
    )
    pem = built.public_bytes(Encoding.PEM)
    path = folder / f"{name}.pem"
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()) + pem)
    return Client(pem.decode(), str(path))


@dataclass(frozen=True, slots=True)
class Scene:
    served: Running
    certificate: bytes
    known: Client
    stranger: Client

    def context(self, client_: Client | None) -> ssl.SSLContext:
        """Trusts the one certificate of the handshake line, as Terraform does."""
        context = ssl.create_default_context(cadata=self.certificate)
        context.set_alpn_protocols(["h2"])
        if client_ is not None:
            context.load_cert_chain(client_.path)
        return context


@pytest.fixture(params=["_ssl", "ssl"])
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scene]:
    """A server that knows one client; once on CPython's private module and once on the public one."""
    known, stranger = client(tmp_path, "known"), client(tmp_path, "stranger")
    certificate, pem = make_certificate()
    wrapping = Wrapping(pem, str(tmp_path), known.pem, public=request.param == "ssl")
    assert not (tmp_path / "key.pem").exists()
    with running(tmp_path, lambda _path, body: body[::-1], wrapping=wrapping) as served:
        yield Scene(served, certificate, known, stranger)


def talk(connected: ssl.SSLSocket, body: bytes) -> bytes:
    """One call; its answer is small enough to come in one frame."""
    head = b"\x00\x05:path" + bytes([len(ECHO)]) + ECHO.encode()
    connected.sendall(
        http2.PREFACE
        + http2.frame(http2.SETTINGS, 0, 0)
        + http2.frame(http2.HEADERS, http2.END_HEADERS, 1, head)
        + http2.frame(http2.DATA, http2.END_STREAM, 1, b"\0" + len(body).to_bytes(4, "big") + body)
    )
    while True:
        size, kind = _exactly(connected, 3), _exactly(connected, 6)[0]
        payload = _exactly(connected, int.from_bytes(size, "big"))
        if kind == http2.DATA:
            return payload[5:]


def _exactly(connected: ssl.SSLSocket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        part = connected.recv(count - len(found))
        if not part:
            raise EOFError
        found += part
    return found


def test_the_known_client_comes_in(scene: Scene) -> None:
    """With the key that Terraform made, over HTTP/2, with a certificate that is checked."""
    with scene.context(scene.known).wrap_socket(scene.served.connect(), server_hostname="localhost") as connected:
        assert connected.selected_alpn_protocol() == "h2"
        assert connected.version() == "TLSv1.3"
        assert connected.getpeercert(binary_form=True) == scene.certificate
        assert talk(connected, b"abc" * 1000) == b"cba" * 1000


def test_tls_1_2_is_enough(scene: Scene) -> None:
    """An older client that has the key comes in too."""
    context = scene.context(scene.known)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with context.wrap_socket(scene.served.connect(), server_hostname="localhost") as connected:
        assert talk(connected, b"abc") == b"cba"


@pytest.mark.parametrize("who", ["nobody", "a stranger"])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_nobody_else_comes_in(scene: Scene, who: str, version: ssl.TLSVersion) -> None:
    """Without a certificate, or with another one, there is no answer; and whoever is known still comes in."""
    context = scene.context(scene.stranger if who == "a stranger" else None)
    context.maximum_version = version
    connected = scene.served.connect()
    with (
        pytest.raises((ssl.SSLError, ConnectionError)),
        context.wrap_socket(connected, server_hostname="localhost") as one,
    ):
        talk(one, b"abc")
    connected.close()
    test_the_known_client_comes_in(scene)
    assert all(line.startswith("a connection was refused: SSL") for line in scene.served.logged)
    assert scene.served.logged


@pytest.mark.parametrize("raw", [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x16\x03\x01\x00\x05hello", bytes(100), b""])
def test_what_is_no_tls(scene: Scene, raw: bytes) -> None:
    """Plain HTTP/2, broken TLS, garbage and nothing are let go, and the known client still comes in."""
    with scene.served.connect() as connected:
        connected.sendall(raw)
        connected.shutdown(socket.SHUT_WR)
        while _rest(connected):
            pass
    test_the_known_client_comes_in(scene)


def _rest(connected: socket.socket) -> bytes:
    try:
        return connected.recv(65536)
    except ConnectionError:
        return b""


def test_a_large_answer_over_tls(scene: Scene) -> None:
    """Megabytes through both layers, in pieces that fit neither records nor frames."""
    with scene.context(scene.known).wrap_socket(scene.served.connect(), server_hostname="localhost") as connected:
        wide = (1 << 30).to_bytes(4, "big")
        body = bytes(range(256)) * 10_000
        head = b"\x00\x05:path" + bytes([len(ECHO)]) + ECHO.encode()
        message = b"\0" + len(body).to_bytes(4, "big") + body
        parts = [message[at : at + 16000] for at in range(0, len(message), 16000)]
        connected.sendall(
            http2.PREFACE
            + http2.frame(http2.SETTINGS, 0, 0, b"\0\x04" + wide)
            + http2.frame(http2.WINDOW_UPDATE, 0, 0, wide)
            + http2.frame(http2.HEADERS, http2.END_HEADERS, 1, head)
            + b"".join(http2.frame(http2.DATA, 0, 1, part) for part in parts)
            + http2.frame(http2.DATA, http2.END_STREAM, 1)
        )
        answer = bytearray()
        while len(answer) < len(message):
            size, kind = _exactly(connected, 3), _exactly(connected, 6)[0]
            payload = _exactly(connected, int.from_bytes(size, "big"))
            answer += payload if kind == http2.DATA else b""
    assert bytes(answer[5:]) == body[::-1]


def test_without_a_client_certificate_every_client_comes_in(tmp_path: Path) -> None:
    """A host that does not do mutual TLS is served; the socket's folder is what keeps others out."""
    certificate, pem = make_certificate()
    with running(tmp_path, lambda _path, body: body, wrapping=Wrapping(pem, str(tmp_path), None)) as served:
        context = ssl.create_default_context(cadata=certificate)
        with context.wrap_socket(served.connect(), server_hostname="localhost") as connected:
            assert talk(connected, b"abc") == b"abc"
