"""
Amazon Bedrock on the far side of a chat completion: Converse, its streamed sister, and the count of tokens.

Source: the API reference of Amazon Bedrock, "Converse", "ConverseStream", "CountTokens" (2023-09-30). What has no
counterpart is refused, not dropped; but for hints and the thinking of earlier turns (ADR-0150).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import quote

from keeptrusts.core.errors import UnreadableError
from keeptrusts.wire.attachments import PARTS, attachment
from keeptrusts.wire.chat_fields import EFFORTS, read_chat, schema_of
from keeptrusts.wire.far_side import chat_usage, text_of, turns
from keeptrusts.wire.messages_as_chat import request_to_chat
from keeptrusts.wire.openai_chat import natural
from keeptrusts.wire.strict_json import parse_json, parse_object
from keeptrusts.wire.translation import Asked, guarded

Action: TypeAlias = Literal["converse", "converse-stream", "count-tokens", "invoke"]
_FINISH: Final = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}
_CLAUDE: Final = "anthropic.claude"
_LIMITS: Final = {"temperature": "temperature", "top_p": "topP"}
_CARRIED: Final = frozenset({
    "model", "messages", "tools", "tool_choice", "parallel_tool_calls", "max_tokens", "max_completion_tokens", "stop",
    "user", "stream", "reasoning_effort", "response_format", *_LIMITS,
})  # fmt: skip
_PICTURES: Final = {f"image/{name}": name for name in ("png", "jpeg", "gif", "webp")}
_OFFICE: Final = "application/vnd.openxmlformats-officedocument"
_DOCUMENTS: Final = {
    "application/pdf": "pdf",
    "text/csv": "csv",
    "text/html": "html",
    "text/plain": "txt",
    "text/markdown": "md",
    "application/msword": "doc",
    "application/vnd.ms-excel": "xls",
    f"{_OFFICE}.wordprocessingml.document": "docx",
    f"{_OFFICE}.spreadsheetml.sheet": "xlsx",
}


def path(model: str, action: Action) -> str:
    """Where a model is asked. Its name may be an ARN."""
    return f"/model/{quote(model, safe='')}/{action}"


@guarded
def request_to_converse(raw: bytes) -> bytes:
    """
    A chat request as one of Converse. Model and streaming are in its path.

    Raises:
        UnreadableError: It asks for something that Converse has no word for.
    """
    document = read_chat(raw, _CARRIED)
    limits = {name: document[given] for given, name in _LIMITS.items() if given in document}
    cap = document.get("max_completion_tokens") or document.get("max_tokens")
    limits |= {"maxTokens": cap} if cap is not None else {}
    if stop := document.get("stop"):
        limits["stopSequences"] = [stop] if isinstance(stop, str) else stop
    out = _conversation(document) | _manner(document) | ({"inferenceConfig": limits} if limits else {})
    if document.get("parallel_tool_calls") is False and document.get("tools"):
        _one_call_at_a_time(document["model"], out)
    return json.dumps(out, ensure_ascii=False).encode()


def _one_call_at_a_time(model: str, out: dict[str, Any]) -> None:
    """Converse has no word for it. Claude has one of its own, which joins the choice that Converse makes of a tool."""
    if _CLAUDE not in model:
        raise UnreadableError("`parallel_tool_calls` cannot be translated for this model: leave it out")
    own: dict[str, Any] = {"disable_parallel_tool_use": True}
    if out["toolConfig"]["toolChoice"] == {"auto": {}}:
        del out["toolConfig"]["toolChoice"]
        own["type"] = "auto"
    out["additionalModelRequestFields"] = {"tool_choice": own}


def answer_from_converse(raw: bytes, asked: Asked) -> bytes:
    """
    An answer of Converse as a chat completion.

    Raises:
        UnreadableError: It is no answer, or holds a block that is not known.
    """
    return guarded(lambda given: _chat_answer(given, head_of(asked, "chat.completion")))(raw)


def head_of(asked: Asked, kind: str) -> dict[str, Any]:
    """How an answer or a chunk of it is called: Converse names neither it nor its model."""
    return {"id": f"chatcmpl-{asked.request_id}", "object": kind, "created": asked.at, "model": asked.model}


@guarded
def request_to_count(raw: bytes) -> bytes:
    """
    A request of Anthropic's that is counted, as one of CountTokens.

    Raises:
        UnreadableError: As for a request that is answered.
    """
    counted = parse_object(request_to_converse(request_to_chat(raw)))
    for name in ("inferenceConfig", "outputConfig", "additionalModelRequestFields"):
        counted.pop(name, None)
    return json.dumps({"input": {"converse": counted}}, ensure_ascii=False).encode()


@guarded
def answer_from_count(raw: bytes) -> bytes:
    """
    The count, as Anthropic tells it.

    Raises:
        UnreadableError: There is none.
    """
    count = natural(parse_object(raw).get("inputTokens"))
    if count is None:
        raise UnreadableError("the answer holds no count of tokens")
    return json.dumps({"input_tokens": count}).encode()


def finish_reason(given: Any) -> str:
    """
    Why the model stopped, as a chat completion says it.

    Raises:
        UnreadableError: What the model said is malformed, as Bedrock says itself.
    """
    if isinstance(given, str) and given.startswith("malformed_"):
        raise UnreadableError("the model's answer is malformed, the provider says")
    return _FINISH.get(str(given), "stop")


def usage_of(given: Any) -> dict[str, Any]:
    """Counts, as a chat completion tells them."""
    counted = given if isinstance(given, dict) else {}
    return chat_usage(
        fresh=natural(counted.get("inputTokens")),
        written=natural(counted.get("cacheWriteInputTokens")),
        cached=natural(counted.get("cacheReadInputTokens")),
        said=natural(counted.get("outputTokens")),
    )


def _chat_answer(raw: bytes, head: Mapping[str, Any]) -> bytes:
    answer = parse_object(raw)
    message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None}
    for block in answer["output"]["message"]["content"]:
        _take_block(message, block)
    reason = finish_reason(answer["stopReason"])
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}
    out = {**head, "choices": [choice], "usage": usage_of(answer.get("usage"))}
    return json.dumps(out, ensure_ascii=False).encode()


def _manner(document: Mapping[str, Any]) -> dict[str, Any]:
    """How hard to try, and the form of the answer."""
    config: dict[str, Any] = {}
    if "response_format" in document:
        told = schema_of(document["response_format"])
        schema = {"schema": json.dumps(told["schema"], ensure_ascii=False)}
        named = {name: told[name] for name in ("name", "description") if told.get(name)}
        config["textFormat"] = {"type": "json_schema", "structure": {"jsonSchema": schema | named}}
    effort = document.get("reasoning_effort")
    if effort == "none":
        raise UnreadableError("`reasoning_effort` of `none` cannot be translated for this provider: leave it out")
    if effort is not None:
        config["effort"] = EFFORTS[effort]
    return {"outputConfig": config} if config else {}


def _conversation(document: Mapping[str, Any]) -> dict[str, Any]:
    names = _Names()
    system, messages = turns(document["messages"], names.blocks)
    out: dict[str, Any] = {"messages": messages}
    if system:
        out["system"] = [{"text": text} for text in system]
    if document.get("tools"):
        out["toolConfig"] = {
            "tools": [{"toolSpec": _tool(one)} for one in document["tools"]],
            "toolChoice": _tool_choice(document.get("tool_choice")),
        }
    return out


class _Names:
    """Turns messages into blocks. Documents need names that differ; names of files may say anything."""

    def __init__(self) -> None:
        self._documents = 0

    def blocks(self, message: Mapping[str, Any]) -> list[dict[str, Any]]:
        said = self._parts(message.get("content"))
        if message.get("role") in {"tool", "function"}:
            return [{"toolResult": {"toolUseId": message.get("tool_call_id", ""), "content": said}}]
        return [*said, *(_call(one) for one in message.get("tool_calls") or ())]

    def _parts(self, content: Any) -> list[dict[str, Any]]:
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content or ()
        return [self._attached(part) if part.get("type") in PARTS else {"text": text_of(part)} for part in parts]

    def _attached(self, part: Mapping[str, Any]) -> dict[str, Any]:
        kind = str(part["type"])
        given = part.get(kind)
        document = attachment(kind, given if isinstance(given, dict) else {})
        source = {"bytes": base64.b64encode(document.data).decode()}
        if not document.unreadable and document.mime_type in _PICTURES:
            return {"image": {"format": _PICTURES[document.mime_type], "source": source}}
        if not document.unreadable and document.mime_type in _DOCUMENTS:
            self._documents += 1
            name = f"document {self._documents}"
            return {"document": {"format": _DOCUMENTS[document.mime_type], "name": name, "source": source}}
        raise UnreadableError("this provider takes pictures, PDF, office documents and text alone: attach one as data")


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    function = call["function"]
    given = parse_json((function.get("arguments") or "{}").encode())
    return {"toolUse": {"toolUseId": call.get("id", ""), "name": function["name"], "input": given}}


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    function = tool.get("function", tool)
    schema = {"json": function.get("parameters") or {"type": "object"}}
    more = {name: function[name] for name in ("description", "strict") if function.get(name)}
    return {"name": function["name"], "inputSchema": schema, **more}


def _tool_choice(choice: Any) -> dict[str, Any]:
    match choice:
        case None | "auto":
            return {"auto": {}}
        case "required":
            return {"any": {}}
        case {"function": {"name": str(name)}}:
            return {"tool": {"name": name}}
        case _:
            raise UnreadableError("`tool_choice` cannot be translated for this provider: leave it, or the tools, out")


def _take_block(message: dict[str, Any], block: Any) -> None:
    match block:
        case {"text": str(text)}:
            message["content"] = (message["content"] or "") + text
        case {"reasoningContent": {"reasoningText": {"text": str(text)}}}:
            message["reasoning_content"] = message.get("reasoning_content", "") + text
        case {"reasoningContent": {"redactedContent": str()}}:
            return
        case {"toolUse": {"toolUseId": str(identifier), "name": str(name), "input": given, **more}} if not more:
            function = {"name": name, "arguments": json.dumps(given, ensure_ascii=False)}
            call = {"id": identifier, "type": "function", "function": function}
            message.setdefault("tool_calls", []).append(call)
        case _:
            raise UnreadableError("the answer holds a block that is not known")
