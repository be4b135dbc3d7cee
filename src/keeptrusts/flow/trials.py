"""Cases of a policy held against it: whole and streamed, with the answer cut in several ways."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from keeptrusts.core.decision import PolicyResult
from keeptrusts.core.verdict import PASSED
from keeptrusts.flow.rehearsal import Outcome, cut, rehearse
from keeptrusts.policy.asking import Answer, Question
from keeptrusts.policy.cases import PLAIN, Case, Expected, Message, ServiceAnswer, message_of
from keeptrusts.policy.compiled import CompiledPolicy
from keeptrusts.wire.mock import mock_answer
from keeptrusts.wire.sse import SseDecoder


@dataclass(frozen=True, slots=True)
class Run:
    """
    One way to serve a case.

    Args:
        chunk_chars: Characters in each delta of a stream; 0: it is not streamed.
        piece_bytes: Bytes that come at a time; 0: all of them.
    """

    name: str
    chunk_chars: int = 0
    piece_bytes: int = 0


WHOLE: Final = Run("not streamed")
RUNS: Final = (
    WHOLE,
    Run("streamed, 1 character at a time", 1),
    Run("streamed, 7 characters at a time, 13 bytes at a time", 7, 13),
    Run("streamed in one piece", 1_000_000),
)


@dataclass(frozen=True, slots=True)
class Tried:
    """
    What came of a case.

    Args:
        verdict: `allow`, `redact`, `escalate`, `block`; `failed` when no policy objected and there is no answer.
        details: What is not as expected, in words; empty when it passed.
        results: What each kind said, in the run that is not streamed.
    """

    name: str
    verdict: str
    reason_code: str
    details: tuple[str, ...]
    results: tuple[PolicyResult, ...] = ()

    @property
    def passed(self) -> bool:
        return not self.details


@dataclass(frozen=True, slots=True)
class Seen:
    """What can be expected of a run."""

    verdict: str
    reason_code: str
    text: str
    sent: Mapping[str, Any]
    target: str | None
    results: tuple[PolicyResult, ...]


def try_case(policy: CompiledPolicy, case: Case, runs: Iterable[Run] = RUNS) -> Tried:
    """Hold one case against a policy, in each of the ways; the first of them is what is told."""
    faults: dict[str, list[str]] = {}
    seen: list[Seen] = []
    for run in runs:
        seen.append(play(policy, case, run))
        for fault in _faults(case.expected, seen[-1], streamed=run.chunk_chars > 0):
            faults.setdefault(fault, []).append(run.name)
    details = (fault if len(where) == len(seen) else f"{'; '.join(where)}: {fault}" for fault, where in faults.items())
    first = seen[0]
    return Tried(case.name, first.verdict, first.reason_code, tuple(details), first.results)


def play(policy: CompiledPolicy, case: Case, run: Run) -> Seen:
    """What is to be seen when a case is served in one way."""
    given = case.input
    request = {"model": "model", **given.request, "messages": list(given.messages)}
    said = message_of(given.upstream_response) if given.upstream_response is not None else None
    body = json.dumps(request | {"stream": run.chunk_chars > 0}).encode()

    def reply(received: bytes) -> tuple[str, list[bytes]]:
        return _reply(received, said, run)

    def ask(question: Question) -> Answer:
        return _answered(question, given.services)

    return _seen(rehearse(policy, body, reply, headers=given.headers, ask=ask))


def _reply(received: bytes, said: Message | None, run: Run) -> tuple[str, list[bytes]]:
    answer = mock_answer(
        received,
        reply=said.content if said else None,
        chunk_chars=max(1, run.chunk_chars),
        tool_calls=said.calls if said else (),
    )
    return answer.media_type, cut(answer.pieces, run.piece_bytes) if run.piece_bytes else list(answer.pieces)


def _answered(question: Question, services: Iterable[ServiceAnswer]) -> Answer:
    for service in services:
        begins = service.url.endswith("*") and question.url.startswith(service.url[:-1])
        if begins or question.url == service.url:
            body = service.body if isinstance(service.body, str) else json.dumps(service.body)
            return Answer(status=service.status, media_type="application/json", body=body.encode())
    return Answer(failure="unreachable")


def _seen(outcome: Outcome) -> Seen:
    decision = outcome.decision
    assert decision is not None
    return Seen(
        verdict=PLAIN.get(decision.verdict, decision.verdict),
        reason_code=decision.reason_code,
        text="".join(texts_of(outcome)),
        sent=json.loads(outcome.sent[-1]) if outcome.sent else {},
        target=decision.target_id,
        results=decision.policies,
    )


def texts_of(outcome: Outcome) -> Iterator[str]:
    """The content that a client reads, whole or put together from a stream."""
    if outcome.media_type == "text/event-stream":
        decoder = SseDecoder()
        frames = [*decoder.feed(outcome.body), *decoder.flush()]
        bodies = [frame.data for frame in frames if frame.data and frame.data != "[DONE]"]
    else:
        bodies = [outcome.body.decode()]
    for body in bodies:
        for choice in json.loads(body).get("choices", ()):
            yield (choice.get("delta") or choice.get("message") or {}).get("content") or ""


def _faults(expected: Expected, seen: Seen, *, streamed: bool) -> Iterator[str]:
    """
    What is not as expected.

    Of several kinds that object, a stream names the one whose match comes first (ADR-0003), so the reason is compared
    where the answer is whole.
    """
    wanted = PLAIN.get(expected.verdict, expected.verdict)
    if seen.verdict != wanted:
        yield f"the verdict is `{seen.verdict}` ({seen.reason_code}), not `{wanted}`"
        return
    if expected.reason_code not in {None, seen.reason_code} and not streamed:
        yield f"the reason is `{seen.reason_code}`, not `{expected.reason_code}`"
    if expected.text not in {None, seen.text}:
        yield f"the client reads {json.dumps(seen.text, ensure_ascii=False)}"
    for name, value in (expected.sent or {}).items():
        if seen.sent.get(name) != value:
            yield f"the provider receives `{name}`: {json.dumps(seen.sent.get(name), ensure_ascii=False)}"
    if expected.target not in {None, seen.target}:
        yield f"the target is `{seen.target}`, not `{expected.target}`"


def spoke(results: Iterable[PolicyResult]) -> frozenset[str]:
    """Kinds that did more than let pass."""
    silent = {PASSED, "skipped"}
    return frozenset(result.kind for result in results if result.reason_code not in silent)
