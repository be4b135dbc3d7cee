"""A request played through the flow without a world: a provider that answers as told, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, TypeAlias

from keeptrusts.core.decision import Decision
from keeptrusts.core.errors import ApiUnreachableError, KeeptrustsError
from keeptrusts.core.exchange import Caller, Target
from keeptrusts.flow.arrival import Arrival, Snapshot
from keeptrusts.flow.chat import serve
from keeptrusts.flow.effects import (
    AskOthers,
    ChooseTargets,
    Effect,
    OpenUpstream,
    ReadUpstream,
    Record,
    Respond,
    Room,
    SendToClient,
    StartResponse,
    TakeQuota,
    UpstreamHead,
)
from keeptrusts.flow.escalations import Redeem
from keeptrusts.policy.asking import Answer, Question, nobody
from keeptrusts.policy.compiled import CompiledPolicy, TargetSettings
from keeptrusts.policy.engine import Clock

PATH = "/v1/chat/completions"
SOMEWHERE = TargetSettings(target=Target("mock", "mock"), base_url="", format="openai")
"""Where requests go when the document names no target."""

Reply: TypeAlias = Callable[[bytes], tuple[str, Sequence[bytes]]]
"""What the provider answers to a request: the media type, and the body in pieces."""


@dataclass(slots=True)
class Outcome:
    """
    What came of a request.

    Args:
        sent: Bodies of the requests that providers received.
        pieces: What the client received, in the pieces in which it was let go.
    """

    status: int = 0
    media_type: str = ""
    sent: list[bytes] = field(default_factory=list)
    pieces: list[bytes] = field(default_factory=list)
    decision: Decision | None = None

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)


def rehearse(
    policy: CompiledPolicy,
    body: bytes,
    reply: Reply,
    *,
    headers: Mapping[str, str] | None = None,
    ask: Callable[[Question], Answer] = nobody,
    clock: Clock | None = None,
) -> Outcome:
    """
    Serve one chat completion under this policy. Every target speaks OpenAI's format here, and all are well.

    Args:
        clock: For what kinds take; without one latencies mean nothing.
    """
    fields = {name.lower(): value for name, value in (headers or {}).items()}
    arrival = Arrival(
        request_id="req_0",
        event_id="evt_0",
        escalation_id="esc_0",
        method="POST",
        path=PATH,
        headers=tuple(fields.items()),
        body=body,
        caller=_caller(fields),
    )
    world = _World(reply, ask)
    _drive(serve(arrival, Snapshot(policy=_spoken(policy)), clock or count().__next__), world)
    return world.outcome


def _spoken(policy: CompiledPolicy) -> CompiledPolicy:
    targets = tuple(replace(target, format="openai", path_template=None) for target in policy.targets)
    return replace(policy, targets=targets or (SOMEWHERE,))


def _caller(fields: Mapping[str, str]) -> Caller:
    return Caller(
        key_id=fields.get("authorization") and "key_0",
        user_id=fields.get("x-keeptrusts-user-id") or fields.get("x-user-id"),
        team_id=fields.get("x-keeptrusts-team-id") or fields.get("x-team-id"),
        agent_id=fields.get("x-keeptrusts-agent-id"),
        session_id=fields.get("x-keeptrusts-session-id") or fields.get("x-session-id"),
        headers={name: value for name, value in fields.items() if name != "authorization"},
    )


def _drive(flow: Any, world: _World) -> None:
    resume: Callable[[Any], Effect[Any]] = flow.send
    value: Any = None
    try:
        while True:
            effect = resume(value)
            try:
                resume, value = flow.send, world.perform(effect)
            except KeeptrustsError as error:
                resume, value = flow.throw, error
    except StopIteration:
        return


class _World:
    def __init__(self, reply: Reply, ask: Callable[[Question], Answer]) -> None:
        self.outcome = Outcome()
        self._reply = reply
        self._ask = ask
        self._pieces: list[bytes] = []

    def perform(self, effect: Effect[Any]) -> Any:
        match effect:
            case ChooseTargets():
                return effect.targets
            case OpenUpstream():
                return self._open(effect.body)
            case ReadUpstream():
                return self._pieces.pop(0) if self._pieces else b""
            case AskOthers():
                return tuple(self._ask(question) for question in effect.questions)
            case TakeQuota():
                return Room(left=tuple(meter.most - meter.amount for meter in effect.meters))
            case Redeem():
                raise ApiUnreachableError("nobody decides here")
            case Record():
                self.outcome.decision = effect.decision
            case _:
                self._answer(effect)
        return None

    def _open(self, body: bytes) -> UpstreamHead:
        self.outcome.sent.append(body)
        media_type, pieces = self._reply(body)
        self._pieces = list(pieces)
        return UpstreamHead(200, (("content-type", media_type),))

    def _answer(self, effect: Effect[Any]) -> None:
        outcome = self.outcome
        if isinstance(effect, StartResponse | Respond):
            outcome.status = effect.status
            outcome.media_type = dict(effect.headers).get("content-type", "")
        if isinstance(effect, Respond):
            outcome.pieces.append(effect.body)
        elif isinstance(effect, SendToClient):
            outcome.pieces.append(effect.data)


def cut(pieces: Iterable[bytes], size: int) -> list[bytes]:
    """The same bytes in pieces of this size; 0: in one."""
    whole = b"".join(pieces)
    return [whole[at : at + (size or len(whole))] for at in range(0, len(whole), size or max(1, len(whole)))]
