"""A plugin server in this process, on a socket in a folder of its own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from keeptrusts.terraform.plugin.server import Server
from keeptrusts.terraform.plugin.tls import Wrapping

Handle: TypeAlias = Callable[[str, bytes], bytes]
Prompt: TypeAlias = Callable[[str, bytes], bytes | None]


class Running:
    """A server in a thread, and what it logged."""

    def __init__(
        self,
        folder: Path,
        handle: Handle,
        quick: Collection[str],
        wrapping: Wrapping | None,
        prompt: Prompt,
    ) -> None:
        self.path = str(folder / "s")
        self.logged: list[str] = []
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(self.path)
        self.listening.listen(64)
        self._server = Server(handle, self.logged.append, quick=quick, prompt=prompt, wrapping=wrapping)
        self._thread = threading.Thread(target=self._server.serve, args=(self.listening,), daemon=True)
        self._thread.start()

    def connect(self) -> socket.socket:
        """A new connection, as bare bytes."""
        connected = socket.socket(socket.AF_UNIX)
        connected.settimeout(20)
        connected.connect(self.path)
        return connected

    def ended(self, seconds: float = 20) -> bool:
        """Whether it came to its end by itself."""
        self._thread.join(seconds)
        return not self._thread.is_alive()


@contextmanager
def running(
    folder: Path,
    handle: Handle,
    *,
    quick: Collection[str] = (),
    wrapping: Wrapping | None = None,
    prompt: Prompt = lambda _path, _body: None,
) -> Iterator[Running]:
    """It must have ended when the block has: every connection is to be closed in it."""
    served = Running(folder, handle, quick, wrapping, prompt)
    try:
        yield served
        assert served.ended(), "the server is still there although its last peer is gone"
    finally:
        served.listening.close()
