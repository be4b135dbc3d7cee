"""Why a provider refused a request, where it matters for what is done next; and that it failed amid a stream."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, Literal

from keeptrusts.core.errors import UpstreamLostError

_CONTEXT_CODES: Final = frozenset({"context_length_exceeded", "string_above_max_length", "request_too_large"})
_CONTENT_CODES: Final = frozenset({"content_filter", "content_policy_violation"})
_NAME_CHARS: Final = 64
_NAME_LETTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.[]")
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


def named_by(body: bytes, amazons: str = "") -> str:
    """
    By what names a provider refuses a request: its code or type, and the parameter; empty when it tells none.

    What it says in words may hold what the client sent, or a key, and is passed on to nobody.

    Args:
        amazons: The field `x-amzn-errortype`, behind whose name a URL may stand.
    """
    error = _error(body) or {}
    code, kind, parameter = (_name(error.get(name)) for name in ("code", "type", "param"))
    told = code or kind or _name(amazons.partition(":")[0])
    return f"`{told}` of `{parameter}`" if told and parameter else f"`{told}`" if told else ""


def _name(value: Any) -> str:
    """A word as programs write them; anything else is none."""
    fits = isinstance(value, str) and len(value) <= _NAME_CHARS and _NAME_LETTERS.issuperset(value)
    return value if fits else ""


def refuse_failure(event: Mapping[str, Any]) -> None:
    """
    Look at what is no part of an answer. What a provider says of its failure may hold anything, and is not repeated.

    Raises:
        UpstreamLostError: The provider says there that it failed.
    """
    if event.get("error") is not None or event.get("type") in _FAILED:
        raise UpstreamLostError("the provider says that it failed")


def _error(body: bytes) -> dict[str, Any] | None:
    try:
        document: Any = json.loads(body)
    except (ValueError, RecursionError):
        return None
    error = document.get("error", document) if isinstance(document, dict) else None
    return error if isinstance(error, dict) else None


def _said(body: bytes) -> tuple[set[str], str]:
    error = _error(body)
    if error is None:
        return set(), ""
    codes = {code for code in (error.get("code"), error.get("type")) if isinstance(code, str)}
    message = error.get("message")
    return codes, message.lower() if isinstance(message, str) else ""
