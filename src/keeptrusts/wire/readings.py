"""
What the bytes of any format are read into: a request, a whole answer, a frame of a streamed one.

The values are the same for every format, so what judges them is written once; the places in them are of the bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from keeptrusts.core.exchange import Document, Part, Place, Text, ToolCall
from keeptrusts.wire.sse import SseFrame

Channel: TypeAlias = tuple[int, Part, Place]
"""
The index of the choice, what it is said in, and where below it that stands.

A tool call stands there by its own index: `(index, "name")` and `(index, "arguments")`.
"""


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """
    A request as policies see it.

    Args:
        raw: The bytes it came in; `strict_json.splice` changes them at the places of its texts.
        max_tokens_key: Under which name the cap on the answer stands, or would have to; empty when nothing is capped.
    """

    raw: bytes
    document: dict[str, Any]
    texts: tuple[Text, ...]
    tool_calls: tuple[ToolCall, ...]
    tools: tuple[str, ...]
    model: str
    stream: bool
    max_tokens: int | None
    max_tokens_key: str
    message_count: int
    user: str | None
    documents: tuple[Document, ...] = ()

    @property
    def counts_apart(self) -> bool:
        """`stream_options.include_usage`: what it took is told in a chunk of its own."""
        options = self.document.get("stream_options")
        return isinstance(options, dict) and options.get("include_usage") is True

    @property
    def json_mode(self) -> bool:
        """The answer is to be a JSON object, of any form."""
        text = self.document.get("text")
        forms = (self.document.get("response_format"), text.get("format") if isinstance(text, dict) else None)
        return {"type": "json_object"} in forms

    @property
    def packed(self) -> bool:
        """Vectors are asked for in base64."""
        return self.document.get("encoding_format") == "base64"


@dataclass(frozen=True, slots=True)
class Usage:
    """
    Tokens, as the provider counted them; None when it did not say.

    Args:
        cached_input_tokens: How many of the input it had in its cache.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_input_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """A whole answer. `logprobs`: places of the token tables, which repeat the text."""

    raw: bytes
    texts: tuple[Text, ...]
    tool_calls: tuple[ToolCall, ...]
    logprobs: tuple[Place, ...]
    usage: Usage


# Pieces, chunks and frames are made for every word of a stream, and tuples are made at a quarter of the cost.
class Piece(NamedTuple):
    """
    What one frame adds to a channel, and where in the frame it stands.

    Args:
        whole: It is no part of what the client puts together from several frames, but complete in this one.
        final: It is the whole text of its channel, whether it was said before or not.
        ending: Where the same frame says that its choice is over.
    """

    channel: Channel
    place: Place
    text: str
    whole: bool = False
    final: bool = False
    ending: Place | None = None


class Chunk(NamedTuple):
    """
    One frame of the stream.

    Args:
        data: The JSON text; None for comments and the last frame.
        call_ids: Of tool calls that begin here: `(choice, index)` to the id.
        logprobs: Places of token tables, which repeat the text.
        blank: What stands there when they are left out.
        choices: Those that the frame speaks of, and whether each is at its end.
        closes: Channels that nothing will be added to any more.
        done: The answer is complete. A frame that says so in JSON is still judged; it leaves last.
    """

    frame: SseFrame
    data: bytes | None
    pieces: tuple[Piece, ...] = ()
    call_ids: tuple[tuple[tuple[int, int], str], ...] = ()
    logprobs: tuple[Place, ...] = ()
    usage: Usage | None = None
    choices: tuple[tuple[int, bool], ...] = ()
    done: bool = False
    closes: tuple[Channel, ...] = ()
    blank: tuple[()] | None = None


ReadChunk: TypeAlias = Callable[[SseFrame], Chunk]
"""Reads the frames of one stream, in order. Raises `UnreadableError`."""
