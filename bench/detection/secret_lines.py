"""Credentials: made in the form of each issuer, and harmless lines, digests and identifiers."""

from __future__ import annotations

import hashlib
import random
import string
import sysconfig
import uuid
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from others import said_by
from ranking import table

from keeptrusts.detect.secret import find_secrets
from support.credentials import VECTORS, made

EACH = 5
"""Credentials of each form."""
DIGESTS = 500
NAMES = (
    *("password", "db_password", "smtp_pass", "root_pass", "secret", "client_secret", "app_secret", "webhook_secret"),
    *(
        "api_key",
        "service_key",
        "auth_key",
        "signing_key",
        "encryption_key",
        "storage_key",
        "license_key",
        "private_key",
    ),
    *("access_token", "refresh_token", "bot_token", "vendor_token", "deploy_token", "credentials", "session_token"),
)


def section(harmless: Sequence[str], compare: Path | None) -> Iterator[str]:
    yield "## Credentials\n"
    credentials = [f'key = "{made(form, seed)}"' for _, form in VECTORS for seed in range(EACH)]
    issuers = len({category for category, _ in VECTORS})
    yield (
        f"{len(VECTORS)} forms of {issuers} issuers, {EACH} credentials of each, made for this page in the forms that\n"
        "we know: that all are found says that the rules work, not that we know every form. Flagged are:\n"
    )
    sets = {
        "credentials": credentials,
        "random values behind names": _named(),
        "harmless texts": list(harmless),
        "digests and UUIDs": _digests(),
        "modules of Python's library": _modules(),
    }
    tools: dict[str, Callable[[list[str]], list[bool]]] = {
        "Keeptrusts": lambda lines: [bool(find_secrets(line)) for line in lines],
        "without `entropy`": lambda lines: [bool(find_secrets(line, entropy=False)) for line in lines],
    }
    if compare:
        tools["detect-secrets"] = lambda lines: [bool(spans) for spans in said_by(compare, "detect-secrets", lines)]
    rows = [
        (name, str(len(lines)), *(f"{sum(tool(lines)) / max(len(lines), 1):.4f}" for tool in tools.values()))
        for name, lines in sets.items()
    ]
    yield from table(("lines", "number", *tools), rows)


def _named() -> list[str]:
    """As configuration files, programs and logs name secrets of issuers that give them no form."""
    draw, alphabets = random.Random(7), (string.ascii_letters + string.digits, "0123456789abcdef")
    lines = []
    for name in NAMES:
        for _ in range(EACH):
            value = "".join(draw.choices(draw.choice(alphabets), k=draw.randint(12, 40)))
            lines += [f"{name.upper()}={value}", f'{name}: "{value}"', f"{name} = '{value}'"]
    return lines


def _modules() -> list[str]:
    folder = Path(sysconfig.get_path("stdlib"))
    return [path.read_text(encoding="utf-8", errors="replace") for path in sorted(folder.glob("*.py"))]


def _digests() -> list[str]:
    draw = random.Random(3)
    lines = []
    for _ in range(DIGESTS):
        data = draw.randbytes(32)
        lines += [hashlib.sha256(data).hexdigest(), hashlib.sha1(data).hexdigest(), f"id: {uuid.UUID(bytes=data[:16])}",
                  f"sha256:{data.hex()}", f"commit {data[:20].hex()}",
                  f'"integrity": "sha512-{b64encode(hashlib.sha512(data).digest()).decode()}",',
                  f"golang.org/x/net v0.35.0 h1:{b64encode(data).decode()}"]  # fmt: skip
    return lines
