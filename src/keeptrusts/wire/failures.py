"""Why a provider refused a request, where it matters for what is done next; and that it failed amid a stream."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, Literal

from keeptrusts.core.errors import UpstreamLostError

_CONTEXT_CODES: Final = frozenset({"context_length_exceeded", "string_above_max_length", "request_too_large"})
_CONTENT_CODES: Final = frozenset({"content_filter", "content_policy_violation"})
_FAILED: Final = ("error", "response.failed")
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


def refuse_failure(event: Mapping[str, Any]) -> None:
    """
    Look at what is no part of an answer. What a provider says of its failure may hold anything, and is not repeated.

    Raises:
        UpstreamLostError: The provider says there that it failed.
    """
    if event.get("error") is not None or event.get("type") in _FAILED:
        raise UpstreamLostError("the provider says that it failed")


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
