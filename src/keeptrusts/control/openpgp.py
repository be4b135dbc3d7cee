"""
An OpenPGP key and detached signatures by it: what Terraform's provider registry protocol asks for (RFC 9580).

The key is made of the installation's secret key, so all replicas have the same one and nothing is stored. Only the few
packets that are needed are written; nothing is read.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_VERSION, _EDDSA, _SHA256 = 4, 22, 8
_ED25519: Final = bytes.fromhex("2b06010401da470f01")
_MADE_AT: Final = 1_767_225_600
"""2026-01-01: a fixed time, for the fingerprint is over it."""
_DOCUMENT, _CERTIFICATION = 0x00, 0x13
_SIGNATURE, _PUBLIC_KEY, _USER_ID = 2, 6, 13
_MAY_SIGN: Final = b"\x03"
_CRC24_START, _CRC24_POLYNOMIAL = 0xB704CE, 0x1864CFB


@dataclass(frozen=True, slots=True)
class OpenPgpKey:
    """
    Args:
        private: Signs; its public half is in `armoured`.
    """

    private: Ed25519PrivateKey
    user_id: str

    @classmethod
    def derived(cls, secret: bytes, user_id: str) -> OpenPgpKey:
        """The one key of this secret."""
        seed = HKDF(hashes.SHA256(), 32, None, b"keeptrusts provider registry").derive(secret)
        return cls(Ed25519PrivateKey.from_private_bytes(seed), user_id)

    @property
    def key_id(self) -> str:
        """16 hexadecimal digits, upper case."""
        return self._fingerprint[-8:].hex().upper()

    @property
    def armoured(self) -> str:
        """The public key with its name, certified by itself."""
        name = self.user_id.encode()
        certified = b"\x99" + _sized(self._body, 2) + b"\xb4" + _sized(name, 4)
        signature = self._signature(_CERTIFICATION, certified, _MADE_AT, _subpacket(27, _MAY_SIGN))
        packets = _packet(_PUBLIC_KEY, self._body) + _packet(_USER_ID, name) + signature
        return _armour("PGP PUBLIC KEY BLOCK", packets)

    def sign(self, document: bytes, *, at: int) -> bytes:
        """
        A detached signature, not armoured.

        Args:
            at: Seconds since the epoch.
        """
        return self._signature(_DOCUMENT, document, at, b"")

    @property
    def _body(self) -> bytes:
        point = b"\x40" + self.private.public_key().public_bytes_raw()
        made_at = _MADE_AT.to_bytes(4, "big")
        return bytes([_VERSION]) + made_at + bytes([_EDDSA]) + _sized(_ED25519, 1) + _integer(point)

    @property
    def _fingerprint(self) -> bytes:
        # the standard's own hash for keys of this version: it names a key, and nothing rests on it
        return hashlib.sha1(b"\x99" + _sized(self._body, 2), usedforsecurity=False).digest()

    def _signature(self, kind: int, signed: bytes, at: int, more: bytes) -> bytes:
        issuer = bytes([_VERSION]) + self._fingerprint
        told = _subpacket(2, at.to_bytes(4, "big")) + more + _subpacket(33, issuer)
        head = bytes([_VERSION, kind, _EDDSA, _SHA256]) + _sized(told, 2)
        trailer = bytes([_VERSION, 0xFF]) + len(head).to_bytes(4, "big")
        digest = hashlib.sha256(signed + head + trailer).digest()
        made = self.private.sign(digest)
        aside = _sized(_subpacket(16, self._fingerprint[-8:]), 2)
        return _packet(_SIGNATURE, head + aside + digest[:2] + _integer(made[:32]) + _integer(made[32:]))


def _sized(content: bytes, width: int) -> bytes:
    return len(content).to_bytes(width, "big") + content


def _integer(number: bytes) -> bytes:
    """A multiprecision integer: its length in bits, and no zeros in front."""
    stripped = number.lstrip(b"\0")
    bits = int.from_bytes(stripped, "big").bit_length()
    return bits.to_bytes(2, "big") + stripped


def _subpacket(kind: int, content: bytes) -> bytes:
    return bytes([len(content) + 1, kind]) + content


def _packet(tag: int, content: bytes) -> bytes:
    return bytes([0xC0 | tag, 0xFF]) + _sized(content, 4)


def _armour(title: str, packets: bytes) -> str:
    text = base64.b64encode(packets).decode()
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    check = base64.b64encode(_crc24(packets).to_bytes(3, "big")).decode()
    return "\n".join((f"-----BEGIN {title}-----", "", *lines, f"={check}", f"-----END {title}-----", ""))


def _crc24(content: bytes) -> int:
    crc = _CRC24_START
    for byte in content:
        crc ^= byte << 16
        for _ in range(8):
            crc <<= 1
            if crc & 0x1000000:
                crc ^= _CRC24_POLYNOMIAL
    return crc & 0xFFFFFF
