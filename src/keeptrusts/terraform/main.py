"""
Where the provider's process begins.

The provider itself is imported while Terraform is still connecting. The first process of a plan only asks
for the schema, which a packaged provider has ready, so that one need not even wait for that.
"""

from __future__ import annotations

import _thread
import gc
import os
import sys

from keeptrusts.terraform.plugin.serve import serve
from keeptrusts.terraform.prepared import use_prepared

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Protocol

    class Answering(Protocol):
        """What is loaded: answers a call, and at once if that needs no waiting."""

        def handle(self, path: str, body: bytes) -> bytes: ...

        def prompt(self, path: str, body: bytes) -> bytes | None: ...


SERVICE = "/tfplugin6.Provider/"
SCHEMA = SERVICE + "GetProviderSchema"
LAST_RUN_FILE = "keeptrusts-last-run"
"""In `.terraform`: the number of the Terraform process that started us last."""
IDENTITIES = SERVICE + "GetResourceIdentitySchemas"
READY = {SCHEMA: "schema.bin", IDENTITIES: "identities.bin"}
"""Calls whose answers a packaged provider has in files beside this module."""

QUICK = frozenset(
    SERVICE + name
    for name in (
        "GetMetadata",
        "GetProviderSchema",
        "GetResourceIdentitySchemas",
        "ValidateProviderConfig",
        "StopProvider",
        "UpgradeResourceIdentity",
        "UpgradeResourceState",
    )
)
"""Calls that never wait; the loop answers them itself. StopProvider must get through when every worker is busy."""

_SWITCH_S = 0.001
_GARBAGE_AFTER = 50_000


class Loading:
    """
    The provider, once it is there: calls wait for it, the connection does not.

    Args:
        prepare: Done before it is loaded. A process that was asked for the schema meanwhile loads nothing more.
        ready: Answers that are at hand: path -> message.
        early: Whether to load before anything is asked. The first process of a command is asked for the schema alone.
    """

    def __init__(
        self,
        load: Callable[[], Answering],
        ready: Mapping[str, bytes] | None = None,
        prepare: Callable[[], None] = lambda: None,
        *,
        early: bool = True,
    ) -> None:
        self._load = load
        self._prepare = prepare
        self._ready = ready or {}
        self._asked = False
        self._provider: Answering | None = None
        self._loaded = _thread.allocate_lock()
        if early:
            self._loaded.acquire()
            _thread.start_new_thread(self._run, ())

    def __call__(self, path: str, body: bytes) -> bytes:
        ready = self._ready.get(path)
        if ready is not None:
            self._asked = True
            return ready
        if self._provider is None:
            with self._loaded:
                if self._provider is None:  # it was not needed before; or it failed, and fails again where it is told
                    self._prepare_once()
                    self._provider = self._load()
        return self._provider.handle(path, body)

    def prompt(self, path: str, body: bytes) -> bytes | None:
        """As the provider's; None while there is none."""
        return None if self._provider is None else self._provider.prompt(path, body)

    def _run(self) -> None:
        try:
            self._prepare_once()
            if not self._asked:
                self._provider = self._load()
        except Exception:  # noqa: BLE001 - the first call finds it out again and reports it
            return
        finally:
            self._loaded.release()

    def _prepare_once(self) -> None:
        prepare, self._prepare = self._prepare, lambda: None
        prepare()


def main() -> int:
    sys.setswitchinterval(_SWITCH_S)  # the connection is not to wait for imports
    gc.set_threshold(_GARBAGE_AFTER)  # what is imported is no garbage
    folder = os.path.dirname(__file__)  # noqa: PTH120 - see `serve`
    ready = read_ready(folder)
    early = not ready or not is_first(os.environ.get("TF_DATA_DIR") or ".terraform", os.getppid())
    return serve(lambda: Loading(_load, ready, lambda: use_prepared(folder), early=early), QUICK)


def is_first(folder: str, terraform: int) -> bool:
    """
    Whether this Terraform has not started us before. A wrong answer costs time and nothing else.

    Args:
        folder: Where Terraform has its working files. Where it has none, nobody knows: then False.
    """
    number = b"%d" % terraform
    try:
        file = os.open(f"{folder}/{LAST_RUN_FILE}", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:
        return False
    try:
        if os.read(file, 20) == number:
            return False
        os.ftruncate(file, 0)
        os.pwrite(file, number, 0)
    except OSError:
        return False
    finally:
        os.close(file)
    return True


def read_ready(folder: str) -> dict[str, bytes]:
    """What was made when the provider was packaged; nothing in a source tree."""
    found = {}
    for path, name in READY.items():
        try:
            with open(f"{folder}/{name}", "rb") as file:  # noqa: PTH123 - pathlib takes longer to import than this
                found[path] = file.read()
        except OSError:
            continue
    return found


def _load() -> Answering:
    from keeptrusts.terraform.provider import Provider

    return Provider()
