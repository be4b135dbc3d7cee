"""The exchange of a conformance case as chat completions: what a client sends, what a provider answers."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from support.flows import chunk, documents
from support.policy_cases import Case, attached

NOT_JSON = "{not JSON"
"""Stands for arguments that cannot be read."""


def request_of(case: Case, *, streamed: bool = False) -> dict[str, Any]:
    """The request: of a case about an answer only what lies around it."""
    said = case.exchange
    asked = said.get("asked", ()) if said.get("answer") else said.get("texts", ())
    messages = [_message(text, index) for index, text in enumerate(asked)]
    if not said.get("answer") and "calls" in said:
        messages.append({"role": "assistant", "content": None, "tool_calls": _calls(said, ())})
    if "documents" in said:
        messages.append({"role": "user", "content": [attached(one) for one in said["documents"]]})
    missing = max(said.get("messages", 0), 1) - len(messages)
    messages += [{"role": "user", "content": ""}] * missing
    request: dict[str, Any] = {"model": said.get("model", "m"), "messages": messages}
    if "tools" in said:
        request["tools"] = [{"type": "function", "function": {"name": name}} for name in said["tools"]]
    if "max_tokens" in said:
        request["max_tokens"] = said["max_tokens"]
    return request | ({"stream": True} if streamed else {})


def headers_of(case: Case) -> dict[str, str]:
    user, session = case.exchange.get("user_id"), case.exchange.get("session_id")
    named = {"x-keeptrusts-user-id": user, "x-keeptrusts-session-id": session}
    return {**case.exchange.get("headers", {}), **{name: value for name, value in named.items() if value}}


def answer_of(case: Case, *, streamed: bool) -> bytes:
    """What the provider answers; for a case about a request, something harmless."""
    message = _answer(case)
    if streamed:
        return _streamed(message)
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return json.dumps(
        {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    ).encode()


def asked(body: bytes, case: Case) -> list[str]:
    """The texts of the case as they stand in a request."""
    messages = json.loads(body)["messages"][len(told(body, case)) :]
    count = len(case.exchange.get("texts", ()))
    written = [message["content"] for message in messages[:count]]
    parts = messages[count]["content"] if "documents" in case.exchange else ()
    return written + [_content_of(part["file"]["file_data"]) for part in parts]


def _content_of(data_url: str) -> str:
    return base64.b64decode(data_url.partition(",")[2]).decode()


def told(body: bytes, case: Case) -> list[str]:
    """What the model is told before the texts of the case, if it wants that."""
    first = json.loads(body)["messages"][0]
    return [first["content"]] if "told" in case.want and first["role"] == "system" else []


def answered(body: bytes, *, streamed: bool) -> list[str]:
    """The texts of the case as they stand in an answer."""
    message = _put_together(body) if streamed else json.loads(body)["choices"][0]["message"]
    told = [json.loads(call["function"]["arguments"]).get("text") for call in message.get("tool_calls") or ()]
    return [text for text in (message["content"], *told) if text]


def _message(text: str | Mapping[str, str], index: int) -> dict[str, Any]:
    if isinstance(text, str):
        return {"role": "user", "content": text}
    assert (text["role"], text["part"]) == ("tool", "tool_result"), "write down how this is sent"
    return {"role": "tool", "tool_call_id": f"call_{index}", "content": text["text"]}


def _answer(case: Case) -> dict[str, Any]:
    said = case.exchange if case.exchange.get("answer") else {"texts": ["fine"]}
    texts: Sequence[str | Mapping[str, str]] = said.get("texts", ())
    spoken = [text for text in texts if isinstance(text, str)]
    in_calls = [text["text"] for text in texts if not isinstance(text, str)]
    assert len(spoken) <= 1, "write down how this is sent"
    assert all(isinstance(text, str) or text["part"] == "tool_call" for text in texts), "write down how this is sent"
    message: dict[str, Any] = {"role": "assistant", "content": spoken[0] if spoken else None}
    calls = _calls(said, in_calls)
    return message | ({"tool_calls": calls} if calls else {})


def _calls(said: Mapping[str, Any], texts: Sequence[str]) -> list[dict[str, Any]]:
    """The calls of a case; texts that stand in one go into their arguments, into a call of their own if need be."""
    calls = [dict(call) for call in said.get("calls", ())]
    for index, text in enumerate(texts):
        if index == len(calls):
            calls.append({"name": "act", "arguments": {}})
        calls[index]["arguments"] = {**calls[index]["arguments"], "text": text}
    return [
        {
            "id": f"call_{index}",
            "type": "function",
            "function": {
                "name": call["name"],
                "arguments": json.dumps(call["arguments"]) if "arguments" in call else NOT_JSON,
            },
        }
        for index, call in enumerate(calls)
    ]


def _streamed(message: Mapping[str, Any]) -> bytes:
    """In pieces of five characters, so that everything of interest is cut somewhere."""
    pieces = [chunk({"role": "assistant", "content": ""})]
    pieces += [chunk({"content": part}) for part in _cut(message["content"] or "")]
    for index, call in enumerate(message.get("tool_calls", ())):
        pieces.append(
            chunk({"tool_calls": [{**call, "index": index, "function": {**call["function"], "arguments": ""}}]})
        )
        for part in _cut(call["function"]["arguments"]):
            pieces.append(chunk({"tool_calls": [{"index": index, "function": {"arguments": part}}]}))
    return b"".join(pieces) + chunk({}, finish="stop") + b"data: [DONE]\n\n"


def _cut(text: str) -> list[str]:
    return [text[at : at + 5] for at in range(0, len(text), 5)]


def _put_together(body: bytes) -> dict[str, Any]:
    content, arguments = "", dict[int, str]()
    for document in documents(body):
        delta = document["choices"][0]["delta"]
        content += delta.get("content") or ""
        for call in delta.get("tool_calls", ()):
            arguments[call["index"]] = arguments.get(call["index"], "") + (call["function"].get("arguments") or "")
    calls = [{"function": {"arguments": arguments[index]}} for index in sorted(arguments)]
    return {"content": content, "tool_calls": calls}
