"""
What the built-in provider answers: deterministic, with usage, whole or streamed, able to fail on demand.

Demos and tests need no key and no network, and the echo shows what a provider would have received.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from keeptrusts.core.errors import UnreadableError
from keeptrusts.core.exchange import Part, Role
from keeptrusts.wire.embeddings import read_request as read_embeddings
from keeptrusts.wire.openai_chat import read_request
from keeptrusts.wire.readings import ModelRequest
from keeptrusts.wire.sse import DONE, encode_frame
from keeptrusts.wire.strict_json import parse_object

Calls: TypeAlias = Sequence[tuple[str, Mapping[str, Any]]]
CHARS_A_TOKEN: Final = 4
CREATED: Final = 1_700_000_000


@dataclass(frozen=True, slots=True)
class MockAnswer:
    """
    Args:
        pieces: The body, in the pieces in which a provider would send it.
        dies: The connection drops after the last piece.
    """

    status: int
    media_type: str
    pieces: tuple[bytes, ...]
    dies: bool = False


def mock_answer(
    raw: bytes,
    *,
    reply: str | None = None,
    chunk_chars: int = 8,
    status: int = 200,
    die_after_chars: int | None = None,
    tool_calls: Calls = (),
) -> MockAnswer:
    """The answer to the request in `raw`; what the arguments mean stands with `policy.compiled.MockSettings`."""
    if status >= 400:
        error = {"error": {"message": f"the mock provider answers {status}", "type": "mock_error", "code": None}}
        return MockAnswer(status, "application/json", (json.dumps(error).encode(),))
    try:
        if _asks_for_vectors(raw):
            return MockAnswer(status, "application/json", (_vectors(raw),))
        request = read_request(raw)
    except UnreadableError as unreadable:
        error = {"error": {"message": str(unreadable), "type": "invalid_request_error", "code": None}}
        return MockAnswer(400, "application/json", (json.dumps(error).encode(),))
    text = reply if reply is not None else last_user_text(request)
    writer = _Writer(request, raw, text, tool_calls)
    if die_after_chars is not None:
        return _dying(writer, chunk_chars, die_after_chars)
    if request.stream:
        return MockAnswer(status, "text/event-stream", tuple(writer.stream(text, chunk_chars, finished=True)))
    return MockAnswer(status, "application/json", (writer.whole(),))


def _asks_for_vectors(raw: bytes) -> bool:
    """Whether a request asks for vectors. Raises `UnreadableError`."""
    document = parse_object(raw)
    return "input" in document and "messages" not in document


def _vectors(raw: bytes) -> bytes:
    """A short vector for each text, the same for the same text."""
    asked = read_embeddings(raw)
    texts = [text.value for text in asked.texts if text.place[0] == "input"]
    vectors = [[byte / 255 for byte in hashlib.sha256(text.encode()).digest()[:8]] for text in texts]
    data = [{"object": "embedding", "index": index, "embedding": one} for index, one in enumerate(vectors)]
    counted = sum(map(len, texts)) // CHARS_A_TOKEN + 1
    usage = {"prompt_tokens": counted, "total_tokens": counted}
    return json.dumps({"object": "list", "data": data, "model": asked.model, "usage": usage}).encode()


def last_user_text(request: ModelRequest) -> str:
    """What the user said last, all parts of that message."""
    said = [one for one in request.texts if one.role is Role.USER and one.part is Part.CONTENT]
    last = said[-1].place[:2] if said else ()
    return "\n".join(one.value for one in said if one.place[:2] == last)


def _dying(writer: _Writer, chunk_chars: int, chars: int) -> MockAnswer:
    if writer.streamed:
        pieces = tuple(writer.stream(writer.text[:chars], chunk_chars, finished=False))
        return MockAnswer(200, "text/event-stream", pieces, dies=True)
    whole = writer.whole()
    return MockAnswer(200, "application/json", (whole[: max(1, len(whole) // 2)],), dies=True)


class _Writer:
    def __init__(self, request: ModelRequest, raw: bytes, text: str, tool_calls: Calls) -> None:
        self.streamed = request.stream
        self.text = text
        self._request = request
        self._id = "chatcmpl-" + hashlib.sha256(raw).hexdigest()[:24]
        self._calls = [
            {
                "id": f"call_{self._id[-8:]}_{index}",
                "type": "function",
                "function": {"name": name, "arguments": json.dumps(dict(arguments), ensure_ascii=False)},
            }
            for index, (name, arguments) in enumerate(tool_calls)
        ]
        self._finish = "tool_calls" if self._calls else "stop"

    def whole(self) -> bytes:
        message: dict[str, Any] = {"role": "assistant", "content": self.text, "refusal": None}
        if self._calls:
            message["tool_calls"] = self._calls
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self._finish}
        answer = self._head("chat.completion") | {"choices": [choice], "usage": self._usage()}
        return json.dumps(answer, ensure_ascii=False).encode()

    def stream(self, text: str, chunk_chars: int, *, finished: bool) -> Iterator[bytes]:
        yield self._chunk({"role": "assistant", "content": ""})
        for start in range(0, len(text), chunk_chars):
            yield self._chunk({"content": text[start : start + chunk_chars]})
        if not finished:
            return
        for index, call in enumerate(self._calls):
            yield self._chunk({"tool_calls": [{"index": index, **call}]})
        yield self._chunk({}, self._finish)
        options = self._request.document.get("stream_options")
        if isinstance(options, dict) and options.get("include_usage"):
            yield self._frame(self._head("chat.completion.chunk") | {"choices": [], "usage": self._usage()})
        yield encode_frame(DONE)

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return self._frame(self._head("chat.completion.chunk") | {"choices": [choice]})

    @staticmethod
    def _frame(document: Mapping[str, Any]) -> bytes:
        return encode_frame(json.dumps(document, ensure_ascii=False))

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self._id, "object": kind, "created": CREATED, "model": self._request.model}

    def _usage(self) -> dict[str, int]:
        asked = sum(len(text.value) for text in self._request.texts) // CHARS_A_TOKEN + 1
        said = len(self.text) // CHARS_A_TOKEN + 1
        return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}
