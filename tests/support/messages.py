"""Anthropic's Messages as a provider answers them, whole and streamed, and what a client puts together from them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from keeptrusts.core.exchange import Target
from keeptrusts.policy.compiled import TargetSettings

PATH = "/v1/messages"
ANTHROPIC = TargetSettings(target=Target("claude", "anthropic"), base_url="http://anthropic", format="anthropic")
HELLO: dict[str, Any] = {"model": "m", "max_tokens": 99, "messages": [{"role": "user", "content": "hello"}]}


def request(content: Any = "hello", **fields: Any) -> bytes:
    """A request whose user says this."""
    return json.dumps(HELLO | {"messages": [{"role": "user", "content": content}]} | fields).encode()


def event(kind: str, **fields: Any) -> bytes:
    """One event of a stream."""
    data = json.dumps({"type": kind, **fields}, ensure_ascii=False)
    return f"event: {kind}\ndata: {data}\n\n".encode()


def begun() -> bytes:
    """How a stream begins."""
    usage = {"input_tokens": 3, "output_tokens": 1}
    message: dict[str, Any] = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": []}
    return event("message_start", message=message | {"stop_reason": None, "stop_sequence": None, "usage": usage})


def ended(reason: str = "end_turn") -> bytes:
    """How it ends."""
    delta = {"stop_reason": reason, "stop_sequence": None}
    return event("message_delta", delta=delta, usage={"output_tokens": 5}) + event("message_stop")


def block(index: int, empty: Mapping[str, Any], deltas: Iterable[Mapping[str, Any]]) -> list[bytes]:
    """The events of one block."""
    pieces = [event("content_block_delta", index=index, delta=delta) for delta in deltas]
    return [event("content_block_start", index=index, content_block=empty), *pieces,
            event("content_block_stop", index=index)]  # fmt: skip


def text_block(index: int, texts: Iterable[str]) -> list[bytes]:
    return block(index, {"type": "text", "text": ""}, ({"type": "text_delta", "text": text} for text in texts))


def call_block(index: int, name: str, pieces: Iterable[str]) -> list[bytes]:
    empty = {"type": "tool_use", "id": f"toolu_{index}", "name": name, "input": {}}
    return block(index, empty, ({"type": "input_json_delta", "partial_json": piece} for piece in pieces))


def stream(*blocks: Sequence[bytes], reason: str = "end_turn") -> bytes:
    """A whole stream of these blocks."""
    return begun() + b"".join(b"".join(one) for one in blocks) + ended(reason)


def answer(*content: Mapping[str, Any], reason: str = "end_turn") -> bytes:
    """A whole answer of these blocks."""
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": list(content)}
    usage = {"input_tokens": 3, "output_tokens": 5}
    return json.dumps(message | {"stop_reason": reason, "stop_sequence": None, "usage": usage}).encode()


def events(body: bytes) -> list[dict[str, Any]]:
    """The events of a stream in order, with their names checked."""
    found = []
    for one in body.decode().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in one.split("\n") if line)
        if "data" in lines:
            found.append(json.loads(lines["data"]))
            assert found[-1]["type"] == lines["event"]
    return found


def said(body: bytes) -> list[str]:
    """The texts and arguments of a stream, block by block."""
    blocks: list[str] = []
    for one in events(body):
        if one["type"] == "content_block_start":
            assert one["index"] == len(blocks)
            blocks.append("")
        elif one["type"] == "content_block_delta":
            delta = one["delta"]
            blocks[one["index"]] += delta.get("text") or delta.get("thinking") or delta.get("partial_json") or ""
    return blocks
