"""
Keys of local emulators: everybody has the same, and they open no other door.

What issuers print in their documentation (`AKIAIOSFODNN7EXAMPLE`) is not among them. It has the form of a key, it is
what people try a scanner with, and to redact it costs nothing.
"""

from __future__ import annotations

from typing import Final

EMULATOR_KEYS: Final = frozenset(
    {
        # Microsoft, Azurite (well-known storage account and key) and Azure Cosmos DB emulator (authentication)
        "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw" + "==",
        "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw" + "==",
    }
)
_LEAST: Final = 16
_WHOLE: Final = "\n".join(sorted(EMULATOR_KEYS))


def no_emulator_key(text: str) -> int:
    """Refuse a key of an emulator, also behind the name that is a part of its form: `AccountKey=`."""
    return 0 if text in EMULATOR_KEYS or text.partition("=")[2] in EMULATOR_KEYS else len(text)


def no_part(text: str) -> int:
    """Refuse what lies within such a key, and is long enough not to do so by chance."""
    return 0 if len(text) >= _LEAST and text in _WHOLE else len(text)
