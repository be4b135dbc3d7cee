"""
A self-signed P-256 certificate for `localhost`, made anew at every start.

Pure Python because importing a library for it takes ten times as long as making it. The key lives for one process and
secures one connection on this machine; it is never used again, so that signing is not constant-time does not matter.
"""

from __future__ import annotations

import os
import time
from binascii import b2a_base64

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hashlib import sha256
else:
    try:
        from _sha2 import sha256
    except ImportError:  # before Python 3.12
        from _sha256 import sha256

# FIPS 186-4, D.1.2.3
_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_BASE = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
POINTS_FILE = "base_points.bin"
"""Beside this module in a packaged provider: `base_points`."""
_TEETH, _GAP, _SIZE = 8, 32, 32

_LIFE_S = 30 * 86400
_SLACK_S = 300

_EC_PUBLIC_KEY, _PRIME256V1, _ECDSA_SHA256 = "2a8648ce3d0201", "2a8648ce3d030107", "2a8648ce3d040302"
_COMMON_NAME, _BASIC, _KEY_USAGE, _EXTENDED_USAGE, _ALTERNATIVE = "550403", "551d13", "551d0f", "551d25", "551d11"
_SERVER_AUTH, _CLIENT_AUTH = "2b06010505070301", "2b06010505070302"


def make_certificate() -> tuple[bytes, bytes]:
    """The certificate as DER, and its key and itself as PEM."""
    points = _read_points()
    secret = _scalar()
    x, y = multiply(secret, points)
    public = _element(3, b"\x00\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big"))
    body = _body(public, int(time.time()))
    certificate = _sequence(body, _sequence(_oid(_ECDSA_SHA256)), _element(3, b"\x00" + _sign(body, secret, points)))
    key = _sequence(
        _integer(1),
        _element(4, secret.to_bytes(32, "big")),
        _element(0xA0, _oid(_PRIME256V1)),
        _element(0xA1, public),
    )
    return certificate, _pem(b"EC PRIVATE KEY", key) + _pem(b"CERTIFICATE", certificate)


def _body(public: bytes, now: int) -> bytes:
    """The part that is signed (RFC 5280, 4.1)."""
    name = _sequence(_element(0x31, _sequence(_oid(_COMMON_NAME), _element(12, b"localhost"))))
    extensions = _sequence(
        _extension(_BASIC, _sequence(_element(1, b"\xff")), critical=True),
        _extension(_KEY_USAGE, _element(3, b"\x02\x84"), critical=True),  # signs, and signs certificates: itself
        _extension(_EXTENDED_USAGE, _sequence(_oid(_SERVER_AUTH), _oid(_CLIENT_AUTH))),
        _extension(_ALTERNATIVE, _sequence(_element(0x82, b"localhost"))),
    )
    return _sequence(
        _element(0xA0, _integer(2)),
        _integer(_scalar() >> 130),
        _sequence(_oid(_ECDSA_SHA256)),
        name,
        _sequence(_moment(now - _SLACK_S), _moment(now + _LIFE_S)),
        name,
        _sequence(_sequence(_oid(_EC_PUBLIC_KEY), _oid(_PRIME256V1)), public),
        _element(0xA3, extensions),
    )


def _sign(body: bytes, secret: int, points: bytes) -> bytes:
    """ECDSA (FIPS 186-4, 6.4) as the DER that X.509 wants."""
    hashed = int.from_bytes(sha256(body).digest(), "big")
    while True:
        once = _scalar()
        r = multiply(once, points)[0] % _ORDER
        s = pow(once, -1, _ORDER) * (hashed + r * secret) % _ORDER
        if r and s:
            return _sequence(_integer(r), _integer(s))


def _scalar() -> int:
    # 320 bits, so that the remainder is even enough (FIPS 186-4, B.4.1)
    return int.from_bytes(os.urandom(40), "big") % (_ORDER - 1) + 1


def multiply(factor: int, points: bytes = b"") -> tuple[int, int]:
    """
    `factor` times the base point; the factor is between 1 and the order.

    Args:
        points: `base_points`, which make it five times as fast; empty: they are not at hand.
    """
    return _affine(_by_points(factor, points) if points else _by_bits(factor))


def base_points() -> bytes:
    """For each sum of some of the multiples 1, 2^32, 2^64 ... of the base point: x and y (a comb of Lim and Lee)."""
    sums = range(1, 1 << _TEETH)
    factors = [sum(1 << (_GAP * tooth) for tooth in range(_TEETH) if number >> tooth & 1) for number in sums]
    return b"".join(part.to_bytes(_SIZE, "big") for factor in factors for part in multiply(factor))


def _read_points() -> bytes:
    try:
        file = os.open(os.path.join(os.path.dirname(__file__), POINTS_FILE), os.O_RDONLY)  # noqa: PTH118, PTH120 - see `serve`
    except OSError:
        return b""
    try:
        return os.read(file, 2 * _SIZE << _TEETH)
    finally:
        os.close(file)


def _by_bits(factor: int) -> tuple[int, int, int]:
    point = (*_BASE, 1)
    for bit in bin(factor)[3:]:
        point = _double(point)
        if bit == "1":
            point = _add(point, _BASE)
    return point


def _by_points(factor: int, points: bytes) -> tuple[int, int, int]:
    """A column of bits at a time, from the highest."""
    point = None
    bits = f"{factor:0{_TEETH * _GAP}b}"
    for column in range(_GAP):
        if point is not None:
            point = _double(point)
        number = int(bits[column::_GAP], 2)
        if number:
            at = 2 * _SIZE * (number - 1)
            x, y = (int.from_bytes(points[one : one + _SIZE], "big") for one in (at, at + _SIZE))
            point = (x, y, 1) if point is None else _add(point, (x, y))
    assert point is not None, "the factor is not 0"
    return point


def _affine(point: tuple[int, int, int]) -> tuple[int, int]:
    """From Jacobian coordinates."""
    x, y, z = point
    inverse = pow(z, -1, _P)
    square = inverse * inverse % _P
    return x * square % _P, y * square * inverse % _P


def _double(point: tuple[int, int, int]) -> tuple[int, int, int]:
    """dbl-2001-b of the Explicit-Formulas Database, for a = -3."""
    x, y, z = point
    delta, gamma = z * z % _P, y * y % _P
    beta = x * gamma % _P
    alpha = 3 * (x - delta) * (x + delta) % _P
    doubled = (alpha * alpha - 8 * beta) % _P
    return (
        doubled,
        (alpha * (4 * beta - doubled) - 8 * gamma * gamma) % _P,
        ((y + z) * (y + z) - gamma - delta) % _P,
    )


def _add(point: tuple[int, int, int], other: tuple[int, int]) -> tuple[int, int, int]:
    """Mixed addition; the one is neither the other nor its opposite, but with odds of 2^-255."""
    x, y, z = point
    square = z * z % _P
    h = (other[0] * square - x) % _P
    slope = (other[1] * z * square - y) % _P
    h2 = h * h % _P
    h3 = h2 * h % _P
    v = x * h2 % _P
    moved = (slope * slope - h3 - 2 * v) % _P
    return moved, (slope * (v - moved) - y * h3) % _P, z * h % _P


def _element(tag: int, content: bytes) -> bytes:
    """DER: tag, length, content."""
    size = len(content)
    if size < 128:
        return bytes((tag, size)) + content
    width = (size.bit_length() + 7) // 8
    return bytes((tag, 0x80 | width)) + size.to_bytes(width, "big") + content


def _sequence(*parts: bytes) -> bytes:
    return _element(0x30, b"".join(parts))


def _integer(value: int) -> bytes:
    return _element(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _oid(encoded: str) -> bytes:
    return _element(6, bytes.fromhex(encoded))


def _moment(at: int) -> bytes:
    return _element(0x17, time.strftime("%y%m%d%H%M%SZ", time.gmtime(at)).encode())


def _extension(oid: str, value: bytes, *, critical: bool = False) -> bytes:
    return _sequence(_oid(oid), _element(1, b"\xff") if critical else b"", _element(4, value))


def _pem(label: bytes, der: bytes) -> bytes:
    return b"-----BEGIN %s-----\n%s-----END %s-----\n" % (label, b2a_base64(der), label)
