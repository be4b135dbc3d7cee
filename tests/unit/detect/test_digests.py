"""What is random and published is no secret, unless something beside it says that it is one."""

from __future__ import annotations

import base64
import random
import textwrap
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from keeptrusts.detect.secret import find_secrets
from keeptrusts.detect.spans import values
from support.credentials import made

DRAW = Callable[[random.Random], str]
ROOT = Path(__file__).parents[3]
EACH = 20
ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"


def b64(draw: random.Random, size: int, head: bytes = b"") -> str:
    return base64.b64encode(head + draw.randbytes(size)).decode()


def url64(draw: random.Random, size: int) -> str:
    return base64.urlsafe_b64encode(draw.randbytes(size)).decode().rstrip("=")


def hexa(draw: random.Random, size: int) -> str:
    return draw.randbytes(size).hex()


def armoured(kind: str, body: str, end: str = "\n") -> str:
    return end.join([f"-----BEGIN {kind}-----", *textwrap.wrap(body, 64), f"-----END {kind}-----"])


def ssh_key(draw: random.Random, name: str, *sizes: int) -> str:
    """RFC 4253, section 6.6: strings with their lengths before them, in base64."""
    parts = [name.encode(), *(b"\0" + draw.randbytes(size - 1) for size in sizes)]
    return f"{name} {base64.b64encode(b''.join(len(one).to_bytes(4) + one for one in parts)).decode()} ada@laptop"


PUBLISHED: dict[str, DRAW] = {
    "npm": lambda d: f'      "integrity": "sha512-{b64(d, 64)}",',
    "npm, old": lambda d: f'      "integrity": "sha1-{b64(d, 20)}",',
    "yarn": lambda d: f"  integrity sha512-{b64(d, 64)}",
    "pnpm": lambda d: f"    resolution: {{integrity: sha512-{b64(d, 64)}}}",
    "page": lambda d: f'<script src="/a.js" integrity="sha384-{b64(d, 48)}" crossorigin></script>',
    "two of a page": lambda d: f'integrity="sha256-{b64(d, 32)} sha512-{b64(d, 64)}"',
    "content security policy": lambda d: f"script-src 'self' 'sha256-{b64(d, 32)}'",
    "nix": lambda d: f'hash = "sha256-{b64(d, 32)}";',
    "nuget": lambda d: f'        "contentHash": "{b64(d, 64)}",',
    "go.sum": lambda d: f"golang.org/x/net v0.35.0 h1:{b64(d, 32)}\ngolang.org/x/net v0.35.0/go.mod h1:{b64(d, 32)}",
    "terraform": lambda d: f'  hashes = [\n    "h1:{b64(d, 32)}",\n    "zh:{hexa(d, 32)}",\n  ]',
    "image": lambda d: f"image: registry.local/nginx@sha256:{hexa(d, 32)}",
    "pip": lambda d: f"requests==2.32.3 \\\n    --hash=sha256:{hexa(d, 32)}",
    "wheel": lambda d: f"package/module.py,sha256={url64(d, 32)},1532",
    "uv": lambda d: f'{{ url = "https://files.local/{hexa(d, 28)}/a.whl", hash = "sha256:{hexa(d, 32)}", size = 9 }}',
    "cargo": lambda d: f'checksum = "{hexa(d, 32)}"',
    "git": lambda d: f"commit {hexa(d, 20)}\nparent {hexa(d, 32)}",
    "uuid": lambda d: f"id: {uuid.UUID(bytes=d.randbytes(16))}",
    "etag": lambda d: f'ETag: W/"{b64(d, 32)}"',
    "etag in json": lambda d: f'{{"etag": "\\"{url64(d, 64)}\\""}}',
    "etag in hex": lambda d: f'etag: "{hexa(d, 16)}-12"',
    "content digest": lambda d: f"Content-Digest: sha-256=:{b64(d, 32)}:, sha-512=:{b64(d, 64)}:",
    "digest": lambda d: f"Digest: SHA-256={b64(d, 32)}",
    "content md5": lambda d: f"Content-MD5: {b64(d, 16)}",
    "fingerprint": lambda d: f"ED25519 key fingerprint is SHA256:{b64(d, 32)[:43]}.",
    "png": lambda d: f"![x](data:image/png;base64,{b64(d, 300, bytes.fromhex('89504e470d0a1a0a0000000d'))})",
    "jpeg": lambda d: f'<img src="data:image/jpeg;base64,{b64(d, 300, bytes.fromhex("ffd8ffe0"))}">',
    "avif": lambda d: f"url(data:image/avif;base64,{b64(d, 300, bytes.fromhex('0000001c') + b'ftypavif')})",
    "svg": lambda d: f"url(data:image/svg+xml;charset=utf-8;base64,{b64(d, 90, b'<svg xmlns=')})",
    "font": lambda d: f"src: url(data:font/woff2;base64,{b64(d, 300, b'wOF2' + bytes([0, 1, 0, 0]))})",
    "certificate": lambda d: armoured("CERTIFICATE", b64(d, 700, b"0\x82\x02\xbc")),
    "certificate in json": lambda d: (
        f'"{armoured("CERTIFICATE", b64(d, 700, bytes.fromhex("308202bc")), end=chr(92) + "n")}"'
    ),
    "request": lambda d: armoured("CERTIFICATE REQUEST", b64(d, 300, b"0\x82")),
    "public key": lambda d: armoured("PUBLIC KEY", b64(d, 290, b"0\x82\x01\x22")),
    "signature": lambda d: armoured("PGP SIGNATURE", b64(d, 300)),
    "ssh-ed25519": lambda d: ssh_key(d, "ssh-ed25519", 32),
    "ssh-rsa": lambda d: ssh_key(d, "ssh-rsa", 3, 385),
    "ecdsa": lambda d: ssh_key(d, "ecdsa-sha2-nistp256", 8, 65),
}
NAMED = [
    "api_key: ", 'api_key: "', "token = ", '"access_token": "', "_authToken=", "password=", "Authorization: Bearer ",
    "SIGNING_KEY='", "client_secret => ",
]  # fmt: skip


def categories(text: str, *, limited: bool = False) -> set[str]:
    return {hit.category for hit in find_secrets(text, limited=limited)}


@pytest.mark.parametrize("kind", PUBLISHED)
def test_what_is_published_is_no_secret(kind: str) -> None:
    """Nor is a file of it."""
    draw = random.Random(kind)
    texts = [PUBLISHED[kind](draw) for _ in range(EACH)]

    assert [text for text in [*texts, "\n".join(texts)] if categories(text)] == []


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_real_lock_files_are_clean(lock: str) -> None:
    """Our own."""
    assert categories((ROOT / lock).read_text()) == set()


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("kind", ["sha256-", "sha384-", "sha512-", "h1:"])
def test_a_name_makes_it_a_secret(name: str, kind: str) -> None:
    """Of exactly the digest's form: as much of it counts as where nothing is known of digests."""
    size = {"sha384-": 48, "sha512-": 64}.get(kind, 32)
    digest = kind + b64(random.Random(name + kind), size)
    text = f"{name}{digest}\n"
    found = find_secrets(text)

    assert found
    assert found == find_secrets(text, limited=True)


@pytest.mark.parametrize(
    "change",
    [
        lambda digest: digest[:-3],
        lambda digest: digest[:-2] + "a==",
        lambda digest: digest + "a",
        lambda digest: "x" + digest,
        lambda digest: digest.replace("sha512-", "sha256-"),
        lambda digest: digest.replace("sha512-", "sha999-"),
        lambda digest: digest[:-3] + "b==",
        lambda digest: digest.removeprefix("sha512-"),
    ],
    ids=["short", "long", "glued behind", "glued before", "other size", "no digest", "padding", "bare"],
)
def test_what_is_no_digest_stays_random(change: Callable[[str], str]) -> None:
    """The notation, the length and the edges all count."""
    digest = f"sha512-{b64(random.Random(5), 64)}"
    assert categories(f'"integrity": "{digest}"') == set()
    assert "high_entropy" in categories(f'"integrity": "{change(digest)}"')


def test_secrets_beside_published_values_are_found() -> None:
    """A random token on the next line, a private key between certificates, an issuer's token in a picture."""
    draw = random.Random(8)
    token = "".join(draw.choices(ALPHABET, k=40))
    line = PUBLISHED["npm"](draw)
    (first, *_) = found = values(find_secrets(f"{line}\n{token}\n{line}"))
    assert len(found) == 1
    assert (first.start, first.end) == (len(line) + 1, len(line) + 41)

    certificate, key = PUBLISHED["certificate"](draw), armoured("PRIVATE KEY", b64(draw, 700, b"0\x82\x02\xbc"))
    text = f"{certificate}\n{key}\n{certificate}"
    found = values(find_secrets(text))
    assert {hit.category for hit in found} == {"private_key", "high_entropy"}
    assert all(text.index(key) <= hit.start and hit.end <= text.index(key) + len(key) for hit in found)

    secret = made("AKIA{16b}", 1)
    picture = (
        f"data:image/png;base64,{b64(draw, 300, bytes.fromhex('89504e470d0a1a0a0000000d'))}/{secret}/{b64(draw, 60)}"
    )
    assert categories(picture) == {"aws_access_key", "high_entropy"}


def test_two_letters_in_a_digest_are_no_prefix() -> None:
    """One in some thousands has what could be a key of Yandex Cloud in it. By itself it is one."""
    key = made("YC{38A}", 2)
    digest = f"{b64(random.Random(11), 64)[:30]}+{key}+{'Q' * 14}"[:85] + "Q=="

    assert categories(f'"integrity": "sha512-{digest}"') == set()
    assert "yandex_cloud_secret" in categories(f'"key": "{key}"')
    assert "yandex_cloud_secret" in categories(f'"api_key": "sha512-{digest}"')


def test_the_inside_of_a_digest_is_not_told_in_an_answer() -> None:
    """Answers are judged in pieces, whole ones like streamed ones, and a piece does not show what it is a piece of."""
    assert categories(PUBLISHED["npm"](random.Random(9)), limited=True) == {"high_entropy"}


def test_many_beginnings_are_read_once() -> None:
    """What begins like a published value and does not end hides nothing behind it."""
    token = "".join(random.Random(10).choices(ALPHABET, k=40))
    for beginning in ("-----BEGIN CERTIFICATE-----\nM", "ssh-rsa AAAAB3NzaC1yc2E", "data:image/png;base64,", "sha512-"):
        text = f"{beginning} " * 5_000 + token
        assert "high_entropy" in categories(text)
