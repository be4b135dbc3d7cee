"""
The providers that a target may name: where their API is, and how it wants its key.

Sources: the API references of each; Google's is its endpoint for OpenAI's clients. Azure has two: the current one under
`/openai/v1`, where `model` names the deployment, and the dated ones, where the path does and a version is asked for.
Amazon's is asked by Converse, in the region that the document names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

ALIASES: Final[Mapping[str, str]] = {"azure-openai": "azure", "aws-bedrock": "bedrock"}


@dataclass(frozen=True, slots=True)
class Provider:
    """
    Args:
        root: Where its API is when the document does not say; empty when it has to.
        prefix: What stands between the root and `/chat/completions`.
        key_header: Default of `api_key_header`; the prefix of the key follows from it.
    """

    root: str = ""
    format: Literal["openai", "anthropic", "bedrock"] = "openai"
    prefix: str = "/v1"
    key_header: str = "authorization"

    @property
    def key_prefix(self) -> str:
        """What stands before the key: `authorization` has a scheme, a field of its own has none."""
        return "Bearer " if self.key_header == "authorization" else ""


KNOWN: Final[Mapping[str, Provider]] = {
    "openai": Provider("https://api.openai.com"),
    "openai-compatible": Provider(),
    "anthropic": Provider("https://api.anthropic.com", "anthropic", key_header="x-api-key"),
    "bedrock": Provider(format="bedrock", prefix=""),
    "azure": Provider(prefix="/openai/v1", key_header="api-key"),
    "google": Provider("https://generativelanguage.googleapis.com/v1beta/openai", prefix=""),
    "groq": Provider("https://api.groq.com/openai"),
    "mistral": Provider("https://api.mistral.ai"),
    "ollama": Provider("http://127.0.0.1:11434"),
    "mock": Provider(),
}


_ZONES: Final = {"cn": "amazonaws.com.cn", "eusc": "amazonaws.eu"}
"""Partitions of Amazon with a name of their own, by what their regions begin with."""


def amazon_zone(region: str) -> str:
    """What the names of Amazon's services end with in a region."""
    return _ZONES.get(region.partition("-")[0], "amazonaws.com")


def bedrock_root(region: str) -> str:
    """Where Bedrock is asked in a region of Amazon's."""
    return f"https://bedrock-runtime.{region}.{amazon_zone(region)}"


def canonical(name: str) -> str:
    """The one name of a provider that may be spelt in two ways."""
    return ALIASES.get(name, name)


def root_of(url: str, provider: Provider) -> str:
    """A base URL without a trailing slash and without what the paths begin with."""
    root = url.rstrip("/").removesuffix("/v1").rstrip("/")
    return root.removesuffix("/openai") if provider.prefix == "/openai/v1" else root
