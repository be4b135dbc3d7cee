"""
Keys that the control plane keeps for targets and policies: fetched, by the gateway itself, when a document names them.

The last values are kept sealed on disk, so that a gateway starts with its targets while the control plane is away.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote

from keeptrusts.core.errors import ApiError
from keeptrusts.gateway.control_plane import ControlPlane
from keeptrusts.gateway.local_sealing import LocalSealer
from keeptrusts.gateway.segments import write_durably
from keeptrusts.policy.compiled import CompiledPolicy
from keeptrusts.store.sealing import SealedError

FILE: Final = "variables"
ASK_SECONDS: Final = 10.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """
    Keys by name.

    Args:
        whole: False: the control plane did not say what some of them are, and has to be asked again.
    """

    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    whole: bool = True


class Variables:
    """
    Args:
        directory: Of the spool.
        api: None: no target can take its key from the control plane.
    """

    def __init__(self, directory: Path, api: ControlPlane | None) -> None:
        self._path = directory / FILE
        self._sealer = LocalSealer(directory / "held")
        self._api = api

    async def of(self, policy: CompiledPolicy) -> Found:
        """What this document names, as far as it is to be had; nobody is asked without their key."""
        names = sorted(policy.stored_secrets())
        if not names or self._api is None:
            return Found()
        kept = await asyncio.to_thread(self._read)
        said = await asyncio.gather(*(self._fetch(name, kept.get(name)) for name in names))
        values = {name: value for name, (value, _) in zip(names, said, strict=True) if value is not None}
        if values != kept:
            await asyncio.to_thread(self._write, values)
        return Found(values, all(is_said for _, is_said in said))

    async def _fetch(self, name: str, kept: str | None) -> tuple[str | None, bool]:
        """The value, and whether that is what the control plane says of it."""
        assert self._api is not None
        try:
            answer = await self._api.get(f"/v1/gateway/variables/{quote(name, safe='')}", seconds=ASK_SECONDS)
            value = answer.json().get("value")
        except ApiError as failed:
            _log.warning("a key cannot be fetched", extra={"variable": name, "reason": str(failed), "kept": bool(kept)})
            return (None, True) if failed.status in {403, 404} else (kept, False)
        return (value if isinstance(value, str) and value else None), True

    def _read(self) -> dict[str, str]:
        try:
            found = json.loads(self._sealer.open(self._path.read_bytes(), FILE))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, SealedError):
            _log.warning("the kept keys cannot be read; they are fetched anew")
            return {}
        return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}

    def _write(self, values: Mapping[str, str]) -> None:
        try:
            write_durably(self._path, self._sealer.seal(json.dumps(dict(values)).encode(), FILE))
        except OSError as failed:
            _log.warning("the keys cannot be kept", extra={"reason": failed.strerror})


async def no_variables(policy: CompiledPolicy) -> Found:
    """Without a control plane."""
    del policy
    return Found()
