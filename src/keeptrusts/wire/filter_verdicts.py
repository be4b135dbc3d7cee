"""
What Azure's content filter says of a prompt and of each piece of an answer: categories and how severe they are.

Source: Azure OpenAI in Foundry Models, "Content filtering". It says nothing of the text itself, so it is no text; but a
citation of protected material is, and whatever else stands there.
"""

from __future__ import annotations

from typing import Any, Final

_KEYS: Final = frozenset({
    "content_filter_results", "content_filter_result", "prompt_index", "error", "filtered", "detected", "severity",
    "hate", "self_harm", "sexual", "violence", "profanity", "jailbreak", "indirect_attack", "custom_blocklists",
    "custom_topics", "details", "protected_material_text", "protected_material_code", "ungrounded_material",
    "personally_identifiable_information", "task_adherence", "content_filter_offsets", "check_offset", "start_offset",
    "end_offset",
})  # fmt: skip
_SEVERITIES: Final = frozenset({"safe", "low", "medium", "high"})
_MOST_DEPTH: Final = 6


def is_filter_verdict(value: Any, depth: int = 0) -> bool:
    """Whether it is made of these words, of switches and of numbers alone."""
    match value:
        case None | bool() | int() | float():
            return True
        case str():
            return value in _SEVERITIES
        case dict() if depth < _MOST_DEPTH:
            return value.keys() <= _KEYS and all(is_filter_verdict(one, depth + 1) for one in value.values())
        case list() if depth < _MOST_DEPTH:
            return all(is_filter_verdict(one, depth + 1) for one in value)
        case _:
            return False


_FIELDS: Final = (
    "content_filter_results", "content_filter_result", "content_filter_offsets", "prompt_filter_results",
)  # fmt: skip
FILTER_FIELDS: Final = dict.fromkeys(_FIELDS, is_filter_verdict)
"""Of a choice, and of what stands around the choices."""
