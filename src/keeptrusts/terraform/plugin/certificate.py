"""
The certificate that go-plugin's mutual TLS asks of a provider: self-signed, P-256, for `localhost`, for one process.

In pure Python (3 ms): importing a cryptography package costs ten times as much at every start. The arithmetic
is not constant-time; the key lives as long as one Terraform command and signs this certificate and its handshakes.

Sources: SEC 1 (key, signature), FIPS 186-4 D.1.2.3 (curve), RFC 5280 (certificate), RFC 5915 (private key).
"""

from __future__ import annotations

import os
import time
from binascii import b2a_base64
from hashlib import sha256

_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
_LIFETIME_S = 30 * 86_400
_CLOCK_SKEW_S = 300

_INTEGER, _BIT_STRING, _OCTET_STRING, _SEQUENCE, _SET = 0x02, 0x03, 0x04, 0x30, 0x31
_UTF8, _UTC_TIME, _BOOLEAN, _OID = 0x0C, 0x17, 0x01, 0x06
_CONTEXT_0, _CONTEXT_1, _CONTEXT_3, _DNS_NAME = 0xA0, 0xA1, 0xA3, 0x82

_ECDSA_SHA256 = "2a8648ce3d040302"
_EC_PUBLIC_KEY = "2a8648ce3d0201"
_P256 = "2a8648ce3d030107"
_COMMON_NAME = "550403"
_BASIC_CONSTRAINTS, _KEY_USAGE, _EXTENDED_KEY_USAGE, _ALTERNATIVE_NAME = "551d13", "551d0f", "551d25", "551d11"
_SERVER_AUTH, _CLIENT_AUTH = "2b06010505070301", "2b06010505070302"


def make_certificate() -> tuple[bytes, bytes]:
    """The certificate in DER, and a PEM text with the private key and the certificate."""
    private = _random_scalar()
    x, y = _multiply_base(private)
    public = _tlv(_BIT_STRING, b"\0\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big"))
    body = _to_be_signed(public, int(time.time()))
    der = _tlv(_SEQUENCE, body, _algorithm(), _tlv(_BIT_STRING, b"\0" + _sign(private, body)))
    key = _tlv(
        _SEQUENCE,
        _integer(1),
        _tlv(_OCTET_STRING, private.to_bytes(32, "big")),
        _tlv(_CONTEXT_0, _oid(_P256)),
        _tlv(_CONTEXT_1, public),
    )
    return der, _pem("EC PRIVATE KEY", key) + _pem("CERTIFICATE", der)


def _to_be_signed(public: bytes, now: int) -> bytes:
    name = _tlv(_SEQUENCE, _tlv(_SET, _tlv(_SEQUENCE, _oid(_COMMON_NAME), _tlv(_UTF8, b"localhost"))))
    validity = _tlv(_SEQUENCE, _time(now - _CLOCK_SKEW_S), _time(now + _LIFETIME_S))
    key_info = _tlv(_SEQUENCE, _tlv(_SEQUENCE, _oid(_EC_PUBLIC_KEY), _oid(_P256)), public)
    version = _tlv(_CONTEXT_0, _integer(2))
    serial = _integer(_random_scalar() >> 130)
    return _tlv(_SEQUENCE, version, serial, _algorithm(), name, validity, name, key_info, _extensions())


def _extensions() -> bytes:
    return _tlv(
        _CONTEXT_3,
        _tlv(
            _SEQUENCE,
            _extension(_BASIC_CONSTRAINTS, _tlv(_SEQUENCE, _tlv(_BOOLEAN, b"\xff")), critical=True),
            # digitalSignature and keyCertSign
            _extension(_KEY_USAGE, _tlv(_BIT_STRING, b"\x02\x84"), critical=True),
            _extension(_EXTENDED_KEY_USAGE, _tlv(_SEQUENCE, _oid(_SERVER_AUTH), _oid(_CLIENT_AUTH))),
            _extension(_ALTERNATIVE_NAME, _tlv(_SEQUENCE, _tlv(_DNS_NAME, b"localhost"))),
        ),
    )


def _extension(oid: str, value: bytes, *, critical: bool = False) -> bytes:
    flag = _tlv(_BOOLEAN, b"\xff") if critical else b""
    return _tlv(_SEQUENCE, _oid(oid), flag, _tlv(_OCTET_STRING, value))


def _sign(private: int, message: bytes) -> bytes:
    """ECDSA (SEC 1, section 4.1.3)."""
    hashed = int.from_bytes(sha256(message).digest(), "big")
    while True:
        nonce = _random_scalar()
        r = _multiply_base(nonce)[0] % _N
        s = pow(nonce, -1, _N) * (hashed + r * private) % _N
        if r and s:
            return _tlv(_SEQUENCE, _integer(r), _integer(s))


def _multiply_base(scalar: int) -> tuple[int, int]:
    """`scalar` times the base point: double and add in Jacobian coordinates (a = -3)."""
    x, y, z = 0, 1, 0
    for bit in range(255, -1, -1):
        if z:
            x, y, z = _double(x, y, z)
        if scalar >> bit & 1:
            x, y, z = _add_base(x, y, z) if z else (*_G, 1)
    inverse = pow(z, -1, _P)
    square = inverse * inverse % _P
    return x * square % _P, y * square * inverse % _P


def _double(x: int, y: int, z: int) -> tuple[int, int, int]:
    delta = z * z % _P
    gamma = y * y % _P
    beta = x * gamma % _P
    alpha = 3 * (x - delta) * (x + delta) % _P
    doubled_x = (alpha * alpha - 8 * beta) % _P
    doubled_z = ((y + z) * (y + z) - gamma - delta) % _P
    return doubled_x, (alpha * (4 * beta - doubled_x) - 8 * gamma * gamma) % _P, doubled_z


def _add_base(x: int, y: int, z: int) -> tuple[int, int, int]:
    square = z * z % _P
    h = (_G[0] * square - x) % _P
    slope = (_G[1] * square * z - y) % _P
    h_square = h * h % _P
    h_cube = h * h_square % _P
    base = x * h_square % _P
    sum_x = (slope * slope - h_cube - 2 * base) % _P
    return sum_x, (slope * (base - sum_x) - y * h_cube) % _P, z * h % _P


def _random_scalar() -> int:
    # 64 surplus bits make the bias of the reduction negligible (FIPS 186-4, B.4.1)
    return int.from_bytes(os.urandom(40), "big") % (_N - 1) + 1


def _tlv(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content


def _integer(value: int) -> bytes:
    return _tlv(_INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _oid(hexadecimal: str) -> bytes:
    return _tlv(_OID, bytes.fromhex(hexadecimal))


def _time(at: int) -> bytes:
    return _tlv(_UTC_TIME, time.strftime("%y%m%d%H%M%SZ", time.gmtime(at)).encode())


def _algorithm() -> bytes:
    return _tlv(_SEQUENCE, _oid(_ECDSA_SHA256))


def _pem(label: str, der: bytes) -> bytes:
    name = label.encode()
    return b"-----BEGIN %b-----\n%b-----END %b-----\n" % (name, b2a_base64(der), name)
