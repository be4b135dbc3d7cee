"""
Where the provider's process begins.

The provider itself is imported while Terraform is still connecting. The first process of a plan is only asked for the
schema, which a packaged provider has ready, and the second only to validate, mostly what was validated before: neither
needs to import it.
"""

from __future__ import annotations

import _thread
import gc
import os
import sys

from keeptrusts.terraform.plugin.serve import serve
from keeptrusts.terraform.sound import as_remembered, of_this_provider

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping
    from typing import Protocol

    from keeptrusts.terraform.sound import Sound

    class Answering(Protocol):
        """What is loaded: answers a call, and at once if that needs no waiting."""

        def handle(self, path: str, body: bytes) -> bytes: ...

        def prompt(self, path: str, body: bytes) -> bytes | None: ...


SERVICE = "/tfplugin6.Provider/"
SCHEMA = SERVICE + "GetProviderSchema"
LAST_RUN_FILE = "keeptrusts-last-run"
"""In `.terraform`: the number of the Terraform process that started us last, and how often it did."""
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

VALIDATIONS = frozenset(
    SERVICE + name
    for name in (
        "ValidateProviderConfig",
        "ValidateResourceConfig",
        "ValidateDataResourceConfig",
        "ValidateEphemeralResourceConfig",
    )
)
"""Calls whose answer is empty if there is nothing to be told, and depends on nothing but the request."""

OFTEN = 9
_SWITCH_S = 0.001
_GARBAGE_AFTER = 50_000


class Loading:
    """
    The provider, once it is there: calls wait for it, the connection does not.

    Args:
        prepare: Done before it is loaded. A process that was asked for the schema meanwhile loads nothing more.
        ready: Answers that are at hand: path -> message.
        sound: Requests to validate that are known to have nothing to be told. They are answered without the provider.
        early: Whether to load before anything is asked.
    """

    def __init__(
        self,
        load: Callable[[], Answering],
        ready: Mapping[str, bytes] | None = None,
        prepare: Callable[[], None] = lambda: None,
        *,
        sound: Container[bytes] = (),
        early: bool = True,
    ) -> None:
        self._load = load
        self._prepare = prepare
        self._ready = ready or {}
        self._sound = sound
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
            if self._is_sound(path, body):
                return b""
            with self._loaded:
                if self._provider is None:  # it was not needed before; or it failed, and fails again where it is told
                    self._prepare_once()
                    self._provider = self._load()
        return self._provider.handle(path, body)

    def prompt(self, path: str, body: bytes) -> bytes | None:
        """As the provider's; while there is none, what is known to have nothing to be told."""
        if self._provider is None:
            return b"" if self._is_sound(path, body) else None
        return self._provider.prompt(path, body)

    def _is_sound(self, path: str, body: bytes) -> bool:
        return path in VALIDATIONS and as_remembered(path, body) in self._sound

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
    return serve(_begin, QUICK)


def _begin() -> Loading:
    """What Terraform need not wait for before it connects."""
    folder = os.path.dirname(__file__)  # noqa: PTH120 - see `serve`
    ready = read_ready(folder)
    sound = of_this_provider()
    before = starts_before(os.environ.get("TF_DATA_DIR") or ".terraform", os.getppid())
    needed = before > 1 or (before == 1 and not sound)
    return Loading(lambda: _load(sound), ready, lambda: _prepare(folder), sound=sound, early=not ready or needed)


def starts_before(folder: str, terraform: int) -> int:
    """
    How often this Terraform has started us before. A wrong answer costs time and nothing else.

    Args:
        folder: Where Terraform has its working files. Where it has none, nobody knows: then often.
    """
    try:
        file = os.open(f"{folder}/{LAST_RUN_FILE}", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:
        return OFTEN
    try:
        last, _, count = os.read(file, 40).partition(b" ")
        before = int(count) if last == b"%d" % terraform else 0
        os.ftruncate(file, 0)
        os.pwrite(file, b"%d %d" % (terraform, before + 1), 0)
    except (OSError, ValueError):
        return OFTEN
    finally:
        os.close(file)
    return before


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


def _prepare(folder: str) -> None:
    from keeptrusts.terraform.prepared import use_prepared

    use_prepared(folder)


def _load(sound: Sound) -> Answering:
    from keeptrusts.terraform.provider import Provider

    return Provider(sound=sound)
