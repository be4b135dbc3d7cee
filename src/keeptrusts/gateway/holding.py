"""
What waits for a person: kept here, sealed, until the control plane has it; asked about when its request comes again.

The file of each is durable before the client hears of it and goes when the control plane has taken it in, so that a
decision is the same for every instance of a gateway, and both ends may be killed at any moment.
"""

from __future__ import annotations

import asyncio
import base64
import errno
import hashlib
import json
import logging
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from keeptrusts.core.errors import ApiError, ApiUnreachableError, KeeptrustsError, SpoolFullError
from keeptrusts.core.ids import ESCALATION, is_id
from keeptrusts.flow.escalations import Content, Decided, Held
from keeptrusts.gateway.control_plane import Backoff, ControlPlane
from keeptrusts.gateway.local_sealing import LocalSealer
from keeptrusts.gateway.segments import write_durably
from keeptrusts.store.sealing import SealedError

PATH: Final = "/v1/gateway/escalations"
ASK_SECONDS: Final = 10.0
MOST_WAITING: Final = 1000
MOST_BYTES: Final = 256 * 1024 * 1024
"""No more than this, in number and together, is held while the control plane is away: the disk is the spool's, too."""
_AGAIN: Final = frozenset({0, 401, 403, 404, 408, 425, 429})
_STATES: Final = frozenset({"pending", "approved", "denied", "expired", "spent", "mismatch"})
_log = logging.getLogger(__name__)


class Holding:
    """
    Args:
        directory: Of the spool; what is held lies below it.
        api: None: nobody can decide, so nothing is kept.
        group: The first worker's directory, where this is one of several workers.
    """

    def __init__(self, directory: Path, api: ControlPlane | None, group: Path | None = None) -> None:
        self._directory = directory / "held"
        self._group = group or directory
        self._api = api
        self._more = asyncio.Event()
        self._sealer = LocalSealer(self._directory)
        self._failing = False

    async def hold(self, held: Held) -> bool:
        """
        Keep it; returns when it is durable. False when nobody can decide, and nothing is kept.

        Raises:
            SpoolFullError: It could not be written.
        """
        if self._api is None:
            return False
        try:
            await asyncio.to_thread(self._write, held)
        except OSError as failed:
            _log.error("what was escalated cannot be held", extra={"reason": failed.strerror})
            raise SpoolFullError("it cannot be held", code="not_held") from None
        self._more.set()
        return True

    async def redeem(self, escalation_id: str, request_digest: str, event_id: str) -> Decided:
        """
        What was decided; asked twice when the first answer is lost, which uses an approval up once.

        Raises:
            ApiError: There is no control plane, or it does not answer.
        """
        if self._api is None:
            raise ApiUnreachableError("there is no control plane")
        body = json.dumps({"request_digest": request_digest, "event_id": event_id}).encode()
        path = f"{PATH}/{escalation_id}/redeem"
        # Before it is asked about: afterwards it may have been handed over meanwhile.
        waiting = await asyncio.to_thread(self._waits, escalation_id)
        try:
            try:
                answer = await self._api.post(path, body, ASK_SECONDS)
            except ApiUnreachableError:
                answer = await self._api.post(path, body, ASK_SECONDS)
        except ApiError as refused:
            if refused.status != 404:
                raise
            return Decided("pending" if waiting else "unknown")
        return _decided(answer.json())

    async def run(self) -> None:
        """Hand over what is held; never returns."""
        backoff = Backoff()
        while True:
            self._more.clear()
            if await self.hand_over():
                backoff.reset()
                await self._more.wait()
            else:
                await backoff.wait()

    async def hand_over(self) -> bool:
        """Try each once; whether nothing is left to try again."""
        done = True
        for path in await asyncio.to_thread(self._waiting):
            done = await self._hand_over(path) and done
        return done

    async def _hand_over(self, path: Path) -> bool:
        assert self._api is not None
        try:
            body = await asyncio.to_thread(self._read, path)
            await self._api.post(PATH, body)
        except ApiError as refused:
            if refused.status in _AGAIN or refused.status >= 500:
                self._say(refused)
                return False
            shown = {"escalation_id": path.name, "code": refused.code, "status": refused.status}
            _log.error("the control plane refuses what was escalated", extra=shown)
        except (SealedError, OSError):
            _log.error("what was escalated cannot be read", extra={"escalation_id": path.name})
        self._failing = False
        await asyncio.to_thread(path.unlink, missing_ok=True)
        return True

    def _say(self, failed: KeeptrustsError) -> None:
        if not self._failing:
            _log.warning("what was escalated cannot be handed over; it waits", extra={"reason": str(failed)})
        self._failing = True

    def _waits(self, escalation_id: str) -> bool:
        """Whether it is held here or by another worker, which may have answered the first request."""
        places = (self._directory, self._group / "held", *self._group.glob("worker-*/held"))
        return any((place / escalation_id).exists() for place in places)

    def _waiting(self) -> list[Path]:
        return sorted(path for path in self._directory.glob("*") if is_id(path.name, ESCALATION))

    def _write(self, held: Held) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        sealed = self._sealer.seal(json.dumps(_draft(held)).encode(), held.id)
        sizes = list(self._sizes())
        if len(sizes) >= MOST_WAITING or sum(sizes) + len(sealed) > MOST_BYTES:
            raise OSError(errno.EDQUOT, "too much waits for the control plane already")
        write_durably(self._directory / held.id, sealed)

    def _sizes(self) -> Iterator[int]:
        for path in self._waiting():
            with suppress(FileNotFoundError):  # handed over meanwhile
                yield path.stat().st_size

    def _read(self, path: Path) -> bytes:
        return self._sealer.open(path.read_bytes(), path.name)


def _draft(held: Held) -> dict[str, Any]:
    """An `api.escalations.HeldDraft`."""
    verdict, content = held.verdict, held.content
    plain = ("id", "event_id", "stage", "policy", "request_digest", "model", "user_id", "agent_id", "key_id",
             "instance_id", "configuration_id", "configuration_version")  # fmt: skip
    return {name: _short(getattr(held, name)) for name in plain} | {
        "reason_code": verdict.code,
        "message": verdict.message[:2000],
        "held_digest": _digest(content.body),
        "media_type": content.media_type,
        "content": base64.b64encode(content.body).decode(),
        "assignee": verdict.assignee,
        "timeout_seconds": verdict.timeout_seconds,
    }


def _short(value: Any) -> Any:
    """What a caller says of itself has any length and any letter; the control plane's columns have not."""
    return value[:200].replace("\x00", "") if isinstance(value, str) else value


def _decided(answer: dict[str, Any]) -> Decided:
    """
    The control plane's answer, trusted as far as its bytes are those that it names.

    Raises:
        ApiError: It is garbled.
    """
    garbled = ApiError("the control plane's answer cannot be used", code="garbled_answer", status=502)
    state = answer.get("state")
    if state not in _STATES:
        raise garbled
    if state != "approved":
        return Decided(str(state))
    try:
        body = base64.b64decode(answer["content"], validate=True)
        stage, policy, media_type = answer["stage"], str(answer["policy"]), str(answer["media_type"])
    except (KeyError, TypeError, ValueError):
        raise garbled from None
    if stage not in {"input", "output"} or _digest(body) != answer.get("held_digest"):
        raise garbled
    return Decided("approved", stage, policy, Content(media_type, body))


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
