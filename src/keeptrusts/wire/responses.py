"""
OpenAI's Responses: request and answer, read into texts that remember their places.

Source: the API reference of OpenAI, "Responses"; a field that is not named here is a text (law 3). What the provider
has stored and no policy can see is refused, and so is what no policy reads (ADR-0152).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from keeptrusts.core.errors import UnreadableError
from keeptrusts.core.exchange import Part, Place, Role
from keeptrusts.wire.attachments import INPUTS, NOT_TEXT, collect_input
from keeptrusts.wire.openai_chat import ROLES, flag_of, model_of, natural
from keeptrusts.wire.readings import ModelAnswer, ModelRequest, Usage
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

CALLS: Final = {"function_call": "arguments", "custom_tool_call": "input"}
"""Items that call a tool, and the member that holds what it is called with."""
_RESULTS: Final = frozenset({"function_call_output", "custom_tool_call_output"})
_INPUT_KEYS: Final = frozenset({"type", "image_url", "detail", "file_id", "file_data", "file_url", "filename"})
_UNREAD: Final = "an item is of a type that no policy reads: send messages, calls and their results"
_REFERENCE: Final = (
    "`item_reference` refers to what the provider has stored, and no policy sees it: send the items themselves; some "
    "clients do so with `store: false`"
)
_STORED: Final = ("previous_response_id", "conversation", "prompt")
_SWITCHES: Final = one_of()
_STATUS: Final = one_of("in_progress", "completed", "incomplete", "searching", "failed", "queued", "cancelled")
_REQUEST_FIELDS: Final[Mapping[str, Shape]] = {
    "model": is_model_name,
    "stream": _SWITCHES,
    "store": _SWITCHES,
    "background": _SWITCHES,
    "parallel_tool_calls": _SWITCHES,
    "temperature": is_number,
    "top_p": is_number,
    "top_logprobs": is_number,
    "max_output_tokens": is_number,
    "max_tool_calls": is_number,
    "service_tier": one_of("auto", "default", "flex", "priority", "scale"),
    "truncation": one_of("auto", "disabled"),
    "prompt_cache_retention": one_of("in_memory", "in-memory", "24h"),
    "prompt_cache_key": is_token,
    "safety_identifier": is_token,
}
_REASONING: Final[Mapping[str, Shape]] = {
    "effort": one_of("none", "minimal", "low", "medium", "high", "xhigh", "max"),
    "summary": one_of("auto", "concise", "detailed"),
    "generate_summary": one_of("auto", "concise", "detailed"),
}
_READ_APART: Final = frozenset({
    "input", "instructions", "tools", "tool_choice", "text", "reasoning", "user", "include", "stream_options", *_STORED,
})  # fmt: skip
_REQUEST_KEYS: Final = frozenset(_REQUEST_FIELDS) | _READ_APART | {"metadata"}
_ITEM_KEYS: Final = frozenset({
    "type", "id", "role", "content", "status", "call_id", "name", "arguments", "input", "output", "summary",
    "encrypted_content", "action",
})  # fmt: skip
_ITEM_FIELDS: Final[Mapping[str, Shape]] = {
    "type": is_token,
    "id": is_token,
    "role": is_token,
    "status": _STATUS,
    "call_id": is_token,
    "phase": is_token,
    "encrypted_content": is_opaque,
}
_TOOL_WORDS: Final = SCHEMA_WORDS | {"name", "parameters", "function", "custom", "web_search", "search_context_size"}
_SEARCHES: Final = ("web_search",)
_ANSWER_FIELDS: Final[Mapping[str, Shape]] = {
    **{name: shape for name, shape in _REQUEST_FIELDS.items() if name != "stream"},
    "id": is_token,
    "object": one_of("response"),
    "created_at": is_number,
    "completed_at": is_number,
    "status": _STATUS,
    "previous_response_id": is_token,
    "frequency_penalty": is_number,
    "presence_penalty": is_number,
}
_ECHOES: Final = frozenset({"instructions", "tools", "tool_choice", "text", "reasoning", "metadata", "user", "prompt"})
"""What an answer repeats of its request: it was judged on its way in."""
_USAGE_WORDS: Final = frozenset({
    "input_tokens", "output_tokens", "total_tokens", "input_tokens_details", "output_tokens_details", "cached_tokens",
    "cache_write_tokens", "reasoning_tokens", "image_gen", "web_search", "num_requests", "image_tokens", "text_tokens",
})  # fmt: skip
_ANNOTATIONS: Final = frozenset({
    "type", "url_citation", "start_index", "end_index", "title", "url", "index", "file_id", "filename",
})  # fmt: skip


def read_request(raw: bytes) -> ModelRequest:
    """
    Read a request.

    Raises:
        UnreadableError: Not JSON that means one thing, no such request, or with what no policy can see.
    """
    document = parse_object(raw)
    refuse_lookalikes(document, _REQUEST_KEYS)
    _refuse_stored(document)
    collector = TextCollector(Role.SYSTEM)
    collector.takes_documents = True
    collector.walk(document.get("instructions"), ("instructions",), Part.CONTENT)
    collector.role = Role.USER
    count = _input(collector, document.get("input"))
    collector.role = Role.USER
    tools = _tools(collector, document)
    _request_fields(collector, document)
    cap = document.get("max_output_tokens")
    if cap is not None and natural(cap) is None:
        raise UnreadableError("`max_output_tokens` is not a whole number of 0 or more")
    return ModelRequest(
        raw=raw,
        document=document,
        texts=tuple(collector.texts),
        tool_calls=tuple(collector.calls),
        tools=tools,
        model=model_of(document),
        stream=flag_of(document, "stream"),
        max_tokens=natural(cap),
        max_tokens_key="max_output_tokens",
        message_count=count,
        user=user if isinstance(user := document.get("user"), str) else None,
        documents=tuple(collector.documents),
    )


def read_answer(raw: bytes) -> ModelAnswer:
    """
    Read a whole answer.

    Raises:
        UnreadableError: It is no response.
    """
    document = parse_object(raw)
    output = document.get("output")
    if document.get("object") != "response" or not isinstance(output, list):
        raise UnreadableError("the answer is no response")
    collector = TextCollector(Role.ASSISTANT)
    logprobs: list[Place] = []
    for index, item in enumerate(output):
        read_item(collector, item, ("output", index), logprobs)
        collector.role = Role.ASSISTANT
    read_fields(collector, document, ())
    texts, calls = tuple(collector.texts), tuple(collector.calls)
    return ModelAnswer(raw, texts, calls, tuple(logprobs), usage_of(document.get("usage")))


def usage_of(given: Any) -> Usage:
    """Counts from a `usage` object; anything else counts as not said."""
    if not isinstance(given, dict):
        return Usage()
    details = given.get("input_tokens_details")
    cached = natural(details.get("cached_tokens")) if isinstance(details, dict) else None
    return Usage(natural(given.get("input_tokens")), natural(given.get("output_tokens")), cached)


def read_fields(collector: TextCollector, response: Mapping[str, Any], place: Place) -> None:
    """What a response says besides its output."""
    collector.walk(
        response.get("incomplete_details"), (*place, "incomplete_details"), Part.OTHER, frozenset({"reason"})
    )
    for name in ("usage", "tool_usage"):
        collector.walk(response.get(name), (*place, name), Part.OTHER, _USAGE_WORDS)
    for name in ("error", "conversation"):
        collector.walk(response.get(name), (*place, name), Part.OTHER)
    apart = {"output", "usage", "tool_usage", "incomplete_details", "error", "conversation"} | _ECHOES
    others = {name: value for name, value in response.items() if name not in apart}
    collector.members(others, place, _ANSWER_FIELDS)


def read_item(collector: TextCollector, item: Any, place: Place, logprobs: list[Place]) -> None:
    """
    One item of input or output. Sets the collector's role to whose it is.

    Raises:
        UnreadableError: It refers to what is stored elsewhere, or no policy reads it.
    """
    refuse_lookalikes(item, _ITEM_KEYS)
    if not isinstance(item, dict):
        raise UnreadableError("an item is not an object: send items as the API describes them")
    kind = str(item.get("type", "message"))
    if kind == "message":
        read = _message(collector, item, place, logprobs)
    elif kind in CALLS:
        key = CALLS[kind]
        collector.role = Role.ASSISTANT
        call = {"name": item.get("name", ""), key: item.get(key)}
        collector.call(call, place, item.get("call_id"), key=key)
        read = {"name", key}
    elif kind in _RESULTS:
        collector.role = Role.TOOL
        _content(collector, item.get("output"), (*place, "output"), Part.TOOL_RESULT, logprobs)
        read = {"output"}
    elif kind == "reasoning":
        collector.role = Role.ASSISTANT
        for name in ("summary", "content"):
            _content(collector, item.get(name), (*place, name), Part.REASONING, logprobs)
        read = {"summary", "content"}
    elif kind == "web_search_call":
        collector.walk(item.get("action"), (*place, "action"), Part.OTHER, frozenset({"type", "query", "url"}))
        read = {"action"}
    else:
        raise UnreadableError(_REFERENCE if kind == "item_reference" else _UNREAD)
    read_rest(collector, item, place, read)


def read_rest(collector: TextCollector, item: Mapping[str, Any], place: Place, read: set[str]) -> None:
    """What an item holds besides what was read of it."""
    collector.members({name: value for name, value in item.items() if name not in read}, place, _ITEM_FIELDS)


def read_annotations(collector: TextCollector, annotations: Any, place: Place) -> None:
    """What a text quotes, and where from."""
    collector.walk(annotations, place, Part.OTHER, _ANNOTATIONS)


def read_part(collector: TextCollector, part: Any, place: Place, said: Part, logprobs: list[Place]) -> None:
    """
    One part of a message, of a result or of reasoning.

    Raises:
        UnreadableError: It is no text.
    """
    if not isinstance(part, dict):
        raise UnreadableError("a part is not an object: send parts as the API describes them")
    kind = str(part.get("type"))
    if kind in INPUTS and collector.takes_documents:
        refuse_lookalikes(part, _INPUT_KEYS)
        collect_input(collector, part, place)
        return
    if kind == "refusal":
        collector.walk(part.get("refusal"), (*place, "refusal"), Part.REFUSAL)
    elif kind in {"input_text", "output_text", "text", "summary_text", "reasoning_text"}:
        collector.walk(part.get("text"), (*place, "text"), said)
    else:
        raise UnreadableError(NOT_TEXT)
    read_annotations(collector, part.get("annotations"), (*place, "annotations"))
    if part.get("logprobs"):
        logprobs.append((*place, "logprobs"))
    read = {"refusal" if kind == "refusal" else "text", "annotations", "logprobs"}
    collector.members({name: value for name, value in part.items() if name not in read}, place, {"type": one_of(kind)})


def _refuse_stored(document: Mapping[str, Any]) -> None:
    for name in _STORED:
        if document.get(name) is not None:
            raise UnreadableError(
                f"`{name}` refers to what the provider has stored, and no policy sees it: send it all"
            )
    if document.get("background"):
        raise UnreadableError("`background` would leave the answer with the provider: ask without it")


def _input(collector: TextCollector, given: Any) -> int:
    if isinstance(given, str) and given:
        collector.add(given, ("input",), Part.CONTENT)
        return 1
    if not isinstance(given, list) or not given:
        raise UnreadableError("`input` is missing or empty: send a text or a list of items")
    for index, item in enumerate(given):
        collector.role = Role.USER
        read_item(collector, item, ("input", index), [])
    return len(given)


def _message(collector: TextCollector, item: Mapping[str, Any], place: Place, logprobs: list[Place]) -> set[str]:
    role = item.get("role")
    if not isinstance(role, str) or role not in ROLES:
        raise UnreadableError("a message has a role that is not known: use system, developer, user or assistant")
    collector.role = ROLES[role]
    _content(collector, item.get("content"), (*place, "content"), Part.CONTENT, logprobs)
    return {"content"}


def _content(collector: TextCollector, content: Any, place: Place, part: Part, logprobs: list[Place]) -> None:
    if not isinstance(content, list):
        collector.walk(content, place, part)
        return
    for index, one in enumerate(content):
        read_part(collector, one, (*place, index), part, logprobs)


def _tools(collector: TextCollector, document: Mapping[str, Any]) -> tuple[str, ...]:
    listed = document.get("tools")
    if listed is not None and not isinstance(listed, list):
        raise UnreadableError("`tools` is not a list")
    names: list[str] = []
    for index, tool in enumerate(listed or ()):
        kind = str(tool.get("type")) if isinstance(tool, dict) else ""
        name = tool.get("name") if kind in {"function", "custom"} else kind
        if not isinstance(name, str) or not (kind in {"function", "custom"} or kind.startswith(_SEARCHES)):
            raise UnreadableError("a tool runs at the provider, and no policy sees what it brings: send functions only")
        collector.walk(tool, ("tools", index), Part.TOOL_DEFINITION, _TOOL_WORDS)
        names.append(name)
    return tuple(names)


def _request_fields(collector: TextCollector, document: Mapping[str, Any]) -> None:
    others = {name: value for name, value in document.items() if name not in _READ_APART}
    collector.members(others, (), _REQUEST_FIELDS)
    collector.walk(document.get("user"), ("user",), Part.NAME)
    collector.walk(document.get("text"), ("text",), Part.TOOL_DEFINITION, SCHEMA_WORDS | _TEXT_WORDS)
    choice = document.get("tool_choice")
    if not (isinstance(choice, str) and choice in {"none", "auto", "required"}):
        collector.walk(choice, ("tool_choice",), Part.TOOL_DEFINITION, SCHEMA_WORDS | {"function", "name", "tools"})
    for name, known in (("reasoning", _REASONING), ("stream_options", {"include_obfuscation": _SWITCHES})):
        value = document.get(name)
        if isinstance(value, dict):
            collector.members(value, (name,), known)
        else:
            collector.walk(value, (name,), Part.OTHER)
    include = document.get("include")
    if not (isinstance(include, list) and all(is_model_name(one) for one in include)):
        collector.walk(include, ("include",), Part.OTHER)


_TEXT_WORDS: Final = frozenset({"format", "verbosity", "schema", "name", "low", "medium", "high"})
