"""
The tables of HPACK (RFC 7541): static header fields (appendix A) and the Huffman code (appendix B).

The code is canonical: symbols sorted by length and then by value get consecutive codes, so its lengths say all.
"""

from __future__ import annotations

END_OF_STRING = 256

_LENGTHS = (
    "dnsssssssoussussssssssusssssssss6aacd68baa8b8666555666666678f6ca"
    "d67777777777777777777777878djde6f56565666577666567655677777fbeds"
    "kmkkmmmnmnnnnnonoomnonnnnlmnmnnomlkmmnnlnmmolmnnllmlnmnnkmmmnmmn"
    "qqkjmnmpqqqrrqopjlqrrqrollqqsrrrkoklmllnmmppooqnqrqqrrrrrsrrrrrq"
    "u"
)
"""Bits of each symbol's code, one digit in base 36 for each of the 256 octets and the end of string."""

_STATIC = """
:authority
:method GET
:method POST
:path /
:path /index.html
:scheme http
:scheme https
:status 200
:status 204
:status 206
:status 304
:status 400
:status 404
:status 500
accept-charset
accept-encoding gzip, deflate
accept-language
accept-ranges
accept
access-control-allow-origin
age
allow
authorization
cache-control
content-disposition
content-encoding
content-language
content-length
content-location
content-range
content-type
cookie
date
etag
expect
expires
from
host
if-match
if-modified-since
if-none-match
if-range
if-unmodified-since
last-modified
link
location
max-forwards
proxy-authenticate
proxy-authorization
range
referer
refresh
retry-after
server
set-cookie
strict-transport-security
transfer-encoding
user-agent
vary
via
www-authenticate
"""

STATIC: tuple[tuple[str, str], ...] = tuple(
    (name, value) for name, _, value in (line.partition(" ") for line in _STATIC.strip().splitlines())
)
"""Entry 1 of the table is `STATIC[0]`."""


def huffman_codes() -> dict[tuple[int, int], int]:
    """`(bits, code)` -> symbol."""
    lengths = [int(digit, 36) for digit in _LENGTHS]
    codes: dict[tuple[int, int], int] = {}
    code = bits = 0
    for symbol in sorted(range(len(lengths)), key=lambda one: (lengths[one], one)):
        code <<= lengths[symbol] - bits
        bits = lengths[symbol]
        codes[bits, code] = symbol
        code += 1
    return codes
