"""
The server: one loop for all sockets, and as many workers as there are calls at a time.

Terraform's parallelism is the user's to set, so workers come on demand. When the last connection is gone, so are we:
a provider whose Terraform was killed must not stay behind.
"""

from __future__ import annotations

import _thread
import os
import select
from _queue import Empty, SimpleQueue

from keeptrusts.terraform.plugin import http2
from keeptrusts.terraform.plugin.tls import PlainChannel, TlsChannel, Wrapping
from keeptrusts.terraform.plugin.values import WireError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Collection
    from typing import TypeVar

    A = TypeVar("A", bytes, bytes | None)

MOST_WORKERS = 256
FIRST_CALL_MS = 60_000
"""Whoever started us and did not connect for so long is gone."""

SILENT = frozenset({"/plugin.GRPCBroker/StartStream", "/plugin.GRPCStdio/StreamStdio"})
SHUTDOWN = "/plugin.GRPCController/Shutdown"


class UnknownMethodError(Exception):
    """There is no such call."""


class Peer:
    """A connection: its channel, and its HTTP/2."""

    def __init__(self, server: Server, channel: PlainChannel | TlsChannel) -> None:
        self.channel = channel
        self.http = http2.Connection(lambda stream, path, body: server.dispatch(self, stream, path, body), SILENT)

    def receive(self) -> bool:
        """False: it is over."""
        chunk = self.channel.receive()
        if chunk:
            self.http.receive(chunk)
        self.flush()
        return chunk != b""

    def flush(self) -> None:
        self.channel.flush()
        if self.http.outgoing:
            outgoing = bytes(self.http.outgoing)
            self.http.outgoing.clear()
            self.channel.send(outgoing)


class Server:
    """
    Serves one listening socket.

    Args:
        handle: Answers a call: path and message in, message out. Runs in a worker.
        quick: Paths whose calls never wait for anything; the loop answers them itself.
        prompt: Answers a call that needs no waiting this time, and gives None for one that may. Spares two changes of
            threads, which take as long as most calls.
        log: Told of what went wrong, in words without secrets.
        wrapping: How sockets get TLS; None: they do not.
    """

    def __init__(
        self,
        handle: Callable[[str, bytes], bytes],
        log: Callable[[str], None],
        *,
        quick: Collection[str] = (),
        prompt: Callable[[str, bytes], bytes | None] = lambda _path, _body: None,
        wrapping: Wrapping | None = None,
    ) -> None:
        self._handle = handle
        self._prompt = prompt
        self._quick = quick
        self._log = log
        self._wrapping = wrapping
        self._work: SimpleQueue[tuple[Peer, int, str, bytes]] = SimpleQueue()
        self._done: SimpleQueue[tuple[Peer, int, bytes | tuple[int, str]]] = SimpleQueue()
        self._lock = _thread.allocate_lock()
        self._workers = self._idle = 0
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self._peers: dict[int, Peer] = {}
        self._greeted = False
        self._stopping = False

    def serve(self, listening: socket.socket) -> None:
        """Serve until Terraform says so, or is gone."""
        listening.setblocking(False)
        poll = select.poll()
        poll.register(listening.fileno(), select.POLLIN)
        poll.register(self._wake_read, select.POLLIN)
        while not self._over():
            ready = poll.poll(None if self._greeted else FIRST_CALL_MS)
            if not ready and not self._greeted:
                self._log("nobody connected; leaving")
                return
            for descriptor, events in ready:
                if descriptor == listening.fileno():
                    self._accept(listening, poll)
                elif descriptor == self._wake_read:
                    self._collect()
                else:
                    self._attend(descriptor, events, poll)
            for descriptor, peer in self._peers.items():
                poll.modify(descriptor, select.POLLIN | (select.POLLOUT if peer.channel.waiting else 0))

    def _over(self) -> bool:
        if self._stopping:
            return not any(peer.channel.waiting for peer in self._peers.values())
        return self._greeted and not self._peers

    def dispatch(self, peer: Peer, stream: int, path: str, body: bytes) -> None:
        """Have a call answered: here, or by a worker."""
        if path == SHUTDOWN:
            self._stopping = True
            peer.http.reply(stream, b"")
        elif path in self._quick:
            self._finish(peer, stream, self._answer(self._handle, path, body))
        elif (answer := self._answer(self._prompt, path, body)) is not None:
            self._finish(peer, stream, answer)
        else:
            self._work.put((peer, stream, path, body))
            with self._lock:
                needed = self._idle < self._work.qsize() and self._workers < MOST_WORKERS
                self._workers += needed
            if needed:
                _thread.start_new_thread(self._worker, ())

    def _worker(self) -> None:
        while True:
            with self._lock:
                self._idle += 1
            peer, stream, path, body = self._work.get()
            with self._lock:
                self._idle -= 1
            self._done.put((peer, stream, self._answer(self._handle, path, body)))
            try:
                os.write(self._wake_write, b".")
            except BlockingIOError:
                continue  # the pipe is full: the loop will wake all the same

    def _answer(self, handle: Callable[[str, bytes], A], path: str, body: bytes) -> A | tuple[int, str]:
        """The message, or a gRPC status with its text. Whatever a call does, the others go on."""
        try:
            return handle(path, body)
        except UnknownMethodError:
            return http2.UNIMPLEMENTED, f"there is no method {path}"
        except WireError as error:
            return http2.INVALID_ARGUMENT, str(error)
        except Exception as error:  # noqa: BLE001 - a bug of ours in one call
            import traceback

            frames = traceback.extract_tb(error.__traceback__)
            where = " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames))
            # not the error's own text: it may hold a value
            self._log(f"{type(error).__name__} in {path}: {where}")
            return http2.INTERNAL, f"{type(error).__name__} in the provider; its log (TF_LOG=ERROR) says where"

    def _finish(self, peer: Peer, stream: int, answer: bytes | tuple[int, str]) -> None:
        if isinstance(answer, bytes):
            peer.http.reply(stream, answer)
        else:
            peer.http.fail(stream, *answer)

    def _collect(self) -> None:
        """Send what the workers have done."""
        try:
            os.read(self._wake_read, 4096)
        except BlockingIOError:
            return
        touched = set()
        while True:
            try:
                peer, stream, answer = self._done.get_nowait()
            except Empty:
                break
            self._finish(peer, stream, answer)
            touched.add(peer)
        for peer in touched:
            if peer.channel.fileno() in self._peers:
                peer.flush()

    def _accept(self, listening: socket.socket, poll: select.poll) -> None:
        import _socket

        try:
            descriptor, _ = listening._accept()  # type: ignore[attr-defined]  # noqa: SLF001 - `socket.accept` is this and an import
        except OSError:
            return
        connected: socket.socket = _socket.socket(fileno=descriptor)  # type: ignore[assignment]
        connected.setblocking(False)
        channel = PlainChannel(connected) if self._wrapping is None else self._wrapping.wrap(connected)
        self._peers[channel.fileno()] = Peer(self, channel)
        poll.register(channel.fileno(), select.POLLIN)

    def _attend(self, descriptor: int, events: int, poll: select.poll) -> None:
        peer = self._peers.get(descriptor)
        if peer is None:
            return
        alive = True
        try:
            if events & select.POLLOUT:
                peer.flush()
            if events & ~select.POLLOUT:
                alive = peer.receive()
        except (OSError, WireError) as error:
            self._log(f"a connection was refused: {type(error).__name__}")
            alive = False
        self._greeted = self._greeted or peer.http.greeted  # whoever was not let in does not count
        if not alive:
            poll.unregister(descriptor)
            del self._peers[descriptor]
            peer.channel.close()
