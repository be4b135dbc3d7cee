"""
A Messages request as a chat request, and a chat completion as the message that answers it (ADR-0150).

What has no counterpart is refused, not dropped; but for what only hints at how the same answer is made (caches, tiers)
and the thinking of earlier turns, which no provider but its own takes back.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from keeptrusts.core.errors import UnreadableError
from keeptrusts.wire.strict_json import parse_json, parse_object
from keeptrusts.wire.translation import read_translatable

_SAME: Final = ("model", "temperature", "top_p")
_HINTS: Final = frozenset({"cache_control", "service_tier", "inference_geo", "speed"})
_TRANSLATED: Final = frozenset({
    "messages", "system", "max_tokens", "stop_sequences", "stream", "metadata", "tools", "tool_choice", "thinking",
    "output_config", *_SAME, *_HINTS,
})  # fmt: skip
_TOOL_FIELDS: Final = frozenset({
    "type", "name", "description", "input_schema", "strict", "cache_control", "input_examples", "eager_input_streaming",
})  # fmt: skip
STOP_REASONS: Final = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}
_EFFORTS: Final = {"low": "low", "medium": "medium", "high": "high", "xhigh": "xhigh", "max": "max"}
_ONE_PARAGRAPH_TOKENS: Final = 4096
_ONE_PAGE_TOKENS: Final = 16_384
"""Up to here a budget for thinking is called `low` and `medium`: chat has words for it, no numbers."""


def request_to_chat(raw: bytes) -> bytes:
    """
    A Messages request as a chat request.

    Raises:
        UnreadableError: It asks for something that a chat request has no word for.
    """
    document = read_translatable(raw, _TRANSLATED)
    out: dict[str, Any] = {name: document[name] for name in _SAME if document.get(name) is not None}
    out["messages"] = list(_messages(document))
    if document.get("max_tokens") is not None:
        out["max_tokens"] = document["max_tokens"]
    if document.get("stop_sequences"):
        out["stop"] = document["stop_sequences"]
    if document.get("stream"):
        out |= {"stream": True, "stream_options": {"include_usage": True}}
    user = (document.get("metadata") or {}).get("user_id")
    out |= {"user": user} if user else {}
    return json.dumps(out | _tools(document) | _thinking(document), ensure_ascii=False).encode()


def answer_to_message(raw: bytes) -> bytes:
    """
    A chat completion as a message.

    Raises:
        UnreadableError: It is no chat completion, or has something that a message cannot say.
    """
    answer = parse_object(raw)
    choices = answer["choices"]
    if len(choices) != 1:
        raise UnreadableError("the answer has not one choice, and a message has just one")
    message = choices[0]["message"]
    content: list[dict[str, Any]] = []
    reasoning = message.get("reasoning_content") or message.get("reasoning")
    if reasoning:
        content.append({"type": "thinking", "thinking": reasoning, "signature": ""})
    texts = [text for text in (message.get("content"), message.get("refusal")) if text]
    content += [{"type": "text", "text": text} for text in texts]
    content += [tool_use(call) for call in message.get("tool_calls") or ()]
    reason = "refusal" if message.get("refusal") else stop_reason(choices[0].get("finish_reason"))
    return json.dumps(
        message_of(answer) | {"content": content, "stop_reason": reason, "usage": usage_of(answer.get("usage"))},
        ensure_ascii=False,
    ).encode()


def message_of(answer: Mapping[str, Any]) -> dict[str, Any]:
    """A message without content yet, by the name and model of a completion or one of its chunks."""
    identifier = str(answer.get("id") or "").removeprefix("chatcmpl-")
    return {
        "id": f"msg_{identifier}",
        "type": "message",
        "role": "assistant",
        "model": answer.get("model"),
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 0, "output_tokens": 0},
    }


def tool_use(call: Mapping[str, Any]) -> dict[str, Any]:
    """
    A tool call as a block.

    Raises:
        UnreadableError: Its arguments are no JSON object.
    """
    function = call["function"]
    given = parse_object(str(function.get("arguments") or "{}").encode())
    return {"type": "tool_use", "id": call["id"], "name": function["name"], "input": given}


def stop_reason(finish: Any) -> str:
    """Why the model stopped, in Anthropic's words."""
    return STOP_REASONS.get(str(finish), "end_turn")


def usage_of(given: Any) -> dict[str, int]:
    """Anthropic counts what was read from a cache apart."""
    counted = given if isinstance(given, dict) else {}
    asked, said = counted.get("prompt_tokens") or 0, counted.get("completion_tokens") or 0
    cached = (counted.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
    apart = {"cache_read_input_tokens": cached} if cached else {}
    return {"input_tokens": asked - cached, "output_tokens": said, **apart}


def _messages(document: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    system = _text_of(document.get("system"), "\n\n")
    if system:
        yield {"role": "system", "content": system}
    for message in document["messages"]:
        role, content = message["role"], message["content"]
        if isinstance(content, str):
            yield {"role": role, "content": content}
        elif role == "assistant":
            yield _assistant(content)
        else:
            yield from _user(role, content)


def _assistant(blocks: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    texts: list[str] = []
    calls: list[dict[str, Any]] = []
    for block in blocks:
        match block["type"]:
            case "text":
                texts.append(block["text"])
            case "tool_use":
                arguments = json.dumps(block.get("input") or {}, ensure_ascii=False)
                function = {"name": block["name"], "arguments": arguments}
                calls.append({"id": block["id"], "type": "function", "function": function})
            case "thinking" | "redacted_thinking":
                continue
            case _:
                raise _untranslated()
    message: dict[str, Any] = {"role": "assistant", "content": "".join(texts) or None}
    return message | ({"tool_calls": calls} if calls else {})


def _user(role: str, blocks: Iterable[Mapping[str, Any]]) -> Iterable[dict[str, Any]]:
    """Results of tools are messages of their own, and stand before what the user adds to them."""
    parts: list[dict[str, Any]] = []
    for block in blocks:
        if (block.get("citations") or {}).get("enabled"):
            raise UnreadableError("`citations` cannot be translated for this provider: leave them out")
        if block["type"] == "tool_result":
            yield _result(block)
        else:
            parts += _attached(block) or [{"type": "text", "text": _readable(block)}]
    if parts:
        yield {"role": role, "content": parts}


def _attached(block: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A picture or a PDF as a part of chat; nothing when the block is neither."""
    match block:
        case {"type": "image", "source": {"type": "base64", "media_type": str(media_type), "data": str(data)}}:
            return [{"type": "image_url", "image_url": {"url": f"data:{media_type};base64,{data}"}}]
        case {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": str(data)}}:
            name = str(block.get("title") or "document.pdf")
            told = [{"type": "text", "text": str(block["context"])}] if block.get("context") else []
            return [
                *told,
                {"type": "file", "file": {"filename": name, "file_data": f"data:application/pdf;base64,{data}"}},
            ]
        case _:
            return []


def _result(block: Mapping[str, Any]) -> dict[str, Any]:
    said = _text_of(block.get("content"), "\n")
    said = f"Error: {said}" if block.get("is_error") else said
    return {"role": "tool", "tool_call_id": block["tool_use_id"], "content": said}


def _text_of(content: Any, between: str) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    return between.join(_readable(block) for block in content)


def _readable(block: Mapping[str, Any]) -> str:
    """The text of a block that is one; a document that is plain text reads as such."""
    match block:
        case {"type": "text", "text": str(text)}:
            return text
        case {"type": "document", "source": {"type": "text", "data": str(text)}}:
            head = [str(block[name]) for name in ("title", "context") if block.get(name)]
            return "\n".join([*head, text])
        case _:
            raise _untranslated()


def _untranslated() -> UnreadableError:
    return UnreadableError("a block of content cannot be translated for this provider: send text and tools only")


def _tools(document: Mapping[str, Any]) -> dict[str, Any]:
    if not document.get("tools"):
        return {}
    out: dict[str, Any] = {"tools": [_tool(tool) for tool in document["tools"]]}
    choice = document.get("tool_choice") or {"type": "auto"}
    match choice["type"]:
        case "auto" | "none" as word:
            out["tool_choice"] = word
        case "any":
            out["tool_choice"] = "required"
        case "tool":
            out["tool_choice"] = {"type": "function", "function": {"name": choice["name"]}}
        case _:
            raise UnreadableError("`tool_choice` cannot be translated for this provider")
    return out | ({"parallel_tool_calls": False} if choice.get("disable_parallel_tool_use") else {})


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    if tool.get("type") not in {None, "custom"} or not tool.keys() <= _TOOL_FIELDS:
        raise UnreadableError("a tool of the provider's own cannot be translated for this provider: leave it out")
    function = {"name": tool["name"], "parameters": tool["input_schema"]}
    function |= {name: tool[name] for name in ("description", "strict") if tool.get(name) is not None}
    return {"type": "function", "function": function}


def _thinking(document: Mapping[str, Any]) -> dict[str, Any]:
    """How hard to think, and the form of the answer."""
    out: dict[str, Any] = {}
    output = document.get("output_config") or {}
    thinking = document.get("thinking") or {}
    if thinking.get("type") == "enabled":
        budget = thinking["budget_tokens"]
        out["reasoning_effort"] = (
            "low" if budget <= _ONE_PARAGRAPH_TOKENS else "medium" if budget <= _ONE_PAGE_TOKENS else "high"
        )
    if output.get("effort"):
        out["reasoning_effort"] = _EFFORTS[output["effort"]]
    if output.get("format"):
        schema = {"name": "answer", "schema": output["format"]["schema"], "strict": True}
        out["response_format"] = {"type": "json_schema", "json_schema": schema}
    return out


def arguments_of(text: str) -> str:
    """
    Arguments as they are streamed to a client of Anthropic's.

    Raises:
        UnreadableError: They are no JSON object.
    """
    if not isinstance(parse_json((text or "{}").encode()), dict):
        raise UnreadableError("the arguments of a tool call are no JSON object")
    return text or "{}"
