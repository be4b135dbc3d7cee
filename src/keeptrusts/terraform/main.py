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
    from collections.abc import Callable

SERVICE = "/tfplugin6.Provider/"
SCHEMA = SERVICE + "GetProviderSchema"
SCHEMA_FILE = "schema.bin"
"""Beside this module, in a packaged provider: the answer to `GetProviderSchema`."""

QUICK = frozenset(
    SERVICE + name
    for name in ("GetMetadata", "GetProviderSchema", "ValidateProviderConfig", "StopProvider", "UpgradeResourceState")
)
"""Calls that never wait; the loop answers them itself. StopProvider must get through when every worker is busy."""

_SWITCH_S = 0.001
_GARBAGE_AFTER = 50_000


class Loading:
    """
    The provider, once it is there: calls wait for it, the connection does not.

    Args:
        prepare: Done before it is loaded. A process that was asked for the schema meanwhile loads nothing more: the
            first one of each command is asked for nothing else.
        ready: The schema, where it is at hand.
    """

    def __init__(
        self,
        load: Callable[[], Callable[[str, bytes], bytes]],
        ready: bytes | None = None,
        prepare: Callable[[], None] = lambda: None,
    ) -> None:
        self._load = load
        self._prepare = prepare
        self._ready = ready
        self._asked = False
        self._handle: Callable[[str, bytes], bytes] | None = None
        self._loaded = _thread.allocate_lock()
        self._loaded.acquire()
        _thread.start_new_thread(self._run, ())

    def __call__(self, path: str, body: bytes) -> bytes:
        if self._ready is not None and path == SCHEMA:
            self._asked = True
            return self._ready
        if self._handle is None:
            with self._loaded:
                if self._handle is None:  # it was not needed before; or it failed, and fails again where it is reported
                    self._handle = self._load()
        return self._handle(path, body)

    def _run(self) -> None:
        try:
            self._prepare()
            if not self._asked:
                self._handle = self._load()
        except Exception:  # noqa: BLE001 - the first call finds it out again and reports it
            return
        finally:
            self._loaded.release()


def main() -> int:
    sys.setswitchinterval(_SWITCH_S)  # the connection is not to wait for imports
    gc.set_threshold(_GARBAGE_AFTER)  # what is imported is no garbage
    folder = os.path.dirname(__file__)  # noqa: PTH120 - see `serve`
    return serve(lambda: Loading(_load, read_schema(folder), lambda: use_prepared(folder)), QUICK)


def read_schema(folder: str) -> bytes | None:
    """The schema made when the provider was packaged; None in a source tree."""
    try:
        with open(f"{folder}/{SCHEMA_FILE}", "rb") as file:  # noqa: PTH123 - pathlib takes longer to import than this
            return file.read()
    except OSError:
        return None


def _load() -> Callable[[str, bytes], bytes]:
    from keeptrusts.terraform.provider import Provider

    return Provider().handle
