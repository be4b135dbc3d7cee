"""
Fields of a chat request on its way to a provider of another form.

What asks for nothing, as clients that write out every default send it, is left out. So are hints, which change nothing
about what is answered. What has no counterpart is refused by its name: the caller would believe that it was heeded.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final

from keeptrusts.core.errors import UnreadableError
from keeptrusts.wire.json_mode import asked_by_tool
from keeptrusts.wire.strict_json import parse_object

_HINTS: Final = frozenset({
    "store", "service_tier", "seed", "metadata", "stream_options", "prompt_cache_key", "prompt_cache_retention",
    "prompt_cache_options", "safety_identifier",
})  # fmt: skip
_NOTHING: Final[Mapping[str, Any]] = {
    "n": 1,
    "frequency_penalty": 0,
    "presence_penalty": 0,
    "logit_bias": {},
    "logprobs": False,
    "top_logprobs": 0,
    "response_format": {"type": "text"},
    "modalities": ["text"],
    "tools": [],
    "functions": [],
}
"""Values that say what is so anyway."""
_OLDER: Final = {
    "functions": "`tools`",
    "function_call": "`tool_choice`, or `tool_calls` in messages",
}
EFFORTS: Final = {"minimal": "low", **{word: word for word in ("low", "medium", "high", "xhigh", "max")}}
"""`reasoning_effort` in the words of providers that know no `minimal`."""


def read_chat(raw: bytes, carried: AbstractSet[str]) -> dict[str, Any]:
    """
    A chat request, with the fields alone that a provider has a word for.

    Args:
        carried: Their names.

    Raises:
        UnreadableError: It asks for something else, or holds calls of the form that `tools` replaced.
    """
    asked = {
        name: value
        for name, value in parse_object(raw).items()
        if value is not None and name not in _HINTS and not _says_nothing(name, value)
    }
    unknown = next((name for name in asked if name not in carried), None)
    if unknown is not None:
        raise UnreadableError(_refused(unknown))
    asked = asked_by_tool(asked)
    for message in asked["messages"]:
        if message.get("function_call") is not None or message.get("role") == "function":
            raise UnreadableError(_refused("function_call"))
    return asked


def schema_of(form: Any) -> Mapping[str, Any]:
    """
    The schema that an answer has to keep, with the name and the description that chat gives it.

    Raises:
        UnreadableError: `response_format` is another form than that of a schema.
    """
    match form:
        case {"type": "json_schema", "json_schema": {"schema": dict()} as described}:
            found: Mapping[str, Any] = described
            return found
        case _:
            raise UnreadableError("this provider keeps a JSON schema alone: send `response_format` of `json_schema`")


def _says_nothing(name: str, value: Any) -> bool:
    nothing = _NOTHING.get(name)
    return nothing is not None and value == nothing and isinstance(value, bool) == isinstance(nothing, bool)


def _refused(name: str) -> str:
    newer = _OLDER.get(name)
    told = f"send {newer} instead" if newer else "leave it out"
    return f"`{name}` cannot be translated for this provider: {told}"
