"""
Anthropic's Messages API on the far side of a chat completion: request, answer, and streamed events, translated.

Source: the API reference of Anthropic, "Messages". What has no counterpart is refused, not dropped.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, TypeVar

from keeptrusts.core.errors import UnreadableError
from keeptrusts.wire.attachments import PARTS, attachment
from keeptrusts.wire.chat_fields import EFFORTS, read_chat, schema_of
from keeptrusts.wire.failures import refuse_failure
from keeptrusts.wire.far_side import StreamedCalls, chat_usage, ending, text_of, turns
from keeptrusts.wire.sse import DONE, SseFrame, encode_frame
from keeptrusts.wire.strict_json import parse_json, parse_object
from keeptrusts.wire.translation import Asked

R = TypeVar("R")

PATH: Final = "/v1/messages"
VERSION: Final = "2023-06-01"
DEFAULT_MAX_TOKENS: Final = 4096
"""Anthropic demands a cap on the answer; OpenAI's clients rarely send one."""

_FINISH: Final = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
    "pause_turn": "stop",
    "model_context_window_exceeded": "length",
}
_SAME: Final = ("temperature", "top_p", "stream")
_CARRIED: Final = frozenset({
    "model", "messages", "tools", "tool_choice", "parallel_tool_calls", "max_tokens", "max_completion_tokens", "stop",
    "user", "reasoning_effort", "response_format", *_SAME,
})  # fmt: skip


def request_to_messages(raw: bytes) -> bytes:
    """
    A chat request as a Messages request.

    Raises:
        UnreadableError: It asks for something that the Messages API has no word for.
    """
    return _read(_messages_request, raw)


def answer_from_messages(raw: bytes, asked: Asked) -> bytes:
    """
    A Messages answer as a chat completion.

    Raises:
        UnreadableError: It is no message, or holds a block that is not known.
    """
    return _read(lambda given: _chat_answer(given, asked.at), raw)


def _read(read: Callable[[bytes], R], raw: bytes) -> R:
    """A member that is absent or of another type makes the whole unreadable (law 2)."""
    try:
        return read(raw)
    except (KeyError, TypeError, AttributeError, IndexError):
        raise UnreadableError("a message is not of the form that its API describes") from None


def _messages_request(raw: bytes) -> bytes:
    document = read_chat(raw, _CARRIED)
    system, messages = turns(document["messages"], _blocks)
    out: dict[str, Any] = {
        "model": document["model"],
        "max_tokens": document.get("max_completion_tokens") or document.get("max_tokens") or DEFAULT_MAX_TOKENS,
        "messages": messages,
    }
    out |= {name: document[name] for name in _SAME if name in document}
    if system:
        out["system"] = "\n\n".join(system)
    if document.get("stop"):
        stop = document["stop"]
        out["stop_sequences"] = [stop] if isinstance(stop, str) else stop
    if document.get("user"):
        out["metadata"] = {"user_id": document["user"]}
    if document.get("tools"):
        out["tools"] = [_tool(one) for one in document["tools"]]
        out["tool_choice"] = _tool_choice(document.get("tool_choice"), document.get("parallel_tool_calls"))
    return json.dumps(out | _manner(document), ensure_ascii=False).encode()


def _manner(document: Mapping[str, Any]) -> dict[str, Any]:
    """How hard to try, and the form of the answer."""
    effort, form = document.get("reasoning_effort"), document.get("response_format")
    config: dict[str, Any] = {}
    if form is not None:
        described = schema_of(form)
        said = {name: described[name] for name in ("description",) if described.get(name)}
        config["format"] = {"type": "json_schema", "schema": said | described["schema"]}
    if effort == "none":
        return {"thinking": {"type": "disabled"}, **({"output_config": config} if config else {})}
    if effort is not None:
        config["effort"] = EFFORTS[effort]
    return {"output_config": config} if config else {}


def _chat_answer(raw: bytes, created: int) -> bytes:
    answer = parse_object(raw)
    if answer.get("type") != "message" or not isinstance(answer.get("content"), list):
        raise UnreadableError("the answer is no message")
    message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None}
    for block in answer["content"]:
        _take_block(message, block)
    usage = _usage(answer.get("usage"))
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": _FINISH.get(str(answer.get("stop_reason")), "stop"),
    }
    out = {
        "id": answer.get("id"),
        "object": "chat.completion",
        "created": created,
        "model": answer.get("model"),
        "choices": [choice],
        "usage": usage,
    }
    return json.dumps(out, ensure_ascii=False).encode()


class MessagesStream:
    """
    The events of a streamed message, as chunks of a chat completion.

    Args:
        asked: The model asked for counts until the provider says its own name for it.
    """

    def __init__(self, asked: Asked) -> None:
        self._id = ""
        self._model = asked.model
        self._asked = asked
        self._calls = StreamedCalls()
        self._counted: dict[str, Any] = {}

    def translate(self, frames: Iterable[SseFrame]) -> Iterator[SseFrame]:
        """
        The frames that these mean.

        Raises:
            UnreadableError: An event that is not known.
            UpstreamLostError: The provider says that it failed.
        """
        for frame in frames:
            if frame.data is None:
                continue
            for data in _read(lambda held: list(self._meaning(parse_object(held))), frame.data.encode()):
                yield SseFrame(encode_frame(data), data)

    def end(self) -> Iterator[SseFrame]:
        """Nothing: what was not said is missing."""
        return iter(())

    def _meaning(self, event: Mapping[str, Any]) -> Iterator[str]:
        match event.get("type"):
            case "message_start":
                message = event.get("message") or {}
                self._id, self._model = str(message.get("id", "")), str(message.get("model", self._model))
                usage = message.get("usage")
                self._counted = dict(usage) if isinstance(usage, Mapping) else {}
                yield self._chunk({"role": "assistant", "content": ""})
            case "content_block_start":
                yield from self._started(event)
            case "content_block_delta":
                yield self._chunk(self._delta(event))
            case "message_delta":
                yield from self._ended(event)
            case "message_stop":
                yield DONE
            case "content_block_stop":
                yield from map(self._chunk, self._calls.closed(event["index"]))
            case "ping":
                return
            case _:
                refuse_failure(event)
                raise UnreadableError("the provider sent an event that is not known")

    def _started(self, event: Mapping[str, Any]) -> Iterator[str]:
        block = event.get("content_block") or {}
        match block.get("type"):
            case "text":
                if block.get("text"):
                    yield self._chunk({"content": block["text"]})
            case "thinking":
                if block.get("thinking"):
                    yield self._chunk({"reasoning_content": block["thinking"]})
            case "redacted_thinking":
                return
            case "tool_use":
                begun = self._calls.begun(event["index"], block.get("id", ""), block.get("name", ""))
                yield self._chunk(begun)
            case _:
                raise UnreadableError("the answer holds a block that is not known")

    def _delta(self, event: Mapping[str, Any]) -> dict[str, Any]:
        delta = event.get("delta") or {}
        match delta.get("type"):
            case "text_delta":
                return {"content": delta["text"]}
            case "thinking_delta":
                return {"reasoning_content": delta["thinking"]}
            case "signature_delta":
                return {}
            case "input_json_delta":
                return self._calls.more(event["index"], delta["partial_json"])
            case _:
                raise UnreadableError("the answer holds a delta that is not known")

    def _ended(self, event: Mapping[str, Any]) -> Iterator[str]:
        reason = (event.get("delta") or {}).get("stop_reason")
        said = {name: count for name, count in (event.get("usage") or {}).items() if count is not None}
        choice = {"index": 0, "delta": {}, "finish_reason": _FINISH.get(str(reason), "stop")}
        usage = _usage(self._counted | said)
        yield from map(self._document, ending(choice, usage, self._asked))

    def _chunk(self, delta: Mapping[str, Any], finish: str | None = None) -> str:
        return self._document({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})

    def _document(self, rest: Mapping[str, Any]) -> str:
        created = self._asked.at
        head = {"id": self._id, "object": "chat.completion.chunk", "created": created, "model": self._model}
        return json.dumps({**head, **rest}, ensure_ascii=False)


def _blocks(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    texts = _text_blocks(message.get("content"))
    if message.get("role") in {"tool", "function"}:
        return [{"type": "tool_result", "tool_use_id": message.get("tool_call_id", ""), "content": texts}]
    calls = [
        {
            "type": "tool_use",
            "id": call.get("id", ""),
            "name": call["function"]["name"],
            "input": parse_json((call["function"].get("arguments") or "{}").encode()),
        }
        for call in message.get("tool_calls") or ()
    ]
    return [*texts, *calls]


def _text_blocks(content: Any) -> list[dict[str, Any]]:
    if content is None or content == "":
        return []
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [_block(part) for part in content]


def _block(part: Mapping[str, Any]) -> dict[str, Any]:
    kind = part.get("type")
    if kind not in PARTS:
        return {"type": "text", "text": text_of(part)}
    given = part.get(kind)
    document = attachment(kind, given if isinstance(given, dict) else {})
    family = "image" if document.mime_type.startswith("image/") else "document"
    if document.unreadable or not (family == "image" or document.mime_type in {"application/pdf", "text/plain"}):
        raise UnreadableError("this provider takes pictures, PDF and plain text alone: attach one of these as data")
    if document.mime_type == "text/plain":
        source = {"type": "text", "media_type": "text/plain", "data": document.data.decode()}
    else:
        encoded = base64.b64encode(document.data).decode()
        source = {"type": "base64", "media_type": document.mime_type, "data": encoded}
    return {"type": family, "source": source}


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    function = tool.get("function", tool)
    out = {"name": function["name"], "input_schema": function.get("parameters") or {"type": "object"}}
    return out | {name: function[name] for name in ("description", "strict") if function.get(name)}


def _tool_choice(choice: Any, parallel: Any) -> dict[str, Any]:
    extra = {"disable_parallel_tool_use": True} if parallel is False else {}
    match choice:
        case None | "auto":
            return {"type": "auto", **extra}
        case "none":
            return {"type": "none"}
        case "required":
            return {"type": "any", **extra}
        case {"function": {"name": str(name)}}:
            return {"type": "tool", "name": name, **extra}
        case _:
            raise UnreadableError("`tool_choice` cannot be translated for this provider")


def _take_block(message: dict[str, Any], block: Any) -> None:
    match block:
        case {"type": "text", "text": str(text)}:
            message["content"] = (message["content"] or "") + text
        case {"type": "thinking", "thinking": str(text)}:
            message["reasoning_content"] = message.get("reasoning_content", "") + text
        case {"type": "redacted_thinking", "data": str()}:
            return
        case {"type": "tool_use", "id": str(identifier), "name": str(name), "input": given}:
            function = {"name": name, "arguments": json.dumps(given, ensure_ascii=False)}
            call = {"id": identifier, "type": "function", "function": function}
            message.setdefault("tool_calls", []).append(call)
        case _:
            raise UnreadableError("the answer holds a block that is not known")


def _usage(given: Any) -> dict[str, Any]:
    counted = given if isinstance(given, dict) else {}
    return chat_usage(
        fresh=counted.get("input_tokens"),
        written=counted.get("cache_creation_input_tokens"),
        cached=counted.get("cache_read_input_tokens"),
        said=counted.get("output_tokens"),
    )
