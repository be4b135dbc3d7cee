"""
What is random and published: digests in the notations that name them, certificates, public keys, embedded pictures.

A lock file, a manifest or a page is full of them. They are known by their notation, and digests by their exact length,
from the beginning of a token to its end. What a name like `token=` gives away as a secret is none of them, whatever it
looks like. The last character of a digest in base64 has bits that are zero (RFC 4648, section 3.5): few others will do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Final

from keeptrusts.detect.fold import View

if TYPE_CHECKING:
    from keeptrusts.detect.engine import Regex

_B: Final = "[A-Za-z0-9+/]"
_U: Final = "[A-Za-z0-9+/_-]"
_FOUR_BITS: Final = "[AEIMQUYcgkosw048]"
_TWO_BITS: Final = "[AQgw]"
_SHA1: Final = f"{_U}{{26}}{_FOUR_BITS}=?"
_SHA256: Final = f"{_U}{{42}}{_FOUR_BITS}=?"
_SHA384: Final = f"{_U}{{64}}"
_SHA512: Final = f"{_U}{{85}}{_TWO_BITS}(?:==)?"
_GAP: Final = r"[\"']?[ \t]{0,2}[:=][ \t]{0,2}[\"']?(?:W/)?(?:\\?\")?"
_ARMOURED: Final = (
    r"(?:(?:TRUSTED |X509 )?CERTIFICATE|(?:NEW )?CERTIFICATE REQUEST|X509 CRL|PKCS7|(?:RSA |EC )?PUBLIC KEY)-----"
)
_PICTURE: Final = (
    # PNG, JPEG, GIF, WebP, SVG, ICO, AVIF; WOFF, WOFF2, TrueType, OpenType
    r"(?:iVBORw0KGgo|/9j/|R0lGOD|UklGR|PHN2Zy|PD94bWwg|AAABAA|AAAA[A-Za-z0-9+/]{2}Z0eX|d09G[MR]|AAEAAAA|T1RUTw)"
)
"""How a picture or a font begins, in base64."""
_FORMS: Final = (
    # Subresource Integrity, RFC 9530 (`sha-256=:...:`) and RFC 3230 before it, OpenSSH fingerprints, wheels' RECORD
    rf"(?i:sha-?1)(?:-|=:|=|:){_SHA1}",
    rf"(?i:sha-?256)(?:-|=:|=|:){_SHA256}",
    rf"(?i:sha-?384)(?:-|=:|=|:){_SHA384}",
    rf"(?i:sha-?512)(?:-|=:|=|:){_SHA512}",
    # go.sum and Terraform's lock file, then ETag and NuGet's lock file
    rf"h1:{_B}{{42}}{_FOUR_BITS}=",
    rf"(?i:etag|content-?hash){_GAP}(?:{_SHA512}|{_SHA384}|{_SHA256})",
    rf"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{_B}{{43}}",
    rf"ssh-(?:rsa|dss) AAAAB3NzaC1(?:yc2E|kc3M){_B}+={{0,2}}",
    rf"ecdsa-sha2-nistp\d{{3}} AAAAE2VjZHNh{_B}+={{0,2}}",
    rf"sk-ecdsa-sha2-nistp256@openssh\.com AAAAInNrLWVjZHNh{_B}+={{0,2}}",
    rf"sk-ssh-ed25519@openssh\.com AAAAGnNrLXNzaC1lZDI1NTE5{_B}+={{0,2}}",
    r"-----BEGIN (?:PGP|SSH) SIGNATURE-----[A-Za-z0-9+/=\s\\]+-----END (?:PGP|SSH) SIGNATURE-----",
    rf"-----BEGIN {_ARMOURED}[\\nr\s]+M[A-Za-z0-9+/=\s\\]+-----END {_ARMOURED}",
    rf"data:(?:image|font)/[a-z0-9.+-]{{2,30}}(?:;charset=[a-z0-9-]{{3,12}})?;base64,{_PICTURE}{_B}+={{0,2}}",
)
_NAMED: Final = re.compile(
    rb"(?:pass(?:word|wd|phrase)?|pwd|secret|token|credentials?|authorization|bearer"
    rb"|(?:api|access|account|auth|encryption|master|private|secret|session|shared|signing)[_-]?key)"
    rb"[\"']?[ \t]{0,2}(?:=>|:=|=|:|[ \t])[ \t]{0,2}(?:bearer[ \t])?[\"'`]?\Z",
    re.IGNORECASE,
)
"""A name that says of what follows that it is a secret."""
_NAME: Final = 48
"""Bytes before a value in which its name ends."""
_TOKEN: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-")


def published(text: View) -> Iterator[tuple[int, int]]:
    """Stretches of the original text that are published values as a whole."""
    data, position = text.data, 0
    while found := _forms().search(data, position, len(data)):
        start, position = found[0]
        inside = start and data[start] != ord("-") and data[start - 1] in _TOKEN
        longer = data[position : position + 1] and data[position] in _TOKEN | {ord("=")}
        if not (inside or longer or _NAMED.search(data[max(start - _NAME, 0) : start])):
            yield text.origin(start), text.end(position)


@cache
def _forms() -> Regex:
    from keeptrusts.detect.engine import compile_regex

    return compile_regex("|".join(f"(?:{form})" for form in _FORMS))
