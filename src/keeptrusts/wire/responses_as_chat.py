"""
A request for a response as a chat request, and a chat completion as the response (ADR-0150, ADR-0152).

What has no counterpart is refused, not dropped; but for what only hints at how the same answer is made or kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from keeptrusts.core.errors import UnreadableError
from keeptrusts.wire.attachments import INPUTS
from keeptrusts.wire.strict_json import parse_object
from keeptrusts.wire.translation import read_translatable

_SAME: Final = ("model", "temperature", "top_p", "parallel_tool_calls", "user")
_HINTS: Final = frozenset({
    "store", "include", "service_tier", "truncation", "metadata", "stream_options", "prompt_cache_key",
    "prompt_cache_retention", "prompt_cache_options", "safety_identifier", "background",
})  # fmt: skip
_SEALED: Final = frozenset({"reasoning.encrypted_content"})
"""What may be asked to be included though it is not there: reasoning that its own provider alone can read."""
_TRANSLATED: Final = frozenset({
    "input", "instructions", "stream", "max_output_tokens", "tools", "tool_choice", "text", "reasoning", *_SAME,
    *_HINTS,
})  # fmt: skip


def request_to_chat(raw: bytes) -> bytes:
    """
    A request for a response as a chat request.

    Raises:
        UnreadableError: It asks for something that a chat request has no word for.
    """
    document = read_translatable(raw, _TRANSLATED)
    if set(document.get("include") or ()) - _SEALED:
        raise UnreadableError("`include` cannot be translated for this provider: leave it out")
    out: dict[str, Any] = {name: document[name] for name in _SAME if document.get(name) is not None}
    out["messages"] = list(_messages(document))
    if document.get("max_output_tokens") is not None:
        out["max_tokens"] = document["max_output_tokens"]
    if document.get("stream"):
        out |= {"stream": True, "stream_options": {"include_usage": True}}
    effort = (document.get("reasoning") or {}).get("effort")
    out |= {"reasoning_effort": effort} if effort else {}
    return json.dumps(out | _tools(document) | _form(document), ensure_ascii=False).encode()


def answer_to_response(raw: bytes) -> bytes:
    """
    A chat completion as a response.

    Raises:
        UnreadableError: It is no chat completion, or has several choices.
    """
    answer = parse_object(raw)
    choices = answer["choices"]
    if len(choices) != 1:
        raise UnreadableError("the answer has not one choice, and a response has just one")
    message = choices[0]["message"]
    response = response_of(answer)
    reasoning = message.get("reasoning_content") or message.get("reasoning")
    if reasoning:
        response["output"].append(reasoning_item(response, reasoning))
    parts = [text_part(message["content"])] if message.get("content") else []
    parts += [refusal_part(message["refusal"])] if message.get("refusal") else []
    if parts:
        response["output"].append(message_item(response, parts))
    for call in message.get("tool_calls") or ():
        function = call["function"]
        arguments = function.get("arguments") or ""
        response["output"].append(call_item(response, call["id"], function["name"], arguments))
    ended = response | ending_of(choices[0].get("finish_reason"), answer.get("usage"))
    return json.dumps(ended, ensure_ascii=False).encode()


def response_of(answer: Mapping[str, Any]) -> dict[str, Any]:
    """A response without output yet, by the name and model of a completion or one of its chunks."""
    identifier = str(answer.get("id") or "").removeprefix("chatcmpl-").removeprefix("msg_")
    return {
        "id": f"resp_{identifier}",
        "object": "response",
        "created_at": answer.get("created") or 0,
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": answer.get("model"),
        "output": [],
        "parallel_tool_calls": True,
        "temperature": None,
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "usage": None,
    }


def text_part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": []}


def refusal_part(text: str) -> dict[str, Any]:
    return {"type": "refusal", "refusal": text}


def message_item(response: Mapping[str, Any], parts: list[dict[str, Any]]) -> dict[str, Any]:
    return _item(response, "msg", "message", role="assistant", content=parts)


def reasoning_item(response: Mapping[str, Any], text: str) -> dict[str, Any]:
    return _item(response, "rs", "reasoning", summary=[], content=[{"type": "reasoning_text", "text": text}])


def call_item(response: Mapping[str, Any], identifier: str, name: str, arguments: str) -> dict[str, Any]:
    return _item(response, "fc", "function_call", call_id=identifier, name=name, arguments=arguments)


def ending_of(finish: Any, usage: Any) -> dict[str, Any]:
    """How a response ended, and what it took."""
    reasons = {"length": "max_output_tokens", "content_filter": "content_filter"}
    reason = reasons.get(str(finish))
    return {
        "status": "incomplete" if reason else "completed",
        "incomplete_details": {"reason": reason} if reason else None,
        "usage": _usage(usage),
    }


def _item(response: Mapping[str, Any], prefix: str, kind: str, **fields: Any) -> dict[str, Any]:
    """The next item of a response; its id tells its place."""
    identifier = f"{prefix}_{str(response['id']).removeprefix('resp_')}_{len(response['output'])}"
    return {"id": identifier, "type": kind, "status": "completed", **fields}


def _usage(given: Any) -> dict[str, Any] | None:
    if not isinstance(given, dict):
        return None
    asked, said = given.get("prompt_tokens") or 0, given.get("completion_tokens") or 0
    cached = (given.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
    thought = (given.get("completion_tokens_details") or {}).get("reasoning_tokens") or 0
    return {
        "input_tokens": asked,
        "input_tokens_details": {"cached_tokens": cached},
        "output_tokens": said,
        "output_tokens_details": {"reasoning_tokens": thought},
        "total_tokens": asked + said,
    }


def _messages(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if document.get("instructions"):
        yield {"role": "system", "content": document["instructions"]}
    given = document["input"]
    if isinstance(given, str):
        yield {"role": "user", "content": given}
        return
    calls: list[dict[str, Any]] = []
    for item in given:
        if item.get("type") == "function_call":
            calls.append(_call(item))
            continue
        if calls:
            yield {"role": "assistant", "content": None, "tool_calls": calls}
            calls = []
        yield from _message(item)
    if calls:
        yield {"role": "assistant", "content": None, "tool_calls": calls}


def _call(item: Mapping[str, Any]) -> dict[str, Any]:
    function = {"name": item["name"], "arguments": item["arguments"]}
    return {"id": item["call_id"], "type": "function", "function": function}


def _message(item: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    match item.get("type", "message"):
        case "message":
            role = "system" if item["role"] == "developer" else item["role"]
            yield {"role": role, "content": _content_of(item["content"])}
        case "function_call_output":
            yield {"role": "tool", "tool_call_id": item["call_id"], "content": _text_of(item["output"])}
        case "reasoning":
            return
        case _:
            raise UnreadableError("an item cannot be translated for this provider: send messages, calls and results")


def _content_of(content: Any) -> str | list[dict[str, Any]]:
    """Text as one, unless something is attached to it."""
    if isinstance(content, str) or not any(part.get("type") in INPUTS for part in content):
        return _text_of(content)
    return [_part(part) for part in content]


def _part(part: Mapping[str, Any]) -> dict[str, Any]:
    match part:
        case {"type": "input_image", "image_url": str(url)}:
            detail = {"detail": part["detail"]} if part.get("detail") else {}
            return {"type": "image_url", "image_url": {"url": url, **detail}}
        case {"type": "input_file", "file_data": str(data)}:
            return {"type": "file", "file": {"filename": str(part.get("filename") or "document"), "file_data": data}}
        case _:
            return {"type": "text", "text": _text_of([part])}


def _text_of(content: Any) -> str:
    if isinstance(content, str):
        return content
    if any(part.get("type") in INPUTS for part in content):
        raise UnreadableError("what is attached here cannot be translated for this provider: attach it as data")
    return "".join(part.get("text") or part.get("refusal") or "" for part in content)


def _tools(document: Mapping[str, Any]) -> dict[str, Any]:
    if not document.get("tools"):
        return {}
    out: dict[str, Any] = {"tools": list(_functions(document["tools"]))}
    match document.get("tool_choice"):
        case None:
            return out
        case "auto" | "none" | "required" as word:
            return out | {"tool_choice": word}
        case {"type": "function", "name": str(name)}:
            return out | {"tool_choice": {"type": "function", "function": {"name": name}}}
        case _:
            raise UnreadableError("`tool_choice` cannot be translated for this provider")


def _functions(tools: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for tool in tools:
        if tool["type"] != "function":
            raise UnreadableError("a tool cannot be translated for this provider: send functions only")
        function = {name: tool[name] for name in ("name", "description", "parameters", "strict") if tool.get(name)}
        yield {"type": "function", "function": function}


def _form(document: Mapping[str, Any]) -> dict[str, Any]:
    """The form of the answer, and how much it is to say."""
    text = document.get("text") or {}
    form = text.get("format") or {"type": "text"}
    length = {"verbosity": text["verbosity"]} if text.get("verbosity") not in {None, "medium"} else {}
    match form["type"]:
        case "text":
            return length
        case "json_object":
            return length | {"response_format": {"type": "json_object"}}
        case "json_schema":
            schema = {name: form[name] for name in ("name", "description", "schema", "strict") if form.get(name)}
            return length | {"response_format": {"type": "json_schema", "json_schema": schema}}
        case _:
            raise UnreadableError("`text.format` cannot be translated for this provider")
