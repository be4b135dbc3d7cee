"""Server-sent events, sans-io."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeptrusts.core.errors import UnreadableError
from keeptrusts.wire.sse import SseDecoder, SseFrame, encode_frame
from support.flows import cut

LINE_ENDS = st.sampled_from(["\n", "\r", "\r\n"])
FIELDS = st.sampled_from(["data: a", "data:b", "data", "data:  ü 🙂", ": comment", "event: x", "id: 7", "retry: 1", ""])


def decoded(pieces: list[bytes], decoder: SseDecoder | None = None) -> list[SseFrame]:
    decoder = decoder or SseDecoder()
    frames = [frame for piece in pieces for frame in decoder.feed(piece)]
    return [*frames, *decoder.flush()]


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """Lines of every sort with line ends of every sort, perhaps behind a byte order mark."""
    lines = draw(st.lists(st.tuples(FIELDS, LINE_ENDS), max_size=12))
    mark = "\ufeff" if draw(st.booleans()) else ""
    return (mark + "".join(field + end for field, end in lines)).encode()


@given(streams(), st.lists(st.integers(0, 400), max_size=12))
def test_frames_are_the_same_however_the_bytes_are_cut(stream: bytes, places: list[int]) -> None:
    """A cut may fall into a character, into a CRLF, or between two line ends: the frames do not change."""
    assert decoded(cut(stream, places)) == decoded([stream])


@given(streams(), st.lists(st.integers(0, 400), max_size=12))
def test_the_frames_are_the_stream(stream: bytes, places: list[int]) -> None:
    """Joined, the raw bytes of the frames are what came."""
    assert b"".join(frame.raw for frame in decoded(cut(stream, places))) == stream


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_garbage_is_unreadable_and_nothing_else(pieces: list[bytes]) -> None:
    """Whatever bytes come, only the declared error does."""
    with suppress(UnreadableError):
        decoded(pieces)


@pytest.mark.parametrize(
    ("stream", "data", "rest"),
    [
        (b"data: one\n\n", "one", ""),
        (b"data:one\n\n", "one", ""),
        (b"data:  one\n\n", " one", ""),
        (b"data\n\n", "", ""),
        (b"data: one\ndata: two\n\n", "one\ntwo", ""),
        (b"data: one\r\ndata: two\r\n\r\n", "one\ntwo", ""),
        (b"data: one\rdata: two\r\r", "one\ntwo", ""),
        (b"event: x\nid: 7\ndata: one\n\n", "one", "event: x\nid: 7"),
        (b": ping\n\n", None, ": ping"),
        (b"event: x\n\n", None, "event: x"),
        (b"\xef\xbb\xbfdata: one\n\n", "one", ""),
    ],
)
def test_a_frame_is_read_as_the_standard_says(stream: bytes, data: str | None, rest: str) -> None:
    """Lines of data are joined, one blank after the colon is dropped, every line end counts."""
    assert decoded([stream]) == [SseFrame(stream, data, rest)]


def test_a_byte_order_mark_counts_at_the_start_only() -> None:
    """Later in the stream it is part of a field's name, which is then no known field."""
    first, second = decoded([b"data: one\n\n\xef\xbb\xbfdata: two\n\n"])

    assert first.data == "one"
    assert (second.data, second.rest) == (None, "\ufeffdata: two")


def test_an_unfinished_event_is_not_lost() -> None:
    """Clients of model providers read it, so it has to be read here too."""
    assert decoded([b"data: one\n\ndata: tw", b"o"])[-1] == SseFrame(b"data: two", "two")


@pytest.mark.parametrize("pieces", [[b"data: " + b"x" * 100], [b"data: ", *[b"x" * 10] * 10], [b"x" * 100 + b"\n\n"]])
def test_a_frame_without_end_is_refused(pieces: list[bytes]) -> None:
    """Memory is bounded, whether the frame ends or not."""
    with pytest.raises(UnreadableError, match="64 bytes"):
        decoded(pieces, SseDecoder(max_frame_bytes=64))


def test_text_that_is_not_utf_8_is_refused() -> None:
    """A byte that is no character is unreadable; half a character at the end of a piece is not."""
    decoder = SseDecoder()

    assert list(decoder.feed("data: ü".encode()[:-1])) == []
    assert [frame.data for frame in decoder.feed("ü".encode()[1:] + b"\n\n")] == ["ü"]
    with pytest.raises(UnreadableError, match="UTF-8"):
        list(decoder.feed(b"data: \xff\n\n"))


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\r")), st.sampled_from(["", "event: x", "id: 1\nretry: 2"])
)
def test_what_is_encoded_is_decoded(data: str, rest: str) -> None:
    """Data of several lines and the other fields survive."""
    (frame,) = decoded([encode_frame(data, rest)])

    assert (frame.data, frame.rest) == (data, rest)
