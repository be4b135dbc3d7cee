"""
Frames of one stream that differ in their text alone, read without parsing each of them.

The chunks of an answer are the same JSON around another word. Once a frame has been read, the one after it is often its
head, a plain string and its tail. Where that string stands is not guessed: the frame is read again with a probe in its
place, and only when the probe is what was said, and nothing else changed, the head and the tail are those of its text.
A string without quotation mark, backslash and control character is a JSON string as it stands (RFC 8259, section 7), so
any other such string between them is read in the same way.

OpenAI fills its chunks up with `obfuscation`, a token of another length in each, and counts those of a response in
`sequence_number`: where these stand is found likewise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias

from keeptrusts.core.errors import UnreadableError
from keeptrusts.core.exchange import Part
from keeptrusts.wire.readings import Chunk, Piece, ReadChunk
from keeptrusts.wire.sse import SseFrame
from keeptrusts.wire.texts import is_token

_PROBE: Final = "?probe of this gateway?"
"""No token, no number, no word of a format; a frame that holds it is not learnt from."""
_TRIES: Final = 4
"""How often a form is learnt in vain before frames are only parsed."""
_MOST_DIGITS: Final = 15
_Place: TypeAlias = tuple[int, int, Callable[[Any], bool]]
"""Where a hole begins and ends, and what may stand in it."""


class _Hole(NamedTuple):
    """
    What differs from frame to frame.

    Args:
        before: What stands between it and the hole before it.
        after: The character behind it.
        fits: Whether this may stand there.
    """

    before: str
    after: str
    fits: Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class _Form:
    """
    A frame around its text.

    Args:
        said: Which of the holes is that of the text.
        tail: What stands behind the last hole.
        rest: The other lines of the frame.
        chunk: What was read of it; it has one piece.
    """

    holes: tuple[_Hole, ...]
    said: int
    tail: str
    rest: str
    chunk: Chunk

    def text_in(self, frame: SseFrame, data: str) -> str:
        """The text of a frame of this form; empty when it is of another, or its text is not plain."""
        if frame.rest != self.rest:
            return ""
        at, found = 0, []
        for before, after, fits in self.holes:
            start = at + len(before)
            at = data.find(after, start)
            value = data[start:at]
            if at < 0 or not data.startswith(before, start - len(before)) or not fits(value):
                return ""
            found.append(value)
        return found[self.said] if data[at:] == self.tail else ""

    def chunk_of(self, frame: SseFrame, data: str, text: str) -> Chunk:
        """As its parser would read it."""
        known = self.chunk
        (piece,) = known.pieces
        said = Piece(piece.channel, piece.place, text, ending=piece.ending)
        return Chunk(frame, data.encode(), (said,), (), known.logprobs, None, known.choices, blank=known.blank)


class AlikeReader:
    """
    Reads the frames of one stream.

    Args:
        read: Its parser. What it reads in a piece of what is said depends on that frame, and on no other such piece.
        lasting: Nor on any other frame. Without it, a form holds until the parser has to read another one.
    """

    def __init__(self, read: ReadChunk, *, lasting: bool = True) -> None:
        self._read = read
        self._lasting = lasting
        self._form: _Form | None = None
        self._tries = _TRIES

    def __call__(self, frame: SseFrame) -> Chunk:
        """
        Read a frame.

        Raises:
            UnreadableError: It is no chunk.
        """
        data = frame.data
        if self._form is not None and data is not None:
            text = self._form.text_in(frame, data)
            if text:
                self._tries = _TRIES
                return self._form.chunk_of(frame, data, text)
        if not self._lasting:
            self._form = None
        chunk = self._read(frame)
        if self._tries and data is not None and _says_one_thing(chunk):
            self._tries -= 1
            self._form = self._learnt(frame, data, chunk) or self._form
        return chunk

    def _learnt(self, frame: SseFrame, data: str, chunk: Chunk) -> _Form | None:
        said = chunk.pieces[0]
        at = data.find(f'"{said.text}"') + 1
        if at < 1 or _PROBE in data or not _is_plain(said.text):
            return None
        end = at + len(said.text)
        probed = self._probed(frame, data[:at] + _PROBE + data[end:])
        if probed is None or probed.pieces != (said._replace(text=_PROBE),) or not _alike(probed, chunk):
            return None
        holes: list[_Place] = [(at, end, _is_plain)]
        for name, is_quoted, fits in _VARYING:
            place = _place_of(data, name, is_quoted=is_quoted)
            if place and fits(data[slice(*place)]) and self._is_member(frame, data, name, place, said):
                holes.append((*place, fits))
        return _formed(data, sorted(holes, key=lambda hole: hole[0]), at, frame.rest, chunk)

    def _is_member(self, frame: SseFrame, data: str, name: str, place: tuple[int, int], said: Piece) -> bool:
        """Whether what stands there is the value of this member of the frame, and of nothing else."""
        start, end = place
        quoted = _PROBE if data[start - 1] == '"' else f'"{_PROBE}"'
        probed = self._probed(frame, data[:start] + quoted + data[end:])
        if probed is None or len(probed.pieces) != 2:
            return False
        others = [piece for piece in probed.pieces if piece != said]
        return [(one.place, one.text, one.channel[1]) for one in others] == [((name,), _PROBE, Part.OTHER)]

    def _probed(self, frame: SseFrame, data: str) -> Chunk | None:
        try:
            return self._read(SseFrame(b"", data, frame.rest))
        except UnreadableError:
            return None


def _is_plain(text: str) -> bool:
    """Whether it stands in JSON as it is. `isprintable` is false for every control character, and for some others."""
    return text.isprintable() and "\\" not in text and '"' not in text and text != ""


def _is_count(text: str) -> bool:
    """Whether it is how JSON spells a whole number that every parser reads exactly."""
    return text.isascii() and text.isdigit() and (text[0] != "0" or text == "0") and len(text) <= _MOST_DIGITS


_VARYING: Final = (("obfuscation", True, is_token), ("sequence_number", False, _is_count))
"""Members whose values differ in frames that are alike, and whether these stand in quotation marks."""


def _place_of(data: str, name: str, *, is_quoted: bool) -> tuple[int, int] | None:
    """Where the value of a member of this name begins and ends, by its looks."""
    label = f'"{name}":'
    start = data.rfind(label) + len(label)
    if start < len(label):
        return None
    if data.startswith(" ", start):
        start += 1
    if is_quoted:
        end = data.find('"', start + 1)
        return (start + 1, end) if data.startswith('"', start) and end > 0 else None
    end = start
    while data[end : end + 1].isdigit():
        end += 1
    return start, end


def _formed(data: str, holes: Sequence[_Place], text: int, rest: str, chunk: Chunk) -> _Form:
    """The form with these holes; `text` is where that of the text begins."""
    at, found = 0, []
    for start, end, fits in holes:
        found.append(_Hole(data[at:start], data[end : end + 1], fits))
        at = end
    return _Form(tuple(found), [hole[0] for hole in holes].index(text), data[at:], rest, chunk)


def _says_one_thing(chunk: Chunk) -> bool:
    """Nothing but one piece of what a choice says, which no parser looks into."""
    if len(chunk.pieces) != 1 or chunk.usage is not None or chunk.call_ids or chunk.closes or chunk.done:
        return False
    piece = chunk.pieces[0]
    return (piece.ending is not None or piece.place[:1] == ("delta",)) and not piece.whole and not piece.final


def _alike(one: Chunk, other: Chunk) -> bool:
    """Whether they differ in frame and pieces alone."""
    return one._replace(frame=other.frame, data=other.data, pieces=other.pieces) == other
