"""Amazon's event streams: frames from bytes, and what is no frame."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable

import pytest
from botocore.eventstream import EventStreamBuffer

from keeptrusts.core.errors import UnreadableError, UpstreamLostError
from keeptrusts.wire.event_stream import EventStreamDecoder
from keeptrusts.wire.sse import SseFrame
from support import bedrock
from support.flows import cut

STREAM = bedrock.stream(["Hel", "lo ü"], [("f", ['{"a"', ": 1}"])])


def frames(pieces: Iterable[bytes]) -> list[SseFrame]:
    decoder = EventStreamDecoder()
    found = [frame for piece in pieces for frame in decoder.feed(piece)]
    return [*found, *decoder.flush()]


def test_cut_anywhere() -> None:
    """The frames are the same, and their bytes joined are the stream."""
    whole = frames([STREAM])
    chance = random.Random(1)

    assert b"".join(frame.raw for frame in whole) == STREAM
    assert (whole[0].rest, whole[0].data) == ("event: messageStart", '{"role": "assistant"}')
    assert frames(bytes([one]) for one in STREAM) == whole
    for _ in range(50):
        assert frames(cut(STREAM, chance.choices(range(len(STREAM)), k=9))) == whole


def test_amazons_own_reader_sees_the_same() -> None:
    """What the tests send is what Amazon's SDK for Python takes, and both read it alike."""
    buffer = EventStreamBuffer()
    buffer.add_data(STREAM)
    theirs = [(f"event: {one.headers[':event-type']}", json.loads(one.payload)) for one in buffer]

    assert [(one.rest, json.loads(one.data or "")) for one in frames([STREAM])] == theirs


@pytest.mark.parametrize("at", range(len(bedrock.event("messageStart", role="assistant"))))
def test_no_damaged_byte_passes(at: int) -> None:
    """Two checksums cover each of them; a length that grew waits for bytes that do not come."""
    raw = bytearray(bedrock.event("messageStart", role="assistant"))
    raw[at] ^= 0x41

    with pytest.raises((UnreadableError, UpstreamLostError)):
        frames([bytes(raw)])


@pytest.mark.parametrize("end", [1, 11, 12, 40, -1])
def test_a_message_that_is_cut_off_is_a_loss(end: int) -> None:
    """The provider died in it."""
    with pytest.raises(UpstreamLostError):
        frames([bedrock.event("messageStart", role="assistant")[:end]])


def test_what_came_before_the_damage_is_read() -> None:
    """The frames before it are taken first."""
    found: list[SseFrame] = []
    with pytest.raises(UnreadableError):
        found.extend(EventStreamDecoder().feed(bedrock.event("messageStart", role="assistant") + b"\x00" * 20))

    assert [frame.rest for frame in found] == ["event: messageStart"]


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ({":message-type": "exception", ":exception-type": "throttlingException"}, UpstreamLostError),
        ({":message-type": "error", ":error-code": "bad words here", ":error-message": "x"}, UpstreamLostError),
        ({":message-type": "event"}, UnreadableError),
        ({":message-type": "other", ":event-type": "x"}, UnreadableError),
        ({}, UnreadableError),
    ],
)
def test_what_is_no_event(headers: dict[str, str], error: type[Exception]) -> None:
    """A failure of the provider's, or nothing that is known; words of its own are not repeated."""
    with pytest.raises(error) as raised:
        frames([bedrock.frame(headers, b"{}")])

    assert "bad words" not in str(raised.value)


@pytest.mark.parametrize(
    "block",
    [
        b"\x01a\x00\x01a\x00",  # twice the same name
        b"\x01a\x0a",  # a type that there is not
        b"\x01a\x07\x00\x05abc",  # a text that is longer than what is there
        b"\x01a\x04\x00\x00",  # half a number
        b"\x05ab",
        b"\x00\x00",
        b"\x01a",
    ],
)
def test_damaged_headers(block: bytes) -> None:
    """Checksums that fit do not make them better."""
    with pytest.raises(UnreadableError):
        frames([bedrock.framed(block, b"{}")])


def test_headers_of_every_type_are_passed_over() -> None:
    """Those that are no text say nothing that is looked for."""
    sizes = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
    block = b"".join(b"\x02x%d" % kind + bytes([kind]) + b"\x01" * size for kind, size in sizes.items())
    block += b"\x01b\x06\x00\x02\xff\xff" + bedrock.text_header(":message-type", "event")
    (frame,) = frames([bedrock.framed(block + bedrock.text_header(":event-type", "metadata"), b"{}")])

    assert frame.rest == "event: metadata"


def test_memory_is_bounded() -> None:
    """A message that says it is huge is refused before it comes; text is UTF-8."""
    decoder = EventStreamDecoder(max_frame_bytes=100)
    with pytest.raises(UnreadableError, match="more than 100 bytes"):
        list(decoder.feed(bedrock.event("messageStart", role="x" * 200)[:12]))
    with pytest.raises(UnreadableError, match="UTF-8"):
        frames([bedrock.frame({":message-type": "event", ":event-type": "x"}, b"\xff")])
