"""
HTTP/2 (RFC 9113) and gRPC on top of it, as much as Terraform's client uses; bytes in, calls out, no socket.

The peer may send as much as it likes: windows are opened wide at the start, because every message is wanted whole.
"""

from __future__ import annotations

from keeptrusts.terraform.plugin import hpack
from keeptrusts.terraform.plugin.values import WireError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM = ACK = 1
END_HEADERS, PADDED, PRIORITY = 4, 8, 32
HEADER_TABLE_SIZE, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE = 1, 4, 5

LARGEST_FRAME = 16384
LARGEST_MESSAGE = 64 << 20
"""What Terraform itself accepts of a provider."""
WIDEST = 0x7FFF_FFFF
DEFAULT_WINDOW = 65535
_REOPEN_AFTER = 1 << 30
_PREFIX = 5
_LONGEST_STATUS = 2000

OK, INVALID_ARGUMENT, RESOURCE_EXHAUSTED, UNIMPLEMENTED, INTERNAL = 0, 3, 8, 12, 13

_HEAD = hpack.encode({":status": "200", "content-type": "application/grpc"})
_DONE = hpack.encode({"grpc-status": "0"})


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


class Stream:
    """One call: what came so far, and what is still to be sent."""

    __slots__ = ("body", "path", "unsent", "window")

    def __init__(self, path: str, window: int) -> None:
        self.path = path
        self.window = window
        self.body = bytearray()
        self.unsent = memoryview(b"")


class Connection:
    """
    One connection's state.

    Args:
        on_call: Told of every complete request: stream, path, message. The answer goes to `reply`.
        silent: Paths of streams that are kept open and on which nothing is ever said.

    `greeted`: whether the peer has shown that it speaks HTTP/2.
    """

    def __init__(self, on_call: Callable[[int, str, bytes], None], silent: Collection[str] = ()) -> None:
        self._on_call = on_call
        self._silent = silent
        self._decoder = hpack.Decoder()
        self._incoming = bytearray()
        self.greeted = False
        self._streams: dict[int, Stream] = {}
        self._window = DEFAULT_WINDOW
        self._stream_window = DEFAULT_WINDOW
        self._frame_size = LARGEST_FRAME
        self._block: tuple[int, int, bytearray] | None = None
        self._received = 0
        self.outgoing = bytearray(
            frame(SETTINGS, 0, 0, INITIAL_WINDOW_SIZE.to_bytes(2, "big") + WIDEST.to_bytes(4, "big"))
            + frame(WINDOW_UPDATE, 0, 0, (WIDEST - DEFAULT_WINDOW).to_bytes(4, "big"))
        )

    def receive(self, chunk: bytes) -> None:
        """
        Take bytes of the peer, cut anywhere.

        Raises:
            WireError: They are no HTTP/2; the connection is to be closed.
        """
        self._incoming += chunk
        at = self._greet()
        held = self._incoming
        while self.greeted and len(held) - at >= 9:
            size = int.from_bytes(held[at : at + 3], "big")
            if size > LARGEST_FRAME:
                raise WireError("a frame is larger than allowed")
            if len(held) - at < 9 + size:
                break
            stream = int.from_bytes(held[at + 5 : at + 9], "big") & WIDEST
            kind, flags = held[at + 3], held[at + 4]
            payload = bytes(held[at + 9 : at + 9 + size])
            at += 9 + size
            self._on_frame(kind, flags, stream, payload)
        del held[:at]

    def reply(self, stream: int, message: bytes) -> None:
        """Answer a call; one that the peer gave up is passed over."""
        call = self._streams.get(stream)
        if call is None:
            return
        framed = b"\x00" + len(message).to_bytes(4, "big") + message
        self.outgoing += frame(HEADERS, END_HEADERS, stream, _HEAD)
        if len(framed) <= min(call.window, self._window, self._frame_size):
            self.outgoing += frame(DATA, 0, stream, framed) + frame(HEADERS, END_HEADERS | END_STREAM, stream, _DONE)
            self._window -= len(framed)
            del self._streams[stream]
        else:
            call.unsent = memoryview(framed)
            self._pump()

    def fail(self, stream: int, status: int, why: str) -> None:
        """Answer a call with a gRPC status instead of a message."""
        if self._streams.pop(stream, None) is None:
            return
        escaped = "".join(ch if " " <= ch <= "~" and ch != "%" else _percent(ch) for ch in why)
        block = hpack.encode({"grpc-status": str(status), "grpc-message": escaped[:_LONGEST_STATUS]})
        self.outgoing += frame(HEADERS, END_HEADERS | END_STREAM, stream, _HEAD + block)

    def _greet(self) -> int:
        if self.greeted:
            return 0
        start = bytes(self._incoming[: len(PREFACE)])
        if not PREFACE.startswith(start):
            raise WireError("the peer does not speak HTTP/2")
        if len(start) < len(PREFACE):
            return 0
        self.greeted = True
        return len(PREFACE)

    def _on_frame(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if self._block is not None and kind != CONTINUATION:
            raise WireError("a header block was interrupted")
        handle = self._HANDLERS.get(kind)
        if handle is not None:
            handle(self, flags, stream, payload)

    def _on_data(self, flags: int, stream: int, payload: bytes) -> None:
        self._received += len(payload)
        if self._received > _REOPEN_AFTER:
            self.outgoing += frame(WINDOW_UPDATE, 0, 0, self._received.to_bytes(4, "big"))
            self._received = 0
        call = self._streams.get(stream)
        if call is None:
            return
        call.body += _unpadded(flags, payload)
        if len(call.body) > LARGEST_MESSAGE + _PREFIX:
            self.fail(stream, RESOURCE_EXHAUSTED, "the message is too large")
        elif flags & END_STREAM:
            self._on_request(stream, call)

    def _on_headers(self, flags: int, stream: int, payload: bytes) -> None:
        payload = _unpadded(flags, payload)
        if flags & PRIORITY:
            payload = payload[5:]
        self._block = (stream, flags, bytearray(payload))
        if flags & END_HEADERS:
            self._on_block()

    def _on_continuation(self, flags: int, stream: int, payload: bytes) -> None:
        if self._block is None or self._block[0] != stream:
            raise WireError("a continuation of nothing")
        self._block[2].extend(payload)
        if len(self._block[2]) > hpack.LONGEST_BLOCK:
            raise WireError("a header block is too long")
        if flags & END_HEADERS:
            self._on_block()

    def _on_block(self) -> None:
        assert self._block is not None
        stream, flags, block = self._block
        self._block = None
        fields = self._decoder.decode(bytes(block))
        if stream in self._streams:  # trailers
            if flags & END_STREAM:
                self._on_request(stream, self._streams[stream])
            return
        call = self._streams[stream] = Stream(fields.get(":path", ""), self._stream_window)
        if call.path in self._silent:
            self.outgoing += frame(HEADERS, END_HEADERS, stream, _HEAD)
        elif flags & END_STREAM:
            self._on_request(stream, call)

    def _on_request(self, stream: int, call: Stream) -> None:
        if call.path in self._silent:
            return
        body = bytes(call.body)
        call.body.clear()
        if len(body) < _PREFIX or body[0] or int.from_bytes(body[1:_PREFIX], "big") != len(body) - _PREFIX:
            self.fail(stream, UNIMPLEMENTED, "one uncompressed message is wanted")
        else:
            self._on_call(stream, call.path, body[_PREFIX:])

    def _on_reset(self, _flags: int, stream: int, _payload: bytes) -> None:
        self._streams.pop(stream, None)

    def _on_window(self, _flags: int, stream: int, payload: bytes) -> None:
        more = int.from_bytes(payload, "big") & WIDEST
        if stream == 0:
            self._window += more
        elif stream in self._streams:
            self._streams[stream].window += more
        self._pump()

    def _on_settings(self, flags: int, _stream: int, payload: bytes) -> None:
        if flags & ACK:
            return
        for at in range(0, len(payload) - 5, 6):
            name, value = int.from_bytes(payload[at : at + 2], "big"), int.from_bytes(payload[at + 2 : at + 6], "big")
            if name == INITIAL_WINDOW_SIZE:
                for call in self._streams.values():
                    call.window += value - self._stream_window
                self._stream_window = value
            elif name == MAX_FRAME_SIZE:
                self._frame_size = value
        self.outgoing += frame(SETTINGS, ACK, 0)
        self._pump()

    def _on_ping(self, flags: int, _stream: int, payload: bytes) -> None:
        if not flags & ACK:
            self.outgoing += frame(PING, ACK, 0, payload)

    def _pump(self) -> None:
        """Send as much of the answers as the peer's windows let through."""
        for stream, call in list(self._streams.items()):
            while size := min(len(call.unsent), call.window, self._window, self._frame_size):
                if size < 0:
                    break
                self.outgoing += frame(DATA, 0, stream, bytes(call.unsent[:size]))
                call.unsent = call.unsent[size:]
                call.window -= size
                self._window -= size
                if not len(call.unsent):
                    self.outgoing += frame(HEADERS, END_HEADERS | END_STREAM, stream, _DONE)
                    del self._streams[stream]

    _HANDLERS = {  # noqa: RUF012 - never changed
        DATA: _on_data,
        HEADERS: _on_headers,
        RST_STREAM: _on_reset,
        SETTINGS: _on_settings,
        PING: _on_ping,
        WINDOW_UPDATE: _on_window,
        CONTINUATION: _on_continuation,
    }


def _unpadded(flags: int, payload: bytes) -> bytes:
    if not flags & PADDED:
        return payload
    if not payload or payload[0] >= len(payload):
        raise WireError("a frame with more padding than content")
    return payload[1 : len(payload) - payload[0]]


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "replace"))
