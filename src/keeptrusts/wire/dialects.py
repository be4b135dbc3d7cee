"""The API formats that clients speak, each with how it is read, how a refusal is said in it, and its way to chat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, Protocol

from keeptrusts.core.errors import UnreadableError
from keeptrusts.wire import (
    anthropic,
    bedrock,
    chat_stream,
    completions,
    embeddings,
    messages,
    openai_chat,
    responses,
    responses_as_chat,
)
from keeptrusts.wire.alike import AlikeReader
from keeptrusts.wire.bedrock_embeddings import answer_from_vectors, request_to_vectors
from keeptrusts.wire.bedrock_stream import ConverseStream
from keeptrusts.wire.event_stream import MEDIA_TYPE, EventStreamDecoder
from keeptrusts.wire.json_mode import with_json_mode
from keeptrusts.wire.messages_as_chat import answer_to_message, request_to_chat
from keeptrusts.wire.messages_stream import MessagesReader
from keeptrusts.wire.messages_writer import MessagesWriter
from keeptrusts.wire.readings import ModelAnswer, ModelRequest, ReadChunk
from keeptrusts.wire.refusal import (
    error_body,
    error_frame,
    message_error_body,
    message_error_frame,
    response_error_frame,
)
from keeptrusts.wire.responses_as_chat import answer_to_response
from keeptrusts.wire.responses_stream import ResponsesReader
from keeptrusts.wire.responses_writer import ResponsesWriter
from keeptrusts.wire.sse import SseDecoder
from keeptrusts.wire.translation import Bridge, guarded, joined, named


class ErrorBody(Protocol):
    """A refusal. `policy` is the kind that objected."""

    def __call__(
        self,
        *,
        error_type: str,
        code: str,
        message: str,
        request_id: str | None,
        event_id: str | None = None,
        policy: str | None = None,
        escalation_id: str | None = None,
    ) -> bytes: ...


class ErrorFrame(Protocol):
    """A refusal as the last event of a stream. `complete`: the stream ends here by our decision."""

    def __call__(self, body: bytes, *, complete: bool) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Dialect:
    """
    One format.

    Args:
        name: `api_format` of the record.
        path: Where a provider that speaks it is asked.
        spoken: Format of the targets that speak it themselves.
        spoken_by: The providers among them that do; empty: all of them.
        bridge: Its way to chat; None when it has none, and only targets that speak it can serve.
        id_header: Where its clients look for the request's id, if it is not `x-request-id`.
        refusal: What a client is told when its target does not speak it, and there is no way.
    """

    name: str
    path: str
    spoken: str
    read_request: Callable[[bytes], ModelRequest]
    read_answer: Callable[[bytes], ModelAnswer]
    make_reader: Callable[[], ReadChunk]
    error_body: ErrorBody
    error_frame: ErrorFrame
    bridge: Bridge | None = None
    spoken_by: frozenset[str] = frozenset()
    id_header: str = ""
    refusal: str = "this provider has no such API: name a target that has"


CHAT: Final = Dialect(
    name="openai_chat",
    path="/v1/chat/completions",
    spoken="openai",
    read_request=openai_chat.read_request,
    read_answer=openai_chat.read_answer,
    make_reader=lambda: AlikeReader(chat_stream.read_chunk),
    error_body=error_body,
    error_frame=error_frame,
)
MESSAGES: Final = Dialect(
    name="anthropic_messages",
    path=anthropic.PATH,
    spoken="anthropic",
    read_request=messages.read_request,
    read_answer=messages.read_answer,
    make_reader=lambda: AlikeReader(MessagesReader(), lasting=False),
    error_body=message_error_body,
    error_frame=message_error_frame,
    id_header="request-id",
    bridge=Bridge(
        guarded(request_to_chat), named(guarded(answer_to_message)), lambda asked: MessagesWriter(asked.model)
    ),
)
COUNT: Final = replace(
    MESSAGES,
    name="anthropic_count_tokens",
    path=f"{MESSAGES.path}/count_tokens",
    read_request=messages.read_count_request,
    read_answer=messages.read_count,
    bridge=None,
    refusal="this provider counts no tokens without answering: name a target of Anthropic's or Amazon's",
)
RESPONSES: Final = replace(
    CHAT,
    name="openai_responses",
    path="/v1/responses",
    spoken_by=frozenset({"openai"}),
    read_request=responses.read_request,
    read_answer=responses.read_answer,
    make_reader=lambda: AlikeReader(ResponsesReader()),
    error_frame=response_error_frame,
    bridge=Bridge(
        guarded(responses_as_chat.request_to_chat),
        named(guarded(answer_to_response)),
        lambda asked: ResponsesWriter(asked.model),
    ),
)
COMPLETIONS: Final = replace(
    CHAT,
    name="openai_completions",
    path="/v1/completions",
    spoken_by=frozenset({"openai", "openai-compatible", "azure", "ollama"}),
    read_request=completions.read_request,
    read_answer=completions.read_answer,
    make_reader=lambda: AlikeReader(completions.read_chunk),
    bridge=Bridge(
        guarded(completions.request_to_chat),
        named(guarded(completions.answer_from_chat)),
        lambda asked: completions.CompletionsWriter(asked.model),
    ),
)
EMBEDDINGS: Final = replace(
    CHAT,
    name="openai_embeddings",
    path="/v1/embeddings",
    read_request=embeddings.read_request,
    read_answer=embeddings.read_answer,
    refusal="this provider has no embeddings: name a target that has",
)
DIALECTS: Final = {dialect.path: dialect for dialect in (CHAT, MESSAGES, COUNT, RESPONSES, COMPLETIONS, EMBEDDINGS)}
"""By the path at which clients ask."""
_FAR: Final = {
    name: with_json_mode(bridge)
    for name, bridge in {
        "anthropic": Bridge(anthropic.request_to_messages, anthropic.answer_from_messages, anthropic.MessagesStream),
        "bedrock": Bridge(bedrock.request_to_converse, bedrock.answer_from_converse, ConverseStream),
    }.items()
}
"""From chat to the formats of targets that do not speak it."""
_BESIDE: Final = {
    (COUNT.name, "bedrock"): Bridge(bedrock.request_to_count, named(bedrock.answer_from_count)),
    (EMBEDDINGS.name, "bedrock"): Bridge(request_to_vectors, answer_from_vectors),
}
"""From what is no conversation to the formats of targets that have it in another form."""


@dataclass(frozen=True, slots=True)
class Framing:
    """How the events of a stream are told apart: the media type that says so, and what reads it."""

    media_type: str
    decoder: Callable[[], SseDecoder | EventStreamDecoder]


_EVENTS: Final = Framing("text/event-stream", SseDecoder)
_FRAMINGS: Final = {"bedrock": Framing(MEDIA_TYPE, EventStreamDecoder)}


def framing_of(spoken: str) -> Framing:
    """That of targets of this format."""
    return _FRAMINGS.get(spoken, _EVENTS)


def dialect_below(path: str) -> Dialect:
    """The format that whoever asks at this path most likely speaks, whether there is such a path or not."""
    return MESSAGES if path.startswith(MESSAGES.path) else CHAT


def is_native(dialect: Dialect, spoken: str, provider: str) -> bool:
    """Whether a target of this format and provider speaks it itself."""
    return dialect.spoken == spoken and (not dialect.spoken_by or provider in dialect.spoken_by)


@lru_cache(maxsize=256)
def bridge_to(dialect: Dialect, spoken: str, provider: str) -> Bridge | None:
    """
    The way from what a client speaks to what a target of this format and provider does; None when they are the same.

    Raises:
        UnreadableError: There is none.
    """
    if is_native(dialect, spoken, provider):
        return None
    beside = _BESIDE.get((dialect.name, spoken))
    if beside is not None:
        return beside
    far = _FAR.get(spoken)
    if dialect is CHAT:
        return far
    if dialect.bridge is None:
        raise UnreadableError(dialect.refusal)
    return dialect.bridge if far is None else joined(dialect.bridge, far)
