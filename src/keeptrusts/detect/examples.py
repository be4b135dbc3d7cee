"""
Credentials that their issuers print in their own documentation, or that open no door but a local emulator's.

Each stands here whole: a word like EXAMPLE within a key says nothing by itself.
"""

from __future__ import annotations

from typing import Final

EXAMPLES: Final = frozenset(
    {
        # AWS, IAM User Guide (security credentials) and CLI User Guide (configuration files)
        "AKIAIOSFODNN7" + "EXAMPLE",
        "ASIAIOSFODNN7" + "EXAMPLE",
        "AKIAI44QH8DHB" + "EXAMPLE",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCY" + "EXAMPLEKEY",
        "je7MtGbClwBF/2Zp9Utk/h3yCo8nvb" + "EXAMPLEKEY",
        # Stripe, API reference (authentication) and guide to the first request: test mode, of an account for everybody
        "sk_test_" + "4eC39HqLyjWDarjtT1zdp7dc",
        "sk_test_" + "BQokikJOvBiI2HlWgH4olfQ2",
        # Microsoft, Azurite (well-known storage account and key) and Azure Cosmos DB emulator (authentication)
        "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw" + "==",
        "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw" + "==",
    }
)
_LEAST: Final = 16
_WHOLE: Final = "\n".join(sorted(EXAMPLES))


def no_example(text: str) -> int:
    """Refuse an example, also behind the name that is a part of its form: `AccountKey=`."""
    return 0 if text in EXAMPLES or text.partition("=")[2] in EXAMPLES else len(text)


def no_part(text: str) -> int:
    """Refuse what lies within an example, and is long enough not to do so by chance."""
    return 0 if len(text) >= _LEAST and text in _WHOLE else len(text)
