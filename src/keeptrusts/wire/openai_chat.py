"""
OpenAI's chat completions: request, answer and streamed chunks, read into texts that remember their places.

Source: the API reference of OpenAI, "Chat"; a field that is not named here is a text (law 3). What a part of
a request attaches (an image, audio, a file) is a document, for a policy that reads documents; any other part that is no
text is refused: no policy reads it, and unreadable is not allowed (law 2).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from keeptrusts.core.errors import UnreadableError
from keeptrusts.core.exchange import Part, Place, Role
from keeptrusts.wire.attachments import NOT_TEXT, PARTS, collect
from keeptrusts.wire.filter_verdicts import FILTER_FIELDS
from keeptrusts.wire.readings import ModelAnswer, ModelRequest, Usage
from keeptrusts.wire.sealed import LEAST_CHARS, legible
from keeptrusts.wire.spelling import MESSAGE_FIELDS, refuse_lookalikes, refuse_odd_message, refuse_odd_tool
from keeptrusts.wire.strict_json import parse_object
from keeptrusts.wire.texts import SCHEMA_WORDS, Shape, TextCollector, is_model_name, is_number, is_token, one_of

ROLES: Final = {
    "system": Role.SYSTEM,
    "developer": Role.SYSTEM,
    "user": Role.USER,
    "assistant": Role.ASSISTANT,
    "tool": Role.TOOL,
    "function": Role.TOOL,
}

_SWITCHES: Final = one_of()
_REQUEST_FIELDS: Final[Mapping[str, Shape]] = {
    "model": is_model_name,
    "stream": _SWITCHES,
    "store": _SWITCHES,
    "logprobs": _SWITCHES,
    "parallel_tool_calls": _SWITCHES,
    "temperature": is_number,
    "top_p": is_number,
    "n": is_number,
    "seed": is_number,
    "top_logprobs": is_number,
    "max_tokens": is_number,
    "max_completion_tokens": is_number,
    "presence_penalty": is_number,
    "frequency_penalty": is_number,
    "reasoning_effort": one_of("none", "minimal", "low", "medium", "high", "xhigh", "max"),
    "verbosity": one_of("low", "medium", "high"),
    "service_tier": one_of("auto", "default", "flex", "priority", "scale"),
}
_ANSWER_FIELDS: Final[Mapping[str, Shape]] = {
    "id": is_token,
    "object": one_of("chat.completion", "chat.completion.chunk"),
    "created": is_number,
    "model": is_model_name,
    "service_tier": is_token,
    "system_fingerprint": is_token,
    "obfuscation": is_token,
    **FILTER_FIELDS,
}
_USAGE_WORDS: Final = frozenset(
    {"prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details", "completion_tokens_details"}
    | {"cached_tokens", "audio_tokens", "text_tokens", "image_tokens", "reasoning_tokens"}
    | {
        "accepted_prediction_tokens",
        "rejected_prediction_tokens",
        "prompt_cache_hit_tokens",
        "prompt_cache_miss_tokens",
    }
)
_MEDIA: Final = ("audio", "images")
_READ_APART: Final = frozenset(
    {"messages", "tools", "functions", "user", "tool_choice", "function_call", "stream_options", "web_search_options"}
)
_SEARCH: Final = "web_search_options"
_SEARCH_WORDS: Final = frozenset(
    {"search_context_size", "user_location", "type", "approximate", "city", "country", "region"} | {"timezone"}
)
_REQUEST_KEYS: Final = frozenset(_REQUEST_FIELDS) | _READ_APART
_CHOICE_FIELDS: Final[Mapping[str, Shape]] = {
    "index": is_number,
    "finish_reason": one_of("stop", "length", "tool_calls", "content_filter", "function_call"),
    **FILTER_FIELDS,
}
_TOOL_CHOICES: Final = frozenset({"none", "auto", "required"})
_STREAM_OPTIONS: Final[Mapping[str, Shape]] = {"include_usage": _SWITCHES, "include_obfuscation": _SWITCHES}


def read_request(raw: bytes) -> ModelRequest:
    """
    Read a request.

    Raises:
        UnreadableError: Not JSON that means one thing, not a chat request, or with a part that no policy reads.
    """
    document = parse_object(raw)
    refuse_lookalikes(document, _REQUEST_KEYS)
    messages = document.get("messages")
    if not isinstance(messages, list) or not messages:
        raise UnreadableError("`messages` is missing or empty: send a list of messages")
    collector = TextCollector()
    collector.takes_documents = True
    for index, message in enumerate(messages):
        refuse_odd_message(message)
        _message(collector, message, ("messages", index))
    collector.role = Role.USER
    tools = _tools(collector, document)
    _request_fields(collector, document)
    if document.get("modalities") not in (None, [], ["text"]):
        raise UnreadableError("`modalities` ask for sound or pictures, and no policy reads them: ask for text only")
    key = _cap_key(document)
    return ModelRequest(
        raw=raw,
        document=document,
        texts=tuple(collector.texts),
        tool_calls=tuple(collector.calls),
        tools=tools,
        model=model_of(document),
        stream=flag_of(document, "stream"),
        max_tokens=_count(document, key),
        max_tokens_key=key,
        message_count=len(messages),
        user=user if isinstance(user := document.get("user"), str) else None,
        documents=tuple(collector.documents),
    )


def read_answer(raw: bytes) -> ModelAnswer:
    """
    Read a whole answer.

    Raises:
        UnreadableError: It is no chat completion.
    """
    document = parse_object(raw)
    choices = document.get("choices")
    if not isinstance(choices, list):
        raise UnreadableError("the answer has no `choices`")
    collector = TextCollector(Role.ASSISTANT)
    logprobs: list[Place] = []
    for index, choice in enumerate(choices):
        if not isinstance(choice, dict):
            raise UnreadableError("a choice is not an object")
        collector.choice = index
        place: Place = ("choices", index)
        _message(collector, choice.get("message"), (*place, "message"))
        collector.role = Role.ASSISTANT
        if choice.get("logprobs") is not None:
            logprobs.append((*place, "logprobs"))
        others = {name: value for name, value in choice.items() if name not in {"message", "logprobs"}}
        collector.members(others, place, _CHOICE_FIELDS)
    others = {name: value for name, value in document.items() if name not in {"choices", "usage"}}
    collector.members(others, (), _ANSWER_FIELDS)
    collector.texts += usage_texts(document).texts
    return ModelAnswer(
        raw, tuple(collector.texts), tuple(collector.calls), tuple(logprobs), usage_of(document.get("usage"))
    )


NEW_CAP: Final = frozenset({"openai", "azure"})
"""Providers whose newer models take a cap on the answer as `max_completion_tokens` alone."""
_UNKNOWN_TO: Final = {"mistral": ("stream_options", "user")}
"""What translations add that a provider refuses as unknown; it tells its usage unasked."""


def fitted(raw: bytes, provider: str) -> bytes:
    """A translated request as this provider takes it. What a client of chat sends is not touched."""
    if provider not in NEW_CAP and provider not in _UNKNOWN_TO:
        return raw
    document = parse_object(raw)
    if provider in NEW_CAP and "max_tokens" in document:
        document["max_completion_tokens"] = document.pop("max_tokens")
    for name in _UNKNOWN_TO.get(provider, ()):
        document.pop(name, None)
    return json.dumps(document, ensure_ascii=False).encode()


def usage_of(given: Any) -> Usage:
    """Counts from a `usage` object; anything else counts as not said."""
    if not isinstance(given, dict):
        return Usage()
    details = given.get("prompt_tokens_details")
    cached = natural(details.get("cached_tokens")) if isinstance(details, dict) else None
    return Usage(natural(given.get("prompt_tokens")), natural(given.get("completion_tokens")), cached)


def usage_texts(document: Mapping[str, Any]) -> TextCollector:
    """What stands in `usage` besides counts."""
    collector = TextCollector(Role.ASSISTANT)
    collector.walk(document.get("usage"), ("usage",), Part.OTHER, _USAGE_WORDS)
    return collector


def refuse_media(message: Mapping[str, Any]) -> None:
    """
    Refuse what no policy reads.

    Raises:
        UnreadableError: The message holds sound or pictures.
    """
    if any(message.get(name) for name in _MEDIA):
        raise UnreadableError("a message holds sound or pictures, and no policy reads them: ask for text only")


def _message(collector: TextCollector, message: Any, place: Place) -> None:
    if not isinstance(message, dict):
        raise UnreadableError("a message is not an object: send `role` and `content`")
    role = message.get("role", "assistant")
    if not isinstance(role, str) or role not in ROLES:
        raise UnreadableError("a message has a role that is not known: use system, user, assistant or tool")
    refuse_media(message)
    collector.role = ROLES[role]
    part = Part.TOOL_RESULT if collector.role is Role.TOOL else Part.CONTENT
    _content(collector, message.get("content"), (*place, "content"), part)
    for name, kind in (("refusal", Part.REFUSAL), ("reasoning", Part.REASONING), ("reasoning_content", Part.REASONING)):
        collector.walk(message.get(name), (*place, name), kind)
    collector.walk(message.get("name"), (*place, "name"), Part.NAME)
    _calls(collector, message, place)
    others = {name: value for name, value in message.items() if name not in MESSAGE_FIELDS}
    collector.members(legible(others, LEAST_CHARS), place, {"tool_call_id": is_token})


def _content(collector: TextCollector, content: Any, place: Place, part: Part) -> None:
    if not isinstance(content, list):
        collector.walk(content, place, part)
        return
    for index, piece in enumerate(content):
        here: Place = (*place, index)
        if not isinstance(piece, dict):
            collector.walk(piece, here, part)
            continue
        match piece.get("type"):
            case "text":
                collector.walk(piece.get("text"), (*here, "text"), part)
            case "refusal":
                collector.walk(piece.get("refusal"), (*here, "refusal"), Part.REFUSAL)
            case str() as kind if collector.takes_documents and kind in PARTS:
                collect(collector, kind, piece.get(kind), (*here, kind))
            case _:
                raise UnreadableError(NOT_TEXT)
        others = {name: value for name, value in piece.items() if name not in {"type", piece["type"]}}
        collector.members(others, here, {})


def _calls(collector: TextCollector, message: Mapping[str, Any], place: Place) -> None:
    if message.get("function_call") is not None:
        collector.call(message["function_call"], (*place, "function_call"), "")
    calls = message.get("tool_calls")
    if calls is None:
        return
    if not isinstance(calls, list):
        raise UnreadableError("`tool_calls` is not a list")
    for index, call in enumerate(calls):
        here: Place = (*place, "tool_calls", index)
        if not isinstance(call, dict):
            raise UnreadableError("a tool call is not an object")
        collector.call(call.get("function"), (*here, "function"), call.get("id"))
        others = {name: value for name, value in call.items() if name != "function"}
        collector.members(
            legible(others, LEAST_CHARS), here, {"id": is_token, "type": one_of("function"), "index": is_number}
        )


def _tools(collector: TextCollector, document: Mapping[str, Any]) -> tuple[str, ...]:
    names: list[str] = []
    for key in ("tools", "functions"):
        listed = document.get(key)
        if listed is None:
            continue
        if not isinstance(listed, list):
            raise UnreadableError(f"`{key}` is not a list")
        for index, tool in enumerate(listed):
            names += _tool(collector, tool, (key, index))
    if document.get(_SEARCH) is not None:  # the provider searches: a tool by the name that it has in other formats
        collector.walk(document[_SEARCH], (_SEARCH,), Part.TOOL_DEFINITION, _SEARCH_WORDS)
        names.append("web_search")
    return tuple(names)


def _tool(collector: TextCollector, tool: Any, place: Place) -> list[str]:
    refuse_odd_tool(tool)
    collector.walk(tool, place, Part.TOOL_DEFINITION, SCHEMA_WORDS | {"function", "name", "parameters"})
    inner = tool.get("function", tool) if isinstance(tool, dict) else None
    name = inner.get("name") if isinstance(inner, dict) else None
    if not isinstance(name, str):
        raise UnreadableError("a tool has no name: send `function.name`")
    return [name]


def _request_fields(collector: TextCollector, document: Mapping[str, Any]) -> None:
    others = {name: value for name, value in document.items() if name not in _READ_APART}
    collector.members(others, (), _REQUEST_FIELDS)
    collector.walk(document.get("user"), ("user",), Part.NAME)
    for name in ("tool_choice", "function_call"):
        choice = document.get(name)
        if not (isinstance(choice, str) and choice in _TOOL_CHOICES):
            collector.walk(choice, (name,), Part.TOOL_DEFINITION, SCHEMA_WORDS | {"function", "name"})
    options = document.get("stream_options")
    if isinstance(options, dict):
        collector.members(options, ("stream_options",), _STREAM_OPTIONS)
    elif options is not None:
        raise UnreadableError("`stream_options` is not an object")


def _cap_key(document: Mapping[str, Any]) -> str:
    """Providers differ on which of two caps counts, so there may be one."""
    names = [name for name in ("max_completion_tokens", "max_tokens") if document.get(name) is not None]
    if len(names) > 1:
        raise UnreadableError("`max_tokens` and `max_completion_tokens` are both there: send one of them")
    present = (name for name in ("max_completion_tokens", "max_tokens") if name in document)
    return names[0] if names else next(present, "max_tokens")


def model_of(document: Mapping[str, Any]) -> str:
    """The model that a request names. Raises `UnreadableError`."""
    model = document.get("model")
    if not isinstance(model, str) or not model:
        raise UnreadableError("`model` is missing: name the model")
    return model


def flag_of(document: Mapping[str, Any], name: str) -> bool:
    """A switch, off when it is absent. Raises `UnreadableError`."""
    value = document.get(name)
    if value is not None and not isinstance(value, bool):
        raise UnreadableError(f"`{name}` is not true or false")
    return bool(value)


def _count(document: Mapping[str, Any], name: str) -> int | None:
    value = document.get(name)
    if value is None:
        return None
    if natural(value) is None:
        raise UnreadableError(f"`{name}` is not a whole number of 0 or more")
    return int(value)


def natural(value: Any) -> int | None:
    """A count; None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
