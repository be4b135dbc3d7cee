"""Flows played without a world: a scripted provider, and what the client and the record got."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from keeptrusts.core.decision import Decision
from keeptrusts.core.errors import ApiUnreachableError, ClientGoneError, KeeptrustsError
from keeptrusts.core.exchange import Caller, Target
from keeptrusts.flow.arrival import Arrival, Snapshot
from keeptrusts.flow.chat import serve
from keeptrusts.flow.effects import (
    AskOthers,
    ChooseTargets,
    CloseUpstream,
    Effect,
    EndResponse,
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
from keeptrusts.flow.escalations import Decided, Held, Hold, Redeem
from keeptrusts.policy.asking import Answer, Question, nobody
from keeptrusts.policy.compiled import CompiledPolicy, TargetSettings
from keeptrusts.policy.engine import Chain
from keeptrusts.policy.kind import Policy
from keeptrusts.wire.translation import Asked

TARGET = TargetSettings(target=Target("main", "openai-compatible"), base_url="http://provider", format="openai")
NAMED = Asked("m", "req_1")
HELLO = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hello"}]}).encode()
STREAM = json.dumps({"model": "m", "stream": True, "messages": [{"role": "user", "content": "hello"}]}).encode()


def policy_of(*kinds: Policy, fail_open: bool = False, **fields: Any) -> CompiledPolicy:
    """A compiled document with this chain."""
    plain = CompiledPolicy(
        name="test",
        version="1.0.0",
        enabled=True,
        chain=Chain(kinds, fail_open=fail_open),
        kinds=tuple(kind.kind for kind in kinds),
        digest="sha256:test",
        targets=(TARGET,),
    )
    return replace(plain, **fields)


@dataclass
class Provider:
    """What the provider answers: a status, and pieces of a body; an error among them is raised there."""

    pieces: Sequence[bytes | KeeptrustsError] = ()
    status: int = 200
    media_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    refuses: KeeptrustsError | None = None


@dataclass
class Review:
    """Where escalations go: what was decided, and whether anything can be held."""

    decided: Decided | None = None
    full: KeeptrustsError | None = None

    def perform(self, effect: Effect[Any]) -> Decided | bool:
        if isinstance(effect, Redeem):
            if self.decided is None:
                raise ApiUnreachableError("nobody is there")
            return self.decided
        if self.full is not None:
            raise self.full
        return True


@dataclass
class Seen:
    """What happened."""

    effects: list[Effect[Any]] = field(default_factory=list)
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    ended: bool = False
    sent_upstream: list[OpenUpstream] = field(default_factory=list)

    @property
    def records(self) -> list[Decision]:
        return [effect.decision for effect in self.effects if isinstance(effect, Record)]

    @property
    def record(self) -> Decision:
        """The one record; it stands before the end of the response."""
        (decision,) = self.records
        kinds = [type(effect) for effect in self.effects]
        after = set(kinds[kinds.index(Record) + 1 :])
        assert after <= {StartResponse, Respond, SendToClient, EndResponse}
        return decision

    @property
    def held(self) -> list[Held]:
        """What was kept for a person."""
        return [effect.held for effect in self.effects if isinstance(effect, Hold)]

    @property
    def error(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)["error"]
        return found


def play(
    policy: CompiledPolicy,
    body: bytes = HELLO,
    provider: Provider | Sequence[Provider] = (),
    *,
    quota: int | KeeptrustsError | None = None,
    leaves_after: int | None = None,
    record_fails: KeeptrustsError | None = None,
    ask: Callable[[Question], Answer] = nobody,
    review: Review | None = None,
    prefers: str = "",
    **arrival: Any,
) -> Seen:
    """
    Run a request to its end.

    Args:
        leaves_after: The client is gone when so many pieces were sent to it.
        review: What becomes of escalations; without one nobody can be asked about them.
        ask: Answers the questions of kinds; what it raises is raised there.
        prefers: The target that routing puts first; the others stay as they are.
    """
    answers = [provider] if isinstance(provider, Provider) else list(provider)
    world = _World(answers, quota, leaves_after, record_fails, ask)
    world.prefers = prefers
    reviewing = review or Review()
    flow = serve(replace(_arrived(body), **arrival), Snapshot(policy=policy), _Clock())
    resume: Callable[[Any], Effect[Any]] = flow.send
    value: Any = None
    try:
        while True:
            effect = resume(value)
            world.seen.effects.append(effect)
            try:
                review_it = isinstance(effect, Hold | Redeem)
                resume, value = flow.send, reviewing.perform(effect) if review_it else world.perform(effect)
            except KeeptrustsError as error:
                resume, value = flow.throw, error
    except StopIteration:
        return world.seen


def _arrived(body: bytes) -> Arrival:
    return Arrival(
        request_id="req_1", event_id="evt_1", escalation_id="esc_1", method="POST",
        path="/v1/chat/completions", body=body, caller=Caller(ip="192.0.2.1"), received_us=1_700_000_000_000_000,
    )  # fmt: skip


class _Clock:
    def __init__(self) -> None:
        self._now = 0

    def __call__(self) -> int:
        self._now += 1000
        return self._now


class _World:
    def __init__(
        self,
        answers: list[Provider],
        quota: int | KeeptrustsError | None,
        leaves_after: int | None,
        record_fails: KeeptrustsError | None,
        ask: Callable[[Question], Answer],
    ) -> None:
        self.seen = Seen()
        self.prefers = ""
        self._answers = answers
        self._quota = quota
        self._left = leaves_after
        self._record_fails = record_fails
        self._ask = ask
        self._pieces: list[bytes | KeeptrustsError] = []

    def perform(self, effect: Effect[Any]) -> Any:
        match effect:
            case OpenUpstream():
                return self._open(effect)
            case ReadUpstream():
                return self._read()
            case AskOthers() | ChooseTargets() | TakeQuota():
                return self._told(effect)
            case Record():
                if self._record_fails:
                    raise self._record_fails
            case CloseUpstream():
                self._pieces = []
            case _:
                self._answer(effect)
        return None

    def _told(self, effect: AskOthers | ChooseTargets | TakeQuota) -> Any:
        match effect:
            case AskOthers():
                return tuple(self._ask(question) for question in effect.questions)
            case ChooseTargets():
                return tuple(sorted(effect.targets, key=lambda name: name != self.prefers))
            case TakeQuota():
                if isinstance(self._quota, KeeptrustsError):
                    raise self._quota
                left = tuple(meter.most - meter.amount for meter in effect.meters)
                refused = None if self._quota is None else len(effect.meters) - 1
                return Room(refused, self._quota or 0, left, (60,) * len(left), 77)

    def _open(self, effect: OpenUpstream) -> UpstreamHead:
        self.seen.sent_upstream.append(effect)
        answer = self._answers.pop(0)
        if answer.refuses:
            raise answer.refuses
        self._pieces = list(answer.pieces)
        return UpstreamHead(answer.status, (("content-type", answer.media_type), *answer.headers))

    def _read(self) -> bytes:
        piece = self._pieces.pop(0) if self._pieces else b""
        if isinstance(piece, KeeptrustsError):
            raise piece
        return piece

    def _answer(self, effect: Effect[Any]) -> None:
        seen = self.seen
        if isinstance(effect, StartResponse | Respond):
            seen.status, seen.headers = effect.status, dict(effect.headers)
        if isinstance(effect, EndResponse | Respond):
            seen.ended = True
        if isinstance(effect, SendToClient | Respond):
            if self._left is not None:
                if self._left == 0:
                    raise ClientGoneError("gone")
                self._left -= 1
            seen.body += effect.data if isinstance(effect, SendToClient) else effect.body


def chunk(delta: dict[str, Any], *, choice: int = 0, finish: str | None = None) -> bytes:
    """One event of a streamed chat completion."""
    one = {"index": choice, "delta": delta, "finish_reason": finish}
    document = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [one]}
    return b"data: " + json.dumps(document, ensure_ascii=False).encode() + b"\n\n"


def stream(texts: Iterable[str], *, choice: int = 0) -> bytes:
    """A whole stream that says these texts in order."""
    body = chunk({"role": "assistant", "content": ""}, choice=choice)
    body += b"".join(chunk({"content": text}, choice=choice) for text in texts)
    return body + chunk({}, choice=choice, finish="stop") + b"data: [DONE]\n\n"


def answer(text: str) -> bytes:
    """A whole answer that says this."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}
    return json.dumps({"id": "c1", "object": "chat.completion", "choices": [choice], "usage": usage}).encode()


def documents(body: bytes) -> Iterator[dict[str, Any]]:
    """The JSON documents of a stream, in order, without comments and the last event."""
    for event in body.decode().split("\n\n"):
        name, _, data = event.partition(": ")
        if name == "data" and data != "[DONE]":
            yield json.loads(data)


def said(body: bytes, choice: int = 0) -> str:
    """The content that a client puts together from a stream."""
    texts = []
    for document in documents(body):
        choices = document.get("choices", ())
        texts += [one["delta"].get("content") or "" for one in choices if one["index"] == choice]
    return "".join(texts)


def last_error(body: bytes) -> dict[str, Any] | None:
    """The error event of a stream, if there is one."""
    return next((document["error"] for document in documents(body) if "error" in document), None)


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    """`data` cut at these places."""
    marks = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[a:b] for a, b in pairwise(marks) if a < b]


def cut_text(text: str, places: Iterable[int]) -> list[str]:
    """`text` cut at these places."""
    marks = sorted({place % (len(text) + 1) for place in places} | {0, len(text)})
    return [text[a:b] for a, b in pairwise(marks)]
