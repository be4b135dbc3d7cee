"""Credentials: made in the form of each issuer, and harmless lines, digests and identifiers."""

from __future__ import annotations

import hashlib
import random
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


def section(harmless: Sequence[str], compare: Path | None) -> Iterator[str]:
    yield "## Credentials\n"
    credentials = [f'key = "{made(form, seed)}"' for _, form in VECTORS for seed in range(EACH)]
    issuers = len({category for category, _ in VECTORS})
    yield (
        f"{len(VECTORS)} forms of {issuers} issuers, {EACH} credentials of each, made for this page in the forms that\n"
        "we know: that all are found says that the rules work, not that we know every form. Flagged are:\n"
    )
    sets = {"credentials": credentials, "harmless texts": list(harmless), "digests and UUIDs": _digests()}
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
