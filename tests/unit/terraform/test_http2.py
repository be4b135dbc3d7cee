"""HTTP/2 and gRPC without a socket: every frame a client may send, and many that none would."""

from __future__ import annotations

from collections.abc import Iterable

import hpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keeptrusts.terraform.plugin.http2 import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADER_TABLE_SIZE,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    LARGEST_FRAME,
    LARGEST_MESSAGE,
    MAX_FRAME_SIZE,
    OK,
    PADDED,
    PING,
    PREFACE,
    PRIORITY,
    RESOURCE_EXHAUSTED,
    RST_STREAM,
    SETTINGS,
    UNIMPLEMENTED,
    WINDOW_UPDATE,
    Connection,
    frame,
)
from keeptrusts.terraform.plugin.values import WireError

ECHO, SILENT = "/test.Service/Echo", "/test.Service/Silent"
KINDS = range(11)


class Peer:
    """The other end, written with the `hpack` package: what it wants to send, and what it was told."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, bytes]] = []
        self.server = Connection(self._answer, {SILENT})
        self.encoder = hpack.Encoder()
        self.decoder = hpack.Decoder()
        self.headers: dict[int, dict[str, str]] = {}
        self.bodies: dict[int, bytearray] = {}
        self.others: list[tuple[int, int, int, bytes]] = []
        self.sizes: list[int] = []

    def _answer(self, stream: int, path: str, message: bytes) -> None:
        self.calls.append((path, message))
        self.server.reply(stream, message[::-1])

    def head(self, path: str = ECHO) -> bytes:
        return self.encoder.encode([(":method", "POST"), (":path", path), ("te", "trailers")])

    def call(self, stream: int, message: bytes, path: str = ECHO) -> bytes:
        """A request as gRPC's clients write it."""
        body = b"\0" + len(message).to_bytes(4, "big") + message
        cut = [body[at : at + LARGEST_FRAME] for at in range(0, len(body), LARGEST_FRAME)]
        data = [frame(DATA, END_STREAM if at == len(cut) - 1 else 0, stream, part) for at, part in enumerate(cut)]
        return frame(HEADERS, END_HEADERS, stream, self.head(path)) + b"".join(data)

    def send(self, *parts: bytes) -> None:
        for part in parts:
            self.server.receive(part)
        self._read()

    def _read(self) -> None:
        told = bytes(self.server.outgoing)
        self.server.outgoing.clear()
        at = 0
        while at < len(told):
            size = int.from_bytes(told[at : at + 3], "big")
            kind, flags, stream = told[at + 3], told[at + 4], int.from_bytes(told[at + 5 : at + 9], "big")
            payload = told[at + 9 : at + 9 + size]
            at += 9 + size
            self.sizes.append(size)
            if kind == HEADERS:
                fields = {str(name): str(value) for name, value in self.decoder.decode(payload)}
                self.headers.setdefault(stream, {}).update(fields)
            elif kind == DATA:
                self.bodies.setdefault(stream, bytearray()).extend(payload)
            else:
                self.others.append((kind, flags, stream, payload))

    def answer(self, stream: int) -> bytes:
        """The message of a call that went well."""
        assert self.status(stream) == OK
        body = self.bodies[stream]
        assert body[:5] == b"\0" + (len(body) - 5).to_bytes(4, "big")
        return bytes(body[5:])

    def status(self, stream: int) -> int:
        return int(self.headers[stream]["grpc-status"])


@pytest.fixture
def peer() -> Peer:
    """One that has said hello."""
    greeted = Peer()
    greeted.send(PREFACE, frame(SETTINGS, 0, 0))
    return greeted


def setting(name: int, value: int) -> bytes:
    return frame(SETTINGS, 0, 0, name.to_bytes(2, "big") + value.to_bytes(4, "big"))


def window(stream: int, more: int) -> bytes:
    return frame(WINDOW_UPDATE, 0, stream, more.to_bytes(4, "big"))


def cuts(data: st.DataObject, whole: bytes) -> Iterable[bytes]:
    """The bytes in pieces."""
    places = sorted(data.draw(st.sets(st.integers(0, len(whole)), max_size=12)))
    return [whole[start:end] for start, end in zip([0, *places], [*places, len(whole)], strict=True)]


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=6), st.data())
@settings(deadline=None)
def test_however_the_bytes_are_cut(messages: list[bytes], data: st.DataObject) -> None:
    """Calls arrive whole and in order, and each has its own answer."""
    peer = Peer()
    calls = [peer.call(2 * at + 1, message) for at, message in enumerate(messages)]
    peer.send(*cuts(data, PREFACE + frame(SETTINGS, 0, 0) + b"".join(calls)))

    assert peer.calls == [(ECHO, message) for message in messages]
    assert [peer.answer(2 * at + 1) for at in range(len(messages))] == [message[::-1] for message in messages]


def test_a_greeting_is_answered(peer: Peer) -> None:
    """Settings are told and acknowledged, and the windows are opened for whole messages."""
    kinds = [(kind, flags) for kind, flags, _, _ in peer.others]
    assert kinds == [(SETTINGS, 0), (WINDOW_UPDATE, 0), (SETTINGS, ACK)]


def test_large_both_ways_within_the_windows(peer: Peer) -> None:
    """An answer stops where the window ends, for its stream and for all, and goes on when there is room."""
    message = bytes(range(256)) * 2000
    peer.send(peer.call(1, message), peer.call(3, b"abc"))
    assert len(peer.bodies[1]) == 65535
    assert 3 not in peer.bodies
    peer.send(window(0, 1000))
    assert len(peer.bodies[1]) == 65535
    assert peer.answer(3) == b"cba"
    peer.send(window(1, 1 << 20), window(0, 1 << 20))
    assert peer.answer(1) == message[::-1]
    assert max(peer.sizes) == LARGEST_FRAME


def test_a_window_that_shrinks_below_nothing(peer: Peer) -> None:
    """A smaller initial window counts for streams that are open; what was sent is then owed."""
    peer.send(peer.call(1, bytes(100_000)), setting(INITIAL_WINDOW_SIZE, 10))
    peer.send(window(0, 1 << 20), window(1, 65525))
    assert len(peer.bodies[1]) == 65535
    peer.send(window(1, 5))
    assert len(peer.bodies[1]) == 65540
    peer.send(setting(INITIAL_WINDOW_SIZE, 1 << 20))
    assert peer.answer(1) == bytes(100_000)


def test_other_sizes_of_the_peer(peer: Peer) -> None:
    """Frames are as large as it takes them, and settings that do not concern us are passed over."""
    peer.send(setting(MAX_FRAME_SIZE, 1 << 20), setting(INITIAL_WINDOW_SIZE, 1 << 20), setting(HEADER_TABLE_SIZE, 0))
    peer.send(window(0, 1 << 20), peer.call(1, bytes(50_000)))
    assert peer.answer(1) == bytes(50_000)
    assert 50_005 in peer.sizes


def test_many_megabytes_come_in(peer: Peer) -> None:
    """The largest message that Terraform sends is taken, and one byte more is refused by a status."""
    whole = bytes(LARGEST_MESSAGE - 1000)
    peer.send(peer.call(1, whole), window(0, 1 << 30), window(1, 1 << 30))
    assert len(peer.answer(1)) == len(whole)
    peer.send(frame(HEADERS, END_HEADERS, 3, peer.head()))
    part = frame(DATA, 0, 3, bytes(LARGEST_FRAME))
    for _ in range(LARGEST_MESSAGE // LARGEST_FRAME + 1):
        peer.send(part)
    assert peer.status(3) == RESOURCE_EXHAUSTED
    peer.send(peer.call(5, b"still here"))
    assert peer.answer(5) == b"still here"[::-1]


def test_the_common_window_is_opened_again(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    """After very much has come in on one connection the peer may go on."""
    monkeypatch.setattr("keeptrusts.terraform.plugin.http2._REOPEN_AFTER", 100_000)
    peer.send(peer.call(1, bytes(90_000)))
    assert [one for one in peer.others if one[0] == WINDOW_UPDATE] == peer.others[1:2]
    peer.send(peer.call(3, bytes(20_000)))
    (_, reopened) = [one for one in peer.others if one[0] == WINDOW_UPDATE]
    assert reopened[2] == 0
    assert 100_000 < int.from_bytes(reopened[3], "big") <= 110_010


def test_padding_priority_and_continuation(peer: Peer) -> None:
    """What the RFC allows of frames is taken, although no client of gRPC does all of it."""
    block = peer.head()
    padded = b"\x03" + bytes(5) + block[:4] + bytes(3)
    peer.send(
        frame(HEADERS, PADDED | PRIORITY, 1, padded),
        frame(CONTINUATION, 0, 1, block[4:9]),
        frame(CONTINUATION, END_HEADERS, 1, block[9:]),
        frame(DATA, PADDED, 1, b"\x02\0\0\0\0\x03ab\0\0"),
        frame(DATA, 0, 1),
        frame(DATA, END_STREAM | PADDED, 1, b"\0c"),
    )
    assert peer.answer(1) == b"cba"


def test_trailers_may_end_a_request(peer: Peer) -> None:
    """A request that ends with headers instead of data is whole too."""
    peer.send(
        frame(HEADERS, END_HEADERS, 1, peer.head()),
        frame(DATA, 0, 1, b"\0\0\0\0\x01a"),
        frame(HEADERS, END_HEADERS | END_STREAM, 1, peer.encoder.encode([("x", "y")])),
    )
    assert peer.answer(1) == b"a"


def test_a_ping_comes_back(peer: Peer) -> None:
    """With what was in it; an acknowledgement is not answered."""
    peer.send(frame(PING, 0, 0, b"12345678"), frame(PING, ACK, 0, b"87654321"))
    assert peer.others[-1] == (PING, ACK, 0, b"12345678")


def test_what_was_given_up_is_not_answered(peer: Peer) -> None:
    """A reset ends a call on both sides; its late answer goes nowhere."""
    peer.send(peer.call(1, bytes(100_000)), frame(RST_STREAM, 0, 1, bytes(4)))
    peer.send(window(0, 1 << 20), window(1, 1 << 20))
    assert len(peer.bodies[1]) == 65535
    peer.server.reply(1, b"late")
    peer.server.fail(1, UNIMPLEMENTED, "late")
    assert bytes(peer.server.outgoing) == b""


def test_silent_streams_stay_open(peer: Peer) -> None:
    """They are accepted, and nothing is ever said on them."""
    peer.send(peer.call(1, b"listen", SILENT))
    assert peer.headers[1] == {":status": "200", "content-type": "application/grpc"}
    assert 1 not in peer.bodies
    assert peer.calls == []


@pytest.mark.parametrize("body", [b"", b"\0", b"\1\0\0\0\x01a", b"\0\0\0\0\x02a", b"\0\0\0\0\x01ab"])
def test_what_is_not_one_message(peer: Peer, body: bytes) -> None:
    """None, half of one, a packed one or more than one: the call fails, the connection lives."""
    peer.send(frame(HEADERS, END_HEADERS, 1, peer.head()), frame(DATA, END_STREAM, 1, body))
    assert peer.status(1) == UNIMPLEMENTED
    peer.send(peer.call(3, b"ok"))
    assert peer.answer(3) == b"ko"


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_a_failure_says_why(why: str) -> None:
    """Whatever is in the reason, it is text that a header may hold, and the status is read."""
    peer = Peer()
    peer.server = Connection(lambda stream, _path, _body: peer.server.fail(stream, UNIMPLEMENTED, why))
    peer.send(PREFACE, peer.call(1, b""))
    assert peer.status(1) == UNIMPLEMENTED
    assert peer.headers[1]["grpc-message"].isprintable()
    assert peer.headers[1]["grpc-message"].isascii()


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\n",
        b"\x16\x03\x01",
        PREFACE + (LARGEST_FRAME + 1).to_bytes(3, "big") + bytes(6),
        PREFACE + frame(CONTINUATION, END_HEADERS, 1),
        PREFACE + frame(HEADERS, 0, 1) + frame(DATA, 0, 1),
        PREFACE + frame(HEADERS, 0, 1) + frame(CONTINUATION, END_HEADERS, 3),
        PREFACE + frame(HEADERS, END_HEADERS | PADDED, 1),
        PREFACE + frame(HEADERS, END_HEADERS | PADDED, 1, b"\x05abc"),
        PREFACE + frame(HEADERS, END_HEADERS, 1, b"\xff"),
    ],
    ids=[
        "HTTP/1", "TLS", "a huge frame", "a continuation of nothing", "an interrupted block", "of another stream",
        "no padding", "more padding than content", "no HPACK",
    ],
)  # fmt: skip
def test_what_is_no_http2(raw: bytes) -> None:
    """Each ends the connection by a `WireError`."""
    with pytest.raises(WireError):
        Peer().send(raw)


def test_headers_without_end_are_not_collected(peer: Peer) -> None:
    """A block that is continued for ever is given up before the memory is."""
    peer.send(frame(HEADERS, 0, 1))
    more = frame(CONTINUATION, 0, 1, bytes(LARGEST_FRAME)) * 100
    with pytest.raises(WireError):
        peer.send(more)


FRAMES = st.builds(
    frame,
    st.sampled_from(KINDS),
    st.integers(0, 255),
    st.integers(0, 7),
    st.binary(max_size=40) | st.sampled_from([Peer().head(), b"\0\0\0\0\x01a", b"\0\x04\x7f\xff\xff\xff", bytes(4)]),
)


@given(st.lists(FRAMES, max_size=30), st.data())
@settings(max_examples=300, deadline=None)
def test_any_frames_are_refused_or_taken(frames: list[bytes], data: st.DataObject) -> None:
    """No order of frames breaks it in another way than by a `WireError`, and calls still work if none came."""
    peer = Peer()
    try:
        peer.send(*cuts(data, PREFACE + b"".join(frames)))
        peer.send(setting(INITIAL_WINDOW_SIZE, 1 << 20), setting(MAX_FRAME_SIZE, LARGEST_FRAME), window(0, 1 << 20))
        peer.encoder = hpack.Encoder()
        peer.send(frame(HEADERS, END_HEADERS, 99, hpack.Encoder().encode([(":path", ECHO)], huffman=False)))
        peer.send(frame(DATA, END_STREAM, 99, b"\0\0\0\0\x01z"))
    except WireError:
        return
    assert peer.answer(99) == b"z"


@given(st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_refused_or_taken(raw: bytes) -> None:
    """The same of bytes that are no frames, with and without the preface."""
    for whole in (raw, PREFACE + raw):
        try:
            Peer().send(whole)
        except WireError:
            continue
