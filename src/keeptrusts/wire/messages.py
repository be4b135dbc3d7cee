"""
Anthropic's Messages API as clients speak it: request and answer, read into texts that remember their places.

Source: the API reference of Anthropic, "Messages"; a field that is not named here is a text (law 3). A block that no
policy reads (an image, a PDF, one of a type that is not known) is refused: unreadable is not allowed (law 2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from keeptrusts.core.errors import UnreadableError
from keeptrusts.core.exchange import Part, Place, Role, ToolCall
from keeptrusts.wire.attachments import collect_source
from keeptrusts.wire.openai_chat import flag_of, model_of, natural
from keeptrusts.wire.readings import ModelAnswer, ModelRequest, Usage
from keeptrusts.wire.sealed import legible
from keeptrusts.wire.spelling import refuse_lookalikes
from keeptrusts.wire.strict_json import parse_object
from keeptrusts.wire.texts import (
    SCHEMA_WORDS,
    Shape,
    TextCollector,
    is_model_name,
    is_number,
    is_opaque,
    is_token,
    one_of,
)

ROLES: Final = {"user": Role.USER, "assistant": Role.ASSISTANT, "system": Role.SYSTEM}
CALLS: Final = frozenset({"tool_use", "server_tool_use"})
_STOP_REASONS: Final = one_of(
    "end_turn", "max_tokens", "stop_sequence", "tool_use", "pause_turn", "refusal", "model_context_window_exceeded"
)
_USAGE_WORDS: Final = frozenset({
    "input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "cache_creation",
    "ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens", "server_tool_use", "web_search_requests",
    "web_fetch_requests", "output_tokens_details", "thinking_tokens",
})  # fmt: skip
_USAGE_NAMES: Final = ("service_tier", "inference_geo", "speed")
_ANSWER_FIELDS: Final[Mapping[str, Shape]] = {
    "id": is_token,
    "type": one_of("message"),
    "role": one_of("assistant"),
    "model": is_model_name,
    "stop_reason": _STOP_REASONS,
}

_ENDING: Final = ("stop_sequence", "stop_details", "container", "diagnostics")
_ENDING_WORDS: Final = frozenset({"type", "category", "explanation", "id", "expires_at"})
_SWITCHES: Final = one_of()
_REQUEST_FIELDS: Final[Mapping[str, Shape]] = {
    "model": is_model_name,
    "max_tokens": is_number,
    "temperature": is_number,
    "top_p": is_number,
    "top_k": is_number,
    "stream": _SWITCHES,
    "service_tier": one_of("auto", "standard_only"),
    "inference_geo": is_token,
    "speed": one_of("standard", "fast"),
}
_THINKING: Final[Mapping[str, Shape]] = {
    "type": one_of("enabled", "disabled", "adaptive"),
    "budget_tokens": is_number,
    "display": one_of("summarized", "omitted"),
}
_READ_APART: Final = frozenset({
    "messages", "system", "tools", "tool_choice", "metadata", "thinking", "output_config", "stop_sequences",
    "cache_control",
})  # fmt: skip
_REQUEST_KEYS: Final = frozenset(_REQUEST_FIELDS) | _READ_APART
_BLOCK_KEYS: Final = frozenset({
    "type", "text", "thinking", "signature", "data", "id", "name", "input", "tool_use_id", "content", "is_error",
    "source", "title", "context", "citations", "cache_control",
})  # fmt: skip
_TOOL_KEYS: Final = frozenset({"type", "name", "description", "input_schema", "strict", "cache_control"})
_TOOL_WORDS: Final = SCHEMA_WORDS | {"name", "input_schema", "cache_control", "ephemeral", "input_examples"}
_EFFORTS: Final = one_of("low", "medium", "high", "xhigh", "max")
_CITATION_WORDS: Final = frozenset({
    "type", "cited_text", "document_index", "document_title", "file_id", "start_char_index", "end_char_index",
    "start_page_number", "end_page_number", "start_block_index", "end_block_index", "search_result_index", "source",
    "title", "url",
})  # fmt: skip
_MEDIA: Final = frozenset({"image", "document", "container_upload"})


def read_request(raw: bytes) -> ModelRequest:
    """
    Read a request.

    Raises:
        UnreadableError: Not JSON that means one thing, no Messages request, or with a block that no policy reads.
    """
    document = parse_object(raw)
    refuse_lookalikes(document, _REQUEST_KEYS)
    messages = document.get("messages")
    if not isinstance(messages, list) or not messages:
        raise UnreadableError("`messages` is missing or empty: send a list of messages")
    if document.get("mcp_servers"):
        raise UnreadableError("`mcp_servers` brings tools that no policy can see: send the tools themselves")
    collector = TextCollector(Role.SYSTEM)
    collector.takes_documents = True
    _content(collector, document.get("system"), ("system",), Part.CONTENT)
    for index, message in enumerate(messages):
        _message(collector, message, ("messages", index))
    collector.role = Role.USER
    tools = _tools(collector, document)
    user = _request_fields(collector, document)
    return ModelRequest(
        raw=raw,
        document=document,
        texts=tuple(collector.texts),
        tool_calls=tuple(collector.calls),
        tools=tools,
        model=model_of(document),
        stream=flag_of(document, "stream"),
        max_tokens=_cap(document),
        max_tokens_key="max_tokens",
        message_count=len(messages),
        user=user,
        documents=tuple(collector.documents),
    )


def read_count_request(raw: bytes) -> ModelRequest:
    """The same for a request that is counted, not answered: nothing caps its answer."""
    return replace(read_request(raw), max_tokens=None, max_tokens_key="")


def read_answer(raw: bytes) -> ModelAnswer:
    """
    Read a whole answer.

    Raises:
        UnreadableError: It is no message.
    """
    document = parse_object(raw)
    content = document.get("content")
    if document.get("type") != "message" or not isinstance(content, list):
        raise UnreadableError("the answer is no message")
    collector = TextCollector(Role.ASSISTANT)
    for index, block in enumerate(content):
        read_block(collector, block, ("content", index), Part.CONTENT)
    read_fields(collector, document, ())
    read_usage(collector, document.get("usage"), ("usage",))
    usage = usage_of(document.get("usage"))
    return ModelAnswer(raw, tuple(collector.texts), tuple(collector.calls), (), usage)


def read_count(raw: bytes) -> ModelAnswer:
    """
    Read the answer of `count_tokens`.

    Raises:
        UnreadableError: It holds no count.
    """
    document = parse_object(raw)
    if natural(document.get("input_tokens")) is None:
        raise UnreadableError("the answer holds no count of tokens")
    collector = TextCollector(Role.ASSISTANT)
    collector.members(document, (), {"input_tokens": is_number})
    return ModelAnswer(raw, tuple(collector.texts), (), (), Usage())


def usage_of(given: Any) -> Usage:
    """Counts from a `usage` object; what was read from a cache or written to one was asked, too."""
    if not isinstance(given, dict):
        return Usage()
    asked = [natural(given.get(f"{kind}input_tokens")) for kind in ("", "cache_creation_", "cache_read_")]
    counted = [count for count in asked if count is not None]
    return Usage(sum(counted) if counted else None, natural(given.get("output_tokens")), asked[2])


def read_fields(collector: TextCollector, message: Mapping[str, Any], place: Place) -> None:
    """What an answer, its beginning or its end says besides content and usage."""
    for name in _ENDING:
        collector.walk(message.get(name), (*place, name), Part.OTHER, _ENDING_WORDS)
    others = {name: value for name, value in message.items() if name not in {"content", "usage", *_ENDING}}
    collector.members(others, place, _ANSWER_FIELDS)


def read_usage(collector: TextCollector, usage: Any, place: Place) -> None:
    """What stands in `usage` besides counts."""
    if not isinstance(usage, dict):
        collector.walk(usage, place, Part.OTHER)
        return
    known = dict.fromkeys(_USAGE_NAMES, is_token)
    named = {name: value for name, value in usage.items() if name in known}
    collector.members(named, place, known)
    counts = {name: value for name, value in usage.items() if name not in known}
    collector.walk(counts, place, Part.OTHER, _USAGE_WORDS)


def read_block(collector: TextCollector, block: Any, place: Place, part: Part) -> None:
    """
    One block of content.

    Raises:
        UnreadableError: It is of a type that no policy reads.
    """
    refuse_lookalikes(block, _BLOCK_KEYS)
    if not isinstance(block, dict) or not isinstance(kind := block.get("type"), str):
        raise UnreadableError("a block of content has no `type`: send blocks as the API describes them")
    known: dict[str, Shape] = {"type": one_of(kind), "cache_control": is_cache_control}
    if kind == "text":
        collector.walk(block.get("text"), (*place, "text"), part)
        read_citations(collector, block.get("citations"), (*place, "citations"))
        read = {"text", "citations"}
    elif kind in {"thinking", "redacted_thinking"}:
        collector.walk(block.get("thinking"), (*place, "thinking"), Part.REASONING)
        known |= {"signature": is_opaque, "data": is_opaque}
        read = {"thinking"}
    elif kind in CALLS:
        _call(collector, block, place)
        known |= {"id": is_token, "caller": is_caller}
        read = {"name", "input"}
    elif kind == "tool_result":
        _result(collector, block, place)
        known |= {"tool_use_id": is_token, "is_error": _SWITCHES}
        read = {"content"}
    else:
        _other_block(collector, block, place)
        known |= {"tool_use_id": is_token}
        read = {"content", "source", "title", "context", "tool_name"}
    collector.members({name: value for name, value in block.items() if name not in read}, place, known)


def read_citations(collector: TextCollector, citations: Any, place: Place) -> None:
    """What a text quotes, and where from."""
    collector.walk(legible(citations), place, Part.OTHER, _CITATION_WORDS)


def is_cache_control(value: Any) -> bool:
    """`{"type": "ephemeral", "ttl": "5m"}`: where a prompt is cached, and for how long."""
    return value is None or (isinstance(value, dict) and value.keys() <= {"type", "ttl"} and _are_tokens(value))


def is_caller(value: Any) -> bool:
    """Who called a tool: the model, or a program that it wrote."""
    return value is None or (isinstance(value, dict) and value.keys() <= {"type", "tool_id"} and _are_tokens(value))


def _are_tokens(value: Mapping[str, Any]) -> bool:
    return all(is_token(member) for member in value.values())


def _message(collector: TextCollector, message: Any, place: Place) -> None:
    refuse_lookalikes(message, frozenset({"role", "content"}))
    if not isinstance(message, dict):
        raise UnreadableError("a message is not an object: send `role` and `content`")
    role = message.get("role")
    if not isinstance(role, str) or role not in ROLES:
        raise UnreadableError("a message has a role that is not known: use user or assistant")
    collector.role = ROLES[role]
    _content(collector, message.get("content"), (*place, "content"), Part.CONTENT)
    collector.members({name: value for name, value in message.items() if name not in {"role", "content"}}, place, {})


def _content(collector: TextCollector, content: Any, place: Place, part: Part) -> None:
    """Text, or a list of blocks."""
    if not isinstance(content, list):
        collector.walk(content, place, part)
        return
    role = collector.role
    for index, block in enumerate(content):
        read_block(collector, block, (*place, index), part)
        collector.role = role


def _call(collector: TextCollector, block: Mapping[str, Any], place: Place) -> None:
    name = block.get("name")
    if not isinstance(name, str):
        raise UnreadableError("a tool call has no name: send `name` and `input`")
    if not is_token(name):
        collector.add(name, (*place, "name"), Part.TOOL_CALL)
    collector.walk(block.get("input"), (*place, "input"), Part.TOOL_CALL)
    identifier = str(block.get("id") or "")
    collector.calls.append(ToolCall(name, block.get("input"), place, identifier, collector.choice))


def _result(collector: TextCollector, block: Mapping[str, Any], place: Place) -> None:
    collector.role = Role.TOOL
    _content(collector, block.get("content"), (*place, "content"), Part.TOOL_RESULT)


def _other_block(collector: TextCollector, block: Mapping[str, Any], place: Place) -> None:
    kind = str(block["type"])
    source = block.get("source")
    if kind == "search_result":
        _content(collector, block.get("content"), (*place, "content"), Part.DOCUMENT)
        collector.walk(source, (*place, "source"), Part.DOCUMENT)
    elif kind == "document" and isinstance(source, dict) and str(source.get("type")) in {"text", "content"}:
        _document(collector, source, (*place, "source"))
    elif kind.endswith("_tool_result"):
        collector.role = Role.TOOL
        refuse_media_in(block.get("content"))
        collector.walk(legible(block.get("content")), (*place, "content"), Part.TOOL_RESULT)
    elif kind in {"image", "document"} and collector.takes_documents:
        collect_source(collector, source, (*place, "source"))
        collector.walk(block.get("content"), (*place, "content"), Part.OTHER)
    elif kind != "tool_reference":
        raise UnreadableError("a block of content is not text, and no policy reads it: send text only")
    for name in ("title", "context", "tool_name"):
        collector.walk(block.get(name), (*place, name), Part.DOCUMENT)


def _document(collector: TextCollector, source: Mapping[str, Any], place: Place) -> None:
    """A document that is plain text, or made of blocks."""
    collector.walk(source.get("data"), (*place, "data"), Part.DOCUMENT)
    _content(collector, source.get("content"), (*place, "content"), Part.DOCUMENT)
    others = {name: value for name, value in source.items() if name not in {"data", "content"}}
    collector.members(others, place, {"type": one_of("text", "content"), "media_type": one_of("text/plain")})


def refuse_media_in(value: Any) -> None:
    """
    Look for blocks that are no text, at any depth.

    Raises:
        UnreadableError: There is one.
    """
    held = [value]
    while held:
        one = held.pop()
        if isinstance(one, dict):
            kind = one.get("type")
            if isinstance(kind, str) and kind in _MEDIA:
                raise UnreadableError("the result of a tool is not text, and no policy reads it")
            held += one.values()
        elif isinstance(one, list):
            held += one


def _tools(collector: TextCollector, document: Mapping[str, Any]) -> tuple[str, ...]:
    listed = document.get("tools")
    if listed is None:
        return ()
    if not isinstance(listed, list):
        raise UnreadableError("`tools` is not a list")
    names: list[str] = []
    for index, tool in enumerate(listed):
        refuse_lookalikes(tool, _TOOL_KEYS)
        if not isinstance(tool, dict) or not isinstance(name := tool.get("name"), str):
            raise UnreadableError("a tool has no name: send `name`")
        collector.walk(tool, ("tools", index), Part.TOOL_DEFINITION, _TOOL_WORDS)
        names.append(name)
    return tuple(names)


def _request_fields(collector: TextCollector, document: Mapping[str, Any]) -> str | None:
    """Everything besides the messages; the user that `metadata` names."""
    others = {name: value for name, value in document.items() if name not in _READ_APART}
    collector.members(others, (), _REQUEST_FIELDS)
    collector.walk(document.get("stop_sequences"), ("stop_sequences",), Part.OTHER)
    if not is_cache_control(document.get("cache_control")):
        collector.walk(document["cache_control"], ("cache_control",), Part.OTHER)
    choice = document.get("tool_choice")
    collector.walk(choice, ("tool_choice",), Part.TOOL_DEFINITION, frozenset({"type", "name"}))
    thinking = _object(document, "thinking")
    collector.members(thinking, ("thinking",), _THINKING)
    output = _object(document, "output_config")
    collector.walk(output.get("format"), ("output_config", "format"), Part.TOOL_DEFINITION, SCHEMA_WORDS | {"schema"})
    rest = {name: value for name, value in output.items() if name != "format"}
    collector.members(rest, ("output_config",), {"effort": _EFFORTS})
    metadata = _object(document, "metadata")
    user = metadata.get("user_id")
    collector.walk(user, ("metadata", "user_id"), Part.NAME)
    collector.members({name: value for name, value in metadata.items() if name != "user_id"}, ("metadata",), {})
    return user if isinstance(user, str) else None


def _object(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = document.get(name)
    if value is not None and not isinstance(value, dict):
        raise UnreadableError(f"`{name}` is not an object")
    return value or {}


def _cap(document: Mapping[str, Any]) -> int | None:
    value = document.get("max_tokens")
    if value is not None and natural(value) is None:
        raise UnreadableError("`max_tokens` is not a whole number of 0 or more")
    return natural(value)
