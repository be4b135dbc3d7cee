"""Why a provider refused a request, where it matters for what is done next."""

from __future__ import annotations

import json
from typing import Any, Final, Literal

_CONTEXT_CODES: Final = frozenset({"context_length_exceeded", "string_above_max_length", "request_too_large"})
_CONTENT_CODES: Final = frozenset({"content_filter", "content_policy_violation"})
_CONTEXT_WORDS: Final = (
    "maximum context length",
    "prompt is too long",
    "input is too long",
    "context window",
    "context limit",
)
_CONTENT_WORDS: Final = ("content management policy", "content policy", "content filtering policy")


def refused_because(status: int, body: bytes) -> Literal["context_window", "content_policy"] | None:
    """
    The request is too long for the model, or offends the provider; None for every other reason.

    OpenAI and Azure say so in `error.code`, Anthropic in `error.type` or its message, Bedrock and servers that imitate
    them in words. What cannot be read is no reason.
    """
    if status not in {400, 413, 422}:
        return None
    codes, message = _said(body)
    if codes & _CONTEXT_CODES or any(words in message for words in _CONTEXT_WORDS):
        return "context_window"
    if codes & _CONTENT_CODES or any(words in message for words in _CONTENT_WORDS):
        return "content_policy"
    return None


def _said(body: bytes) -> tuple[set[str], str]:
    try:
        document: Any = json.loads(body)
    except (ValueError, RecursionError):
        return set(), ""
    error = document.get("error", document) if isinstance(document, dict) else None
    if not isinstance(error, dict):
        return set(), ""
    codes = {code for code in (error.get("code"), error.get("type")) if isinstance(code, str)}
    message = error.get("message")
    return codes, message.lower() if isinstance(message, str) else ""
