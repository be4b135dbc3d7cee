"""
Where the provider's process begins.

The provider itself is imported while Terraform is still connecting. The first process of a plan only asks
for the schema, which a packaged provider has ready, so that one need not even wait for that.
"""

from __future__ import annotations

import _thread
import os
import sys

from keeptrusts.terraform.plugin.serve import serve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

SERVICE = "/tfplugin6.Provider/"
SCHEMA = SERVICE + "GetProviderSchema"
SCHEMA_FILE = "schema.bin"
"""Beside this module, in a packaged provider: the answer to `GetProviderSchema`."""
METHODS_FILE = f"methods.{sys.implementation.cache_tag}.bin"
"""Likewise: the methods of our dataclasses, source to marshalled code, for one version of Python."""

QUICK = frozenset(
    SERVICE + name
    for name in ("GetMetadata", "GetProviderSchema", "ValidateProviderConfig", "StopProvider", "UpgradeResourceState")
)
"""Calls that never wait; the loop answers them itself. StopProvider must get through when every worker is busy."""

_SWITCH_S = 0.001


class Loading:
    """The provider, once it is there: calls wait for it, the connection does not."""

    def __init__(self, load: Callable[[], Callable[[str, bytes], bytes]], ready: bytes | None = None) -> None:
        self._load = load
        self._ready = ready
        self._handle: Callable[[str, bytes], bytes] | None = None
        self._loaded = _thread.allocate_lock()
        self._loaded.acquire()
        _thread.start_new_thread(self._run, ())

    def __call__(self, path: str, body: bytes) -> bytes:
        if self._ready is not None and path == SCHEMA:
            return self._ready
        if self._handle is None:
            with self._loaded:
                pass
        if self._handle is None:
            return self._load()(path, body)  # it failed before: fail again, where it is reported
        return self._handle(path, body)

    def _run(self) -> None:
        try:
            self._handle = self._load()
        except Exception:  # noqa: BLE001 - the first call finds it out again and reports it
            return
        finally:
            self._loaded.release()


def main() -> int:
    sys.setswitchinterval(_SWITCH_S)  # the connection is not to wait for imports
    return serve(lambda: Loading(_load, read_schema(os.path.dirname(__file__))), QUICK)  # noqa: PTH120 - see `serve`


def read_schema(folder: str) -> bytes | None:
    """The schema made when the provider was packaged; None in a source tree."""
    try:
        with open(f"{folder}/{SCHEMA_FILE}", "rb") as file:  # noqa: PTH123 - pathlib takes longer to import than this
            return file.read()
    except OSError:
        return None


def use_compiled_methods(folder: str) -> None:
    """
    Spare the compiler most of its work.

    `dataclasses` writes each method of a class as source text and gives it to `exec`, at every start: a quarter of our
    time. The same text compiled before does the same; a text that is not among them is compiled as ever.
    """
    import builtins
    import dataclasses
    import marshal

    try:
        with open(f"{folder}/{METHODS_FILE}", "rb") as file:  # noqa: PTH123 - see `read_schema`
            compiled: dict[str, bytes] = marshal.loads(file.read())  # noqa: S302 - as much ours as this module is
    except (OSError, ValueError, EOFError, TypeError):
        return

    def run(text: str, *names: dict[str, object]) -> None:
        code = compiled.get(text)
        builtins.exec(text if code is None else marshal.loads(code), *names)  # noqa: S102, S302 - `dataclasses` would

    dataclasses.exec = run  # type: ignore[attr-defined]


def _load() -> Callable[[str, bytes], bytes]:
    use_compiled_methods(os.path.dirname(__file__))  # noqa: PTH120 - see `serve`
    from keeptrusts.terraform.provider import Provider

    return Provider().handle
