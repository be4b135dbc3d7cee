"""Managed mode: the policy as a signed bundle from the control plane, kept on disk for when that is away."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeAlias

from keeptrusts.core.errors import ApiError, InputError, KeeptrustsError, UntrustedBundleError
from keeptrusts.flow.arrival import Snapshot
from keeptrusts.gateway.active import Holder
from keeptrusts.gateway.control_plane import Backoff, ControlPlane
from keeptrusts.gateway.preparing import prepare
from keeptrusts.gateway.segments import write_durably
from keeptrusts.gateway.variables import Found, no_variables
from keeptrusts.policy.compiled import CompiledPolicy
from keeptrusts.trail.bundle import check_fresh, verify
from keeptrusts.trail.canary import chosen

WAIT_SECONDS: Final = 30
SOURCE: Final = "control plane"
FindVariables: TypeAlias = Callable[[CompiledPolicy, str], Awaitable[Found]]
SnapshotMaker: TypeAlias = Callable[[CompiledPolicy, Mapping[str, Any]], Snapshot]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BundleSettings:
    """
    Where the last good bundle and the pinned keys lie, and how a bundle is read.

    Args:
        gateway_id: The only gateway whose bundles are taken; None takes the one the token belongs to.
        fail_open: Overrides the bundle's own `fail_mode`; None leaves it to the bundle.
        snapshot: Of a compiled policy and the bundle's payload.
        now: UTC.
        variables: The keys that a document takes from the control plane; asked with the document itself, too.
        instance_id: Of this process: it says whether this one belongs to a canary.
    """

    directory: Path
    gateway_id: str | None
    fail_open: bool | None
    snapshot: SnapshotMaker
    now: Callable[[], datetime]
    variables: FindVariables = no_variables
    instance_id: str = ""


class Bundles:
    """Follows the control plane's wishes for one gateway."""

    def __init__(self, api: ControlPlane, holder: Holder, settings: BundleSettings) -> None:
        self._api = api
        self._holder = holder
        self._settings = settings
        self._keys = _read_json(settings.directory / "keys.json")
        self._living: dict[str, str] = {}
        self._etag: str | None = None
        self._epoch = 0
        self._missing: str | None = None
        self.gateway_id = settings.gateway_id

    async def load_last(self) -> bool:
        """Activate the bundle that was good last time, when there is one and it still verifies."""
        stored = _read_json(self._settings.directory / "bundle.json")
        if not stored:
            return False
        try:
            payload = self._verified(stored)
            wanted = self._settings.gateway_id
            if wanted is not None and payload["gateway_id"] != wanted:
                return False
            self._epoch = payload["epoch"]
            await self._activate(payload)
        except KeeptrustsError as unfit:
            self._holder.refuse(f"the stored bundle cannot be used: {unfit}", SOURCE)
            return False
        return True

    async def fetch(self, wait_seconds: int = 0) -> bool:
        """
        Ask once for a bundle that is not the one last seen, and activate it; returns whether one came.

        Raises:
            ApiError: The control plane refused or could not be reached.
            UntrustedBundleError: The bundle does not verify, is for another gateway, or goes back in time.
            InputError: Its document does not lint.
        """
        headers = [("prefer", f"wait={wait_seconds}")] if wait_seconds else []
        if self._etag is not None:
            headers.append(("if-none-match", self._etag))
        answer = await self._api.get("/v1/gateway/bundle", tuple(headers), seconds=wait_seconds + 20.0)
        if self._missing is not None:
            self._missing = None
            _log.info("the control plane hands out bundles again")
        if answer.status == 304:
            return False
        bundle = answer.json()
        await self._trust(str(bundle.get("key_id")))
        self._etag = answer.header("etag")  # a refused bundle is not asked for again until it changes
        payload = self._verified(bundle)
        if not await self._activate(payload):
            self._etag = None
        await asyncio.to_thread(_write_json, self._settings.directory / "bundle.json", bundle)
        await self._forget_retired(str(bundle.get("key_id")))
        return True

    async def follow(self) -> None:
        """Keep asking; never returns. What fails is said and tried again."""
        backoff = Backoff()
        while True:
            try:
                await self.fetch(WAIT_SECONDS if self._etag is not None else 0)
                if self._etag is None:
                    await backoff.wait()
                else:
                    backoff.reset()
            except KeeptrustsError as failed:
                self.note(failed)
                await backoff.wait()

    def note(self, failed: KeeptrustsError) -> None:
        """Say once what is wrong: a bundle that is not fit, or a control plane that is not there."""
        if isinstance(failed, ApiError):
            if failed.code != self._missing:
                shown = {"reason": str(failed), "code": failed.code, "status": failed.status}
                _log.warning("no bundle; it is asked for until there is one", extra=shown)
            self._missing = failed.code
        else:
            self._holder.refuse(str(failed), SOURCE)

    async def _trust(self, key_id: str) -> None:
        """A key that is not pinned counts only when the control plane names it over the authenticated connection."""
        if key_id in self._keys:
            return
        listed = (await self._api.get("/v1/trail/keys")).json().get("data")
        self._living = {
            str(key.get("key_id")): str(key.get("public_key"))
            for key in (listed if isinstance(listed, list) else [])
            if isinstance(key, dict) and key.get("retired_at") is None
        }
        self._keys |= self._living
        if key_id not in self._keys:
            raise UntrustedBundleError("the bundle is signed with a key that the control plane does not name")
        await asyncio.to_thread(_write_json, self._settings.directory / "keys.json", self._keys)

    async def _forget_retired(self, in_use: str) -> None:
        """What a retired key signs may count no more; but the bundle that is kept here needs its own."""
        left = {name: key for name, key in self._keys.items() if name in self._living or name == in_use}
        if self._living and left != self._keys:
            self._keys = left
            await asyncio.to_thread(_write_json, self._settings.directory / "keys.json", self._keys)

    def _verified(self, bundle: Mapping[str, Any]) -> dict[str, Any]:
        key_id = str(bundle.get("key_id"))
        if not isinstance(bundle.get("payload"), str) or not isinstance(bundle.get("signature"), str):
            raise UntrustedBundleError("the bundle is not complete", code="bad_payload")
        if key_id not in self._keys:
            raise UntrustedBundleError("the bundle is signed with an unknown key", code="bad_signature")
        payload = verify(bundle, base64.b64decode(self._keys[key_id]))
        check_fresh(payload, last_epoch=self._epoch, now=self._settings.now())
        wanted = self._settings.gateway_id
        if wanted is not None and payload["gateway_id"] != wanted:
            raise UntrustedBundleError(f"the bundle is for `{payload['gateway_id']}`, not for `{wanted}`")
        return chosen(payload, self._settings.instance_id)

    async def _activate(self, payload: Mapping[str, Any]) -> bool:
        """Whether it has its keys, as far as the control plane has them; else it is to be asked for again."""
        fail_open = self._settings.fail_open
        if fail_open is None:
            fail_open = payload["fail_mode"] == "allow"
        is_first = self._holder.active is None
        text = payload["policy_yaml"]
        compiled = await asyncio.to_thread(prepare, text, fail_open=fail_open, is_first=is_first)
        if compiled.digest != payload["config_digest"]:
            shown = {"config_digest": compiled.digest, "stated": payload["config_digest"]}
            _log.warning("the digest differs from the control plane's: its version may differ from ours", extra=shown)
        self._epoch = payload["epoch"]
        self.gateway_id = payload["gateway_id"]
        found = await self._settings.variables(compiled, text)
        snapshot = self._settings.snapshot(compiled, payload)
        self._holder.activate(snapshot, SOURCE, payload["epoch"], found.values)
        return found.whole


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as failed:
        raise InputError(f"`{path}` cannot be read: {failed}") from None
    if not isinstance(found, dict):
        raise InputError(f"`{path}` is damaged: remove it, and the control plane is asked again")
    return found


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    write_durably(path, json.dumps(dict(content)).encode())
