"""The API formats that clients speak, each with how it is read, how a refusal is said in it, and its way to chat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from keeptrusts.wire import anthropic, chat_stream, messages, openai_chat
from keeptrusts.wire.messages_as_chat import answer_to_message, request_to_chat
from keeptrusts.wire.messages_stream import MessagesReader
from keeptrusts.wire.messages_writer import MessagesWriter
from keeptrusts.wire.readings import ModelAnswer, ModelRequest, ReadChunk
from keeptrusts.wire.refusal import error_body, error_frame, message_error_body, message_error_frame
from keeptrusts.wire.translation import Bridge, guarded


class ErrorBody(Protocol):
    """A refusal. `policy` is the kind that objected."""

    def __call__(
        self,
        *,
        error_type: str,
        code: str,
        message: str,
        request_id: str,
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
        bridge: Its way to chat; None when it has none, and only targets that speak it can serve.
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


CHAT: Final = Dialect(
    name="openai_chat",
    path="/v1/chat/completions",
    spoken="openai",
    read_request=openai_chat.read_request,
    read_answer=openai_chat.read_answer,
    make_reader=lambda: chat_stream.read_chunk,
    error_body=error_body,
    error_frame=error_frame,
)
MESSAGES: Final = Dialect(
    name="anthropic_messages",
    path=anthropic.PATH,
    spoken="anthropic",
    read_request=messages.read_request,
    read_answer=messages.read_answer,
    make_reader=MessagesReader,
    error_body=message_error_body,
    error_frame=message_error_frame,
    bridge=Bridge(guarded(request_to_chat), guarded(answer_to_message), MessagesWriter),
)
