"""
Frames of one stream that differ in their text alone, read without parsing each of them.

The chunks of an answer are the same JSON around another word. Once a frame has been read, the one after it is often its
head, a plain string and its tail. Where that string stands is not guessed: the frame is read again with a probe in its
place, and only when the probe is what was said, and nothing else changed, the head and the tail are those of its text.
A string without quotation mark, backslash and control character is a JSON string as it stands (RFC 8259, section 7), so
any other such string between them is read in the same way.

OpenAI fills its chunks up with `obfuscation`, a token of another length in each: it is found likewise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from keeptrusts.core.errors import UnreadableError
from keeptrusts.core.exchange import Part
from keeptrusts.wire.readings import Chunk, Piece, ReadChunk
from keeptrusts.wire.sse import SseFrame
from keeptrusts.wire.texts import is_token

_PROBE: Final = "?probe of this gateway?"
"""No token, no word of a format; a frame that holds it is not learnt from."""
_FILLING: Final = ',"obfuscation":"'
_TRIES: Final = 4
"""How often a form is learnt in vain before frames are only parsed."""


@dataclass(frozen=True, slots=True)
class _Form:
    """
    A frame around its text.

    Args:
        tail: From the quotation mark behind the text on; up to the filling, where there is one.
        chunk: What was read of it; it has one piece.
    """

    head: str
    tail: str
    filled: bool
    chunk: Chunk

    def text_in(self, data: str) -> str:
        """The text of a frame of this form; empty when it is of another, or its text is not plain."""
        start = len(self.head)
        end = data.find('"', start)
        text = data[start:end]
        if end < 0 or not data.startswith(self.head) or not _is_plain(text):
            return ""
        if not self.filled:
            return text if data[end:] == self.tail else ""
        filling = data[end + len(self.tail) : -2]
        whole = data.startswith(self.tail, end) and data.endswith('"}') and bool(filling)
        return text if whole and is_token(filling) else ""

    def chunk_of(self, frame: SseFrame, data: str, text: str) -> Chunk:
        """As its parser would read it."""
        (piece,) = self.chunk.pieces
        said = Piece(piece.channel, piece.place, text, ending=piece.ending)
        return Chunk(frame, data.encode(), (said,), (), self.chunk.logprobs, None, self.chunk.choices)


class AlikeReader:
    """
    Reads the frames of one stream.

    Args:
        read: Its parser, whose reading of a frame depends on that frame alone.
    """

    def __init__(self, read: ReadChunk) -> None:
        self._read = read
        self._form: _Form | None = None
        self._tries = _TRIES

    def __call__(self, frame: SseFrame) -> Chunk:
        """
        Read a frame.

        Raises:
            UnreadableError: It is no chunk.
        """
        data = frame.data
        if self._form is not None and data is not None and not frame.rest:
            text = self._form.text_in(data)
            if text:
                self._tries = _TRIES
                return self._form.chunk_of(frame, data, text)
        chunk = self._read(frame)
        if self._tries and data is not None and not frame.rest and _says_one_thing(chunk):
            self._tries -= 1
            self._form = self._learnt(data, chunk) or self._form
        return chunk

    def _learnt(self, data: str, chunk: Chunk) -> _Form | None:
        literal = f'"{chunk.pieces[0].text}"'
        at = data.find(literal)
        if at < 0 or _PROBE in data or not _is_plain(chunk.pieces[0].text):
            return None
        head, tail = data[: at + 1], data[at + len(literal) - 1 :]
        probed = self._probed(head + _PROBE + tail)
        said = chunk.pieces[0]
        if probed is None or probed.pieces != (replace(said, text=_PROBE),) or not _alike(probed, chunk):
            return None
        start, filling, rest = tail.rpartition(_FILLING)
        if filling and rest.endswith('"}') and is_token(rest[:-2]) and self._is_filling(head, start + filling, said):
            return _Form(head, start + filling, filled=True, chunk=chunk)
        return _Form(head, tail, filled=False, chunk=chunk)

    def _is_filling(self, head: str, tail: str, said: Piece) -> bool:
        """Whether the string behind this tail is the value of the member, and of nothing else."""
        probed = self._probed(f'{head}{said.text}{tail}{_PROBE}"}}')
        if probed is None or len(probed.pieces) != 2:
            return False
        others = [piece for piece in probed.pieces if piece != said]
        return [(one.place, one.text, one.channel[1]) for one in others] == [(("obfuscation",), _PROBE, Part.OTHER)]

    def _probed(self, data: str) -> Chunk | None:
        try:
            return self._read(SseFrame(b"", data))
        except UnreadableError:
            return None


def _is_plain(text: str) -> bool:
    """Whether it stands in JSON as it is. `isprintable` is false for every control character, and for some others."""
    return text.isprintable() and "\\" not in text and '"' not in text and text != ""


def _says_one_thing(chunk: Chunk) -> bool:
    """Nothing but one piece of what a choice says, which no parser looks into."""
    if len(chunk.pieces) != 1 or chunk.usage is not None or chunk.call_ids or chunk.closes or chunk.done:
        return False
    piece = chunk.pieces[0]
    return piece.ending is not None and not piece.whole and not piece.final and chunk.blank is None


def _alike(one: Chunk, other: Chunk) -> bool:
    """Whether they differ in frame and pieces alone."""
    return replace(one, frame=other.frame, data=other.data, pieces=other.pieces) == other
