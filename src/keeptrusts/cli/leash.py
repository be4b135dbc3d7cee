"""
A command of `kt` that ends when the process that started it is gone, however that one ended.

The starter holds the writing end of a pipe and never writes: the end of the pipe is the end of the starter, kill -9
included. Works wherever there are pipes, and needs no process in between.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from typing import Final

GRACE_S: Final = 10.0
"""What a command has to finish in order before it is killed."""


def hold(descriptor: int) -> None:
    """Watch the pipe from a thread of this process."""
    threading.Thread(target=_watch, args=(descriptor,), daemon=True, name="leash").start()


def _watch(descriptor: int) -> None:
    while os.read(descriptor, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_S)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    hold(int(sys.argv.pop(1)))
    sys.argv[0] = "kt"
    from keeptrusts.cli.start import start

    start()
