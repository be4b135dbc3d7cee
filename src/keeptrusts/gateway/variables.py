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
from typing import Any, Final
from urllib.parse import quote

from keeptrusts.core.errors import ApiError
from keeptrusts.gateway.control_plane import ControlPlane
from keeptrusts.gateway.local_sealing import LocalSealer
from keeptrusts.gateway.segments import write_durably
from keeptrusts.policy.compiled import CompiledPolicy
from keeptrusts.policy.destinations import destinations, may_go
from keeptrusts.store.sealing import SealedError

FILE: Final = "variables"
ASK_SECONDS: Final = 10.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Key:
    """
    What the control plane handed out.

    Args:
        hosts: Where it may be sent; None: to known providers.
    """

    value: str = field(repr=False)
    hosts: tuple[str, ...] | None


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

    async def of(self, policy: CompiledPolicy, document: str) -> Found:
        """
        What this document names, as far as it is to be had; nobody is asked without their key.

        A key that the document sends to a host it may not go to is not used, also when it was handed out.
        """
        names = sorted(policy.stored_secrets())
        if not names or self._api is None:
            return Found()
        kept = await asyncio.to_thread(self._read)
        said = await asyncio.gather(*(self._fetch(name, kept.get(name)) for name in names))
        known = {name: key for name, (key, _) in zip(names, said, strict=True) if key is not None}
        if known != kept:
            await asyncio.to_thread(self._write, known)
        barred = await asyncio.to_thread(_misdirected, document, known)
        for name in barred:
            _log.warning(
                "a key is not used: the document sends it to a host that it may not go to", extra={"variable": name}
            )
        values = {name: key.value for name, key in known.items() if name not in barred}
        return Found(values, all(is_said for _, is_said in said))

    async def _fetch(self, name: str, kept: Key | None) -> tuple[Key | None, bool]:
        """The key, and whether that is what the control plane says of it."""
        assert self._api is not None
        try:
            answer = await self._api.get(f"/v1/gateway/variables/{quote(name, safe='')}", seconds=ASK_SECONDS)
            return _key(answer.json()), True
        except ApiError as failed:
            _log.warning("a key cannot be fetched", extra={"variable": name, "reason": str(failed), "kept": bool(kept)})
            return (None, True) if failed.status in {403, 404} else (kept, False)

    def _read(self) -> dict[str, Key]:
        try:
            found = json.loads(self._sealer.open(self._path.read_bytes(), FILE))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, SealedError):
            _log.warning("the kept keys cannot be read; they are fetched anew")
            return {}
        keys = ((str(name), _key(told)) for name, told in found.items()) if isinstance(found, dict) else ()
        return {name: key for name, key in keys if key is not None}

    def _write(self, keys: Mapping[str, Key]) -> None:
        told = {name: {"value": key.value, "allowed_hosts": key.hosts} for name, key in keys.items()}
        try:
            write_durably(self._path, self._sealer.seal(json.dumps(told).encode(), FILE))
        except OSError as failed:
            _log.warning("the keys cannot be kept", extra={"reason": failed.strerror})


def _key(told: Any) -> Key | None:
    """As the control plane writes it. Bound to known providers where no hosts are said."""
    value, hosts = (told.get("value"), told.get("allowed_hosts")) if isinstance(told, dict) else (None, None)
    if not isinstance(value, str) or not value:
        return None
    return Key(value, tuple(str(one) for one in hosts) if isinstance(hosts, list) else None)


def _misdirected(document: str, keys: Mapping[str, Key]) -> frozenset[str]:
    return frozenset(
        one.secret
        for one in destinations(document)
        if one.secret in keys and not may_go(one.url, keys[one.secret].hosts)
    )


async def no_variables(policy: CompiledPolicy, document: str) -> Found:
    """Without a control plane."""
    del policy, document
    return Found()
