"""What waits for a person, kept by the gateway until the control plane has it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from keeptrusts.core.errors import ApiError, ApiUnreachableError, SpoolFullError
from keeptrusts.core.verdict import Escalate
from keeptrusts.flow.escalations import Content, Decided, Held
from keeptrusts.gateway import holding as holding_module
from keeptrusts.gateway.control_plane import Answer, ControlPlane
from keeptrusts.gateway.holding import Holding

ID = "esc_" + "1" * 32


class Api:
    """Gives these answers in turn, or raises them; `asked` are the calls."""

    def __init__(self, answers: Sequence[Any]) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, dict[str, Any]]] = []

    async def post(self, path: str, body: bytes, seconds: float = 30.0) -> Answer:
        del seconds
        self.asked.append((path, json.loads(body)))
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return Answer(200, (), json.dumps(answer).encode())


def made(folder: Path, *answers: Any) -> tuple[Holding, Api]:
    api = Api(answers)
    return Holding(folder, cast("ControlPlane", api)), api


def held(identifier: str = ID, body: bytes = b"the answer") -> Held:
    return Held(
        id=identifier, event_id="evt_1", stage="output", policy="human-oversight",
        verdict=Escalate("human_oversight.required", "look", "a@example.com", 60), request_digest="sha256:" + "0" * 64,
        content=Content("application/json", body), model="m" * 300, user_id="a\x00b", agent_id=None, key_id=None,
        instance_id=None, configuration_id=None, configuration_version=None,
    )  # fmt: skip


def refused(status: int) -> ApiError:
    return ApiError("no", code="x", status=status)


def test_it_is_sealed_handed_over_and_gone(tmp_path: Path) -> None:
    """Over a restart, with what the control plane's columns can hold."""
    first, _ = made(tmp_path)
    assert asyncio.run(first.hold(held()))
    (file,) = (tmp_path / "held").glob("esc_*")
    assert b"the answer" not in file.read_bytes()
    assert (tmp_path / "held" / "key").stat().st_mode & 0o077 == 0
    second, api = made(tmp_path, {})
    assert asyncio.run(second.hand_over())
    ((_, sent),) = api.asked
    assert base64.b64decode(sent["content"]) == b"the answer"
    assert (sent["held_digest"], sent["timeout_seconds"]) == (
        "sha256:" + hashlib.sha256(b"the answer").hexdigest(), 60,
    )  # fmt: skip
    assert (len(sent["model"]), sent["user_id"]) == (200, "ab")
    assert list((tmp_path / "held").glob("esc_*")) == []


@pytest.mark.parametrize(
    ("failure", "left"), [(refused(503), 1), (refused(401), 1), (refused(422), 0), (refused(409), 0)]
)
def test_what_may_still_be_taken_is_tried_again(tmp_path: Path, failure: ApiError, left: int) -> None:
    """A control plane that is away, or refuses the token for now; what it will never take goes, with a log line."""
    holding, _ = made(tmp_path, failure)
    asyncio.run(holding.hold(held()))
    assert asyncio.run(holding.hand_over()) == (left == 0)
    assert len(list((tmp_path / "held").glob("esc_*"))) == left


def test_what_cannot_be_read_goes(tmp_path: Path) -> None:
    """Nothing could ever be made of it."""
    holding, api = made(tmp_path)
    asyncio.run(holding.hold(held()))
    (tmp_path / "held" / ID).write_bytes(b"x" * 100)
    assert asyncio.run(holding.hand_over())
    assert api.asked == []


@pytest.mark.parametrize(("bound", "value"), [("MOST_WAITING", 1), ("MOST_BYTES", 1500)])
def test_there_is_an_end_to_what_is_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str, value: int
) -> None:
    """In number and in bytes, while the control plane is away; a disk that takes nothing is the same to the caller."""
    monkeypatch.setattr(holding_module, bound, value)
    holding, _ = made(tmp_path)
    asyncio.run(holding.hold(held()))
    with pytest.raises(SpoolFullError) as full:
        asyncio.run(holding.hold(held("esc_" + "2" * 32)))
    assert full.value.code == "not_held"


def approved(body: bytes, digest: str = "") -> dict[str, Any]:
    return {
        "state": "approved", "stage": "output", "policy": "p", "media_type": "text/plain",
        "content": base64.b64encode(body).decode(),
        "held_digest": digest or "sha256:" + hashlib.sha256(body).hexdigest(),
    }  # fmt: skip


def test_an_answer_that_was_lost_is_asked_for_again(tmp_path: Path) -> None:
    """With the same event, which uses the approval up once."""
    holding, api = made(tmp_path, ApiUnreachableError("gone"), approved(b"x"))
    decided = asyncio.run(holding.redeem(ID, "sha256:r", "evt_2"))
    assert decided == Decided("approved", "output", "p", Content("text/plain", b"x"))
    assert api.asked[0] == api.asked[1] == (f"/v1/gateway/escalations/{ID}/redeem", {
        "request_digest": "sha256:r", "event_id": "evt_2",
    })  # fmt: skip


@pytest.mark.parametrize(
    "answer",
    [
        approved(b"x", "sha256:" + "0" * 64),
        {"state": "approved"},
        {"state": "fine"},
        {},
        approved(b"x") | {"stage": "?"},
    ],
)
def test_an_answer_that_is_garbled_is_no_approval(tmp_path: Path, answer: dict[str, Any]) -> None:
    """Bytes that are not those of their digest above all."""
    holding, _ = made(tmp_path, answer)
    with pytest.raises(ApiError) as garbled:
        asyncio.run(holding.redeem(ID, "sha256:r", "evt_2"))
    assert garbled.value.code == "garbled_answer"


def test_what_has_not_arrived_is_pending(tmp_path: Path) -> None:
    """The control plane does not know it yet, and this gateway still has it; nobody knows any other."""
    holding, _ = made(tmp_path, refused(404), refused(404))
    asyncio.run(holding.hold(held()))
    assert asyncio.run(holding.redeem(ID, "sha256:r", "evt_2")) == Decided("pending")
    assert asyncio.run(holding.redeem("esc_" + "9" * 32, "sha256:r", "evt_2")) == Decided("unknown")


def test_what_another_worker_holds_is_pending(tmp_path: Path) -> None:
    """Whichever of them answered the first request, and whichever is asked again."""
    first, second = tmp_path, tmp_path / "worker-2"
    for place, asked in ((first, second), (second, first)):
        one, _ = made(place)
        other = Holding(asked, cast("ControlPlane", Api([refused(404), refused(404)])), group=tmp_path)
        asyncio.run(one.hold(held()))
        assert asyncio.run(other.redeem(ID, "sha256:", "evt_1")).state == "pending"
        (place / "held" / ID).unlink()
        assert asyncio.run(other.redeem(ID, "sha256:", "evt_1")).state == "unknown"


def test_without_a_control_plane_nothing_is_kept(tmp_path: Path) -> None:
    """Nobody could decide."""
    alone = Holding(tmp_path, None)
    assert not asyncio.run(alone.hold(held()))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ApiUnreachableError):
        asyncio.run(alone.redeem(ID, "sha256:r", "evt_2"))
