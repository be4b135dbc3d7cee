"""
Keys that differ from a known one in their spelling alone, as `Messages` does from `messages`.

Go's `encoding/json` takes them for the known one, whatever their case; protobuf's JSON takes `maxTokens` for
`max_tokens`. A provider that does would read another request than the one that was judged, so such a key is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Any, Final

from keeptrusts.core.errors import UnreadableError

MESSAGE_FIELDS: Final = frozenset(
    {"role", "content", "refusal", "reasoning", "reasoning_content", "name", "tool_calls", "function_call"}
)
_REQUEST_MESSAGE_FIELDS: Final = MESSAGE_FIELDS | {"tool_call_id"}
_PART_FIELDS: Final = frozenset({"type", "text", "refusal", "file", "image_url", "input_audio"})
_ATTACHMENT_FIELDS: Final = frozenset({"file_data", "file_id", "filename", "url", "detail", "data", "format"})
_CALL_FIELDS: Final = frozenset({"id", "type", "index", "function"})
_FUNCTION_FIELDS: Final = frozenset({"name", "arguments"})
_TOOL_FIELDS: Final = frozenset({"type", "function", "name", "description", "parameters", "strict"})


def refuse_lookalikes(given: Any, known: AbstractSet[str]) -> None:
    """
    Look at the keys of one object; anything else passes.

    Raises:
        UnreadableError: One of them is spelt nearly as a known one.
    """
    if not isinstance(given, dict) or given.keys() <= known:
        return
    meant = {_folded(name): name for name in known}
    for name in given:
        close = meant.get(_folded(name), name)
        if name != close:
            raise UnreadableError(f"a key differs from `{close}` in its spelling alone: spell it so, or leave it out")


def refuse_odd_message(message: Any) -> None:
    """The same for a message of a request, its parts and its calls."""
    refuse_lookalikes(message, _REQUEST_MESSAGE_FIELDS)
    if not isinstance(message, dict):
        return
    for part in _items(message.get("content")):
        refuse_lookalikes(part, _PART_FIELDS)
        for name in ("file", "image_url", "input_audio"):
            refuse_lookalikes(part.get(name), _ATTACHMENT_FIELDS)
    refuse_lookalikes(message.get("function_call"), _FUNCTION_FIELDS)
    for call in _items(message.get("tool_calls")):
        refuse_lookalikes(call, _CALL_FIELDS)
        refuse_lookalikes(call.get("function"), _FUNCTION_FIELDS)


def refuse_odd_tool(tool: Any) -> None:
    """The same for the definition of a tool; what its parameters are called is free."""
    refuse_lookalikes(tool, _TOOL_FIELDS)
    if isinstance(tool, dict):
        refuse_lookalikes(tool.get("function"), _TOOL_FIELDS)


def _items(given: Any) -> Iterator[dict[str, Any]]:
    return (item for item in given if isinstance(item, dict)) if isinstance(given, list) else iter(())


def _folded(name: str) -> str:
    return name.casefold().replace("_", "")
