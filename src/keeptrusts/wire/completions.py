"""
OpenAI's older completions: a prompt, and the text that goes on from it; and how a chat completion stands in for one.

Source: the API reference of OpenAI, "Completions". A prompt of token numbers is no text that a policy reads, so it is
refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from keeptrusts.core.errors import UnreadableError
from keeptrusts.core.exchange import Part, Place, Role
from keeptrusts.wire.chat_stream import choice_index, choices_of
from keeptrusts.wire.failures import refuse_failure
from keeptrusts.wire.filter_verdicts import FILTER_FIELDS
from keeptrusts.wire.openai_chat import flag_of, model_of, natural, usage_of, usage_texts
from keeptrusts.wire.readings import Chunk, ModelAnswer, ModelRequest, Piece
from keeptrusts.wire.spelling import refuse_lookalikes
from keeptrusts.wire.sse import DONE, SseFrame, encode_frame
from keeptrusts.wire.strict_json import parse_object
from keeptrusts.wire.texts import Shape, TextCollector, is_model_name, is_number, is_token, one_of

_SWITCHES: Final = one_of()
_REQUEST_FIELDS: Final[Mapping[str, Shape]] = {
    "model": is_model_name,
    **dict.fromkeys(("stream", "echo"), _SWITCHES),
    **dict.fromkeys(
        ("temperature", "top_p", "n", "best_of", "seed", "logprobs", "max_tokens", "presence_penalty"), is_number
    ),
    "frequency_penalty": is_number,
}
_READ_APART: Final = frozenset({"prompt", "suffix", "stop", "user", "stream_options"})
_ANSWER_FIELDS: Final[Mapping[str, Shape]] = {
    "id": is_token,
    "object": one_of("text_completion"),
    "created": is_number,
    "model": is_model_name,
    "system_fingerprint": is_token,
    **FILTER_FIELDS,
}
_CHOICE_FIELDS: Final[Mapping[str, Shape]] = {
    "index": is_number,
    "finish_reason": one_of("stop", "length", "content_filter"),
    **FILTER_FIELDS,
}
_SAME: Final = ("model", "temperature", "top_p", "n", "seed", "stop", "stream", "stream_options", "user", "max_tokens")
_PENALTIES: Final = ("presence_penalty", "frequency_penalty")


def read_request(raw: bytes) -> ModelRequest:
    """
    Read a request.

    Raises:
        UnreadableError: Not JSON that means one thing, no such request, or a prompt of token numbers.
    """
    document = parse_object(raw)
    refuse_lookalikes(document, frozenset(_REQUEST_FIELDS) | _READ_APART)
    collector = TextCollector(Role.USER)
    count = read_prompts(collector, document, "prompt")
    for name in ("suffix", "stop", "stream_options"):
        collector.walk(document.get(name), (name,), Part.OTHER, frozenset({"include_usage", "include_obfuscation"}))
    collector.walk(document.get("user"), ("user",), Part.NAME)
    others = {name: value for name, value in document.items() if name not in _READ_APART}
    collector.members(others, (), _REQUEST_FIELDS)
    cap = document.get("max_tokens")
    if cap is not None and natural(cap) is None:
        raise UnreadableError("`max_tokens` is not a whole number of 0 or more")
    return ModelRequest(
        raw=raw,
        document=document,
        texts=tuple(collector.texts),
        tool_calls=(),
        tools=(),
        model=model_of(document),
        stream=flag_of(document, "stream"),
        max_tokens=natural(cap),
        max_tokens_key="max_tokens",
        message_count=count,
        user=user if isinstance(user := document.get("user"), str) else None,
    )


def read_prompts(collector: TextCollector, document: Mapping[str, Any], name: str) -> int:
    """
    A text, or a list of texts; how many there are.

    Raises:
        UnreadableError: There is none, or it is made of token numbers.
    """
    given = document.get(name)
    listed = given if isinstance(given, list) else [given]
    if not listed or not all(isinstance(one, str) for one in listed):
        raise UnreadableError(
            f"`{name}` is not a text or a list of texts; token numbers are read by no policy: send text"
        )
    collector.walk(given, (name,), Part.CONTENT)
    return len(listed)


def read_answer(raw: bytes) -> ModelAnswer:
    """
    Read a whole answer.

    Raises:
        UnreadableError: It is no completion.
    """
    document = parse_object(raw)
    choices = document.get("choices")
    if not isinstance(choices, list):
        raise UnreadableError("the answer has no `choices`")
    collector = TextCollector(Role.ASSISTANT)
    logprobs: list[Place] = []
    for index, choice in enumerate(choices):
        if not isinstance(choice, dict) or not isinstance(choice.get("text"), str):
            raise UnreadableError("a choice has no text")
        collector.choice = index
        collector.walk(choice["text"], ("choices", index, "text"), Part.CONTENT)
        if choice.get("logprobs") is not None:
            logprobs.append(("choices", index, "logprobs"))
        others = {name: value for name, value in choice.items() if name not in {"text", "logprobs"}}
        collector.members(others, ("choices", index), _CHOICE_FIELDS)
    collector.choice = 0
    _others(collector, document)
    collector.texts += usage_texts(document).texts
    return ModelAnswer(raw, tuple(collector.texts), (), tuple(logprobs), usage_of(document.get("usage")))


def read_chunk(frame: SseFrame) -> Chunk:
    """
    Read a frame of a streamed completion.

    Raises:
        UnreadableError: It is none.
        UpstreamLostError: The provider says that it failed.
    """
    if frame.data is None or frame.data == DONE:
        if any(not line.startswith(":") for line in frame.rest.split("\n") if line):
            raise UnreadableError("an event without data")
        return Chunk(frame, None, done=frame.data == DONE)
    raw = frame.data.encode()
    document = parse_object(raw)
    choices = choices_of(document)
    pieces: list[Piece] = []
    logprobs: list[Place] = []
    ends: list[tuple[int, bool]] = []
    for position, choice in enumerate(choices):
        if not isinstance(choice, dict) or not isinstance(choice.get("text", ""), str):
            raise UnreadableError("a choice has no text")
        index, place = choice_index(choice, position), ("choices", position)
        ends.append((index, bool(choice.get("finish_reason"))))
        if choice.get("text"):
            channel = (index, Part.CONTENT, ("text",))
            pieces.append(Piece(channel, (*place, "text"), choice["text"], ending=(*place, "finish_reason")))
        if choice.get("logprobs") is not None:
            logprobs.append((*place, "logprobs"))
        beside = TextCollector(Role.ASSISTANT)
        others = {name: value for name, value in choice.items() if name not in {"text", "logprobs", "index"}}
        beside.members(others, place, _CHOICE_FIELDS)
        pieces += (Piece((index, Part.OTHER, text.place[2:]), text.place, text.value) for text in beside.texts)
    collector = TextCollector(Role.ASSISTANT)
    _others(collector, document)
    texts = [*collector.texts, *usage_texts(document).texts]
    pieces += (Piece((0, Part.OTHER, text.place), text.place, text.value, whole=True) for text in texts)
    usage = usage_of(document["usage"]) if document.get("usage") else None
    return Chunk(frame, raw, tuple(pieces), (), tuple(logprobs), usage, tuple(ends))


def request_to_chat(raw: bytes) -> bytes:
    """
    A prompt as what a user says.

    Raises:
        UnreadableError: It asks for something that a chat request has no word for.
    """
    document = parse_object(raw)
    known = {"prompt", *_SAME, *_PENALTIES}
    nothing = {"best_of": 1, "logit_bias": {}, "suffix": ""}
    asked = (name for name, value in document.items() if value not in (None, False, nothing.get(name)))
    unknown = next((name for name in asked if name not in known), None)
    if unknown is not None:
        raise UnreadableError(f"`{unknown}` cannot be translated for this provider: leave it out")
    prompt = document["prompt"]
    prompts = prompt if isinstance(prompt, list) else [prompt]
    if len(prompts) != 1:
        raise UnreadableError("several prompts cannot be translated for this provider: send one")
    out = {name: document[name] for name in (*_SAME, *_PENALTIES) if document.get(name) is not None}
    return json.dumps(out | {"messages": [{"role": "user", "content": prompts[0]}]}, ensure_ascii=False).encode()


def answer_from_chat(raw: bytes) -> bytes:
    """A chat completion as a completion."""
    answer = parse_object(raw)
    choices = [
        _choice(choice["index"], choice["message"].get("content") or choice["message"].get("refusal") or "",
                choice.get("finish_reason"))
        for choice in answer["choices"]
    ]  # fmt: skip
    return json.dumps(_head(answer) | {"choices": choices, "usage": answer.get("usage")}, ensure_ascii=False).encode()


class CompletionsWriter:
    """
    The chunks of a completion that those of a chat completion mean.

    Args:
        model: What the client asked for; it counts when the provider does not say its own name for it.
    """

    def __init__(self, model: str) -> None:
        self._model = model

    def translate(self, frames: Iterable[SseFrame]) -> Iterator[SseFrame]:
        """The frames that these mean. Raises `UnreadableError`."""
        for frame in frames:
            if frame.data == DONE:
                yield frame
            elif frame.data is not None:
                yield self._chunk(frame.data)

    def end(self) -> Iterator[SseFrame]:
        """Nothing: what was not said is missing."""
        return iter(())

    def _chunk(self, data: str) -> SseFrame:
        try:
            chunk = parse_object(data.encode())
            if "choices" not in chunk:
                refuse_failure(chunk)
            choices = [
                _choice(choice.get("index", 0), (choice.get("delta") or {}).get("content") or "",
                        choice.get("finish_reason"))
                for choice in chunk["choices"]
            ]  # fmt: skip
        except (KeyError, TypeError, AttributeError):
            raise UnreadableError("the stream is not of the form that its API describes") from None
        told = _head({"model": self._model} | chunk) | {"choices": choices, "usage": chunk.get("usage")}
        out = json.dumps(told, ensure_ascii=False)
        return SseFrame(encode_frame(out), out)


def _others(collector: TextCollector, document: Mapping[str, Any]) -> None:
    others = {name: value for name, value in document.items() if name not in {"choices", "usage"}}
    collector.members(others, (), _ANSWER_FIELDS)


def _head(answer: Mapping[str, Any]) -> dict[str, Any]:
    head = {name: answer.get(name) for name in ("id", "created", "model")}
    return {"object": "text_completion"} | head


def _choice(index: int, text: str, finish: Any) -> dict[str, Any]:
    reason = "stop" if finish in {"tool_calls", "function_call"} else finish
    return {"index": index, "text": text, "logprobs": None, "finish_reason": reason}
