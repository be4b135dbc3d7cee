"""What Amazon Bedrock answers: whole answers, and streams in frames of their own."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from keeptrusts.core.exchange import Target
from keeptrusts.policy.compiled import TargetSettings

BEDROCK = TargetSettings(
    target=Target("main", "bedrock"), base_url="http://bedrock", format="bedrock", api_prefix="", aws_region="eu-west-1"
)


def frame(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One message of an event stream."""
    return framed(b"".join(text_header(name, value) for name, value in headers.items()), payload)


def framed(block: bytes, payload: bytes) -> bytes:
    """A message around headers that are bytes already."""
    prelude = (16 + len(block) + len(payload)).to_bytes(4) + len(block).to_bytes(4)
    message = prelude + zlib.crc32(prelude).to_bytes(4) + block + payload
    return message + zlib.crc32(message).to_bytes(4)


def event(name: str, **payload: Any) -> bytes:
    """An event of ConverseStream."""
    headers = {":event-type": name, ":content-type": "application/json", ":message-type": "event"}
    return frame(headers, json.dumps(payload, ensure_ascii=False).encode())


def failure(name: str) -> bytes:
    """How Bedrock says in a stream that it failed."""
    headers = {":exception-type": name, ":content-type": "application/json", ":message-type": "exception"}
    return frame(headers, b'{"message": "try again"}')


def delta(index: int, **said: Any) -> bytes:
    return event("contentBlockDelta", contentBlockIndex=index, delta=said, p="abcdefgh")


def answer(text: str, calls: Sequence[tuple[str, str]] = ()) -> bytes:
    """A whole answer that says this."""
    content: list[Mapping[str, Any]] = [{"text": text}] if text else []
    content += [
        {"toolUse": {"toolUseId": f"tooluse_{index}", "name": name, "input": json.loads(arguments)}}
        for index, (name, arguments) in enumerate(calls)
    ]
    said = {"output": {"message": {"role": "assistant", "content": content}}, "metrics": {"latencyMs": 7}}
    ended = {"stopReason": "tool_use" if calls else "end_turn", "usage": USAGE}
    return json.dumps(said | ended, ensure_ascii=False).encode()


def stream(pieces: Iterable[str], calls: Sequence[tuple[str, Iterable[str]]] = ()) -> bytes:
    """The same in events, with deltas of calls that run through each other."""
    events = [event("messageStart", role="assistant"), *(delta(0, text=piece) for piece in pieces)]
    events.append(event("contentBlockStop", contentBlockIndex=0))
    for index, (name, _) in enumerate(calls, start=1):
        start = {"toolUse": {"toolUseId": f"tooluse_{index}", "name": name}}
        events.append(event("contentBlockStart", contentBlockIndex=index, start=start))
    left = [(index, list(arguments)) for index, (_, arguments) in enumerate(calls, start=1)]
    while any(arguments for _, arguments in left):
        for index, arguments in left:
            if arguments:
                events.append(delta(index, toolUse={"input": arguments.pop(0)}))
    events.append(event("messageStop", stopReason="tool_use" if calls else "end_turn"))
    return b"".join([*events, event("metadata", usage=USAGE, metrics={"latencyMs": 7})])


USAGE = {"inputTokens": 3, "outputTokens": 5, "totalTokens": 8}


def text_header(name: str, value: str) -> bytes:
    """A header that is text."""
    raw = value.encode()
    return bytes([len(name)]) + name.encode() + b"\x07" + len(raw).to_bytes(2) + raw
