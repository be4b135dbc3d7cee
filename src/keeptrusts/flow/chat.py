"""
One request to a model, from its bytes to its record, in whatever format it comes.

Every way out leaves one record, and after it the end of the response (law 6).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

from keeptrusts.core.errors import ClientGoneError, UnreadableError, UpstreamError, UpstreamGarbledError
from keeptrusts.core.exchange import Exchange, Phase
from keeptrusts.core.verdict import Block
from keeptrusts.flow.answers import AnswerRules, StreamedAnswer, judge_whole
from keeptrusts.flow.arrival import Arrival, Snapshot, snapshot_for
from keeptrusts.flow.attempts import Attempts
from keeptrusts.flow.consulting import consulted
from keeptrusts.flow.decisions import Notes
from keeptrusts.flow.effects import CloseUpstream, Flow, Respond
from keeptrusts.flow.escalations import Content, Decided, as_decided, decided_before, give_out, hold
from keeptrusts.flow.models import list_models
from keeptrusts.flow.quota import barred, settle, take
from keeptrusts.flow.replies import JSON, Refusal, common_headers, objection, put_on_record, respond_whole
from keeptrusts.flow.routing import choose, tiers
from keeptrusts.flow.streaming import relay_stream
from keeptrusts.flow.upstream import Opened, body_for, failure, refusal_of
from keeptrusts.policy.compiled import TargetSettings
from keeptrusts.policy.engine import Clock, Judgement
from keeptrusts.wire.attachments import NOT_TEXT
from keeptrusts.wire.dialects import CHAT, DIALECTS, bridge_to
from keeptrusts.wire.readings import ModelRequest

CLIENT_GONE = 499


def serve(arrival: Arrival, snapshot: Snapshot, clock: Clock) -> Flow[None]:
    """Answer one governed request, and record it."""
    snapshot = snapshot_for(arrival, snapshot)
    notes = Notes(arrival, snapshot, clock, clock(), DIALECTS.get(arrival.path, CHAT))
    if arrival.path == "/v1/models":
        with suppress(ClientGoneError):
            yield from Respond(200, (*JSON, *common_headers(notes, whole=False)), list_models(snapshot))
        return
    try:
        refusal = yield from _serve(notes)
        if refusal is not None:
            yield from _refuse(notes, refusal)
    except ClientGoneError as gone:
        if not notes.settled:
            yield from CloseUpstream()
            notes.fail(gone.code)
            yield from settle(notes)
            yield from put_on_record(notes, CLIENT_GONE)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request that the policies let through to a provider."""

    request: ModelRequest
    exchange: Exchange
    targets: list[TargetSettings]
    said: Judgement


def _serve(notes: Notes) -> Flow[Refusal | None]:
    """Serve the request; why not, when it is refused before anything was sent."""
    try:
        asked = _closed(notes) or (yield from _permitted(notes))
        if asked is None:
            return None
        if isinstance(asked, Refusal):
            return (yield from hold(notes, asked, "input", Content(JSON[0][1], notes.arrival.body)))
        # After judgement, so that a blocked request burns no quota.
        limited = yield from take(notes, asked.request, asked.said.max_tokens, asked.targets)
        return limited or (yield from _forwarded(notes, asked))
    except UnreadableError as unreadable:
        code = "request_unreadable"
        notes.judge(Judgement(Block(code, str(unreadable)), phase=Phase.INPUT))
        return Refusal(422, "validation_error", unreadable.code, str(unreadable))


def _permitted(notes: Notes) -> Flow[_Asked | Refusal | None]:
    """What the policies say, or a person has decided; None when the answer that was held has been given out."""
    decided = yield from decided_before(notes)
    if isinstance(decided, Refusal):
        return decided
    if decided is not None and decided.stage == "output":
        yield from give_out(notes, decided)
        return None
    return (yield from _judged(notes, decided))


def _judged(notes: Notes, decided: Decided | None) -> Flow[_Asked | Refusal]:
    request = notes.dialect.read_request(notes.arrival.body)
    exchange = _exchange(notes, request)
    if request.documents and not any(
        one.reads_documents() for one in notes.snapshot.policy.chain.of_phase(Phase.INPUT)
    ):
        raise UnreadableError(NOT_TEXT)
    targets = barred(notes) or _admitted(notes)
    if isinstance(targets, Refusal):
        return targets
    said = yield from consulted(notes.snapshot.policy.chain.request_steps(exchange, notes.clock))
    said = as_decided(notes, said, decided)
    notes.judge(said)
    notes.keep_request(request.texts, said)
    refusal = objection(notes, said, "input") or _unstreamable(notes, request)
    return refusal or _Asked(request, exchange, targets, said)


def _forwarded(notes: Notes, asked: _Asked) -> Flow[Refusal | None]:
    request, said = asked.request, asked.said
    targets = yield from choose(notes, asked.targets)
    attempts = Attempts(
        notes, targets, lambda target: body_for(notes.dialect, target, request, said), streamed=request.stream
    )
    while True:
        opened = yield from attempts.open()
        if not isinstance(opened, Opened) or opened.head.status >= 400:
            return (yield from _given_up(notes, refusal_of(opened) if isinstance(opened, Opened) else opened))
        try:
            return (yield from _answered(notes, opened, asked.exchange, said))
        except (UpstreamError, UnreadableError) as failed:
            lost = failed if isinstance(failed, UpstreamError) else UpstreamGarbledError(str(failed))
        if not (yield from attempts.lost(lost)):
            return (yield from _given_up(notes, failure(lost)))


def _given_up(notes: Notes, refusal: Refusal) -> Flow[Refusal]:
    yield from CloseUpstream()
    notes.fail(refusal.code)
    return refusal


def _answered(notes: Notes, opened: Opened, exchange: Exchange, said: Judgement) -> Flow[Refusal | None]:
    """
    Pass the answer on.

    Raises:
        UpstreamError: It broke off, and nothing of it was sent.
        UnreadableError: It is not what it claims to be, and nothing of it was sent.
    """
    price = opened.target.pricing
    if price is not None:
        exchange = replace(exchange, output_usd_per_million_tokens=price.output)
    if exchange.streamed and opened.is_stream:
        answer = StreamedAnswer(notes.snapshot.policy, exchange, said, notes.clock)
        return (yield from relay_stream(notes, opened, answer, said))
    return (yield from _whole(notes, opened, exchange, said))


def _whole(notes: Notes, opened: Opened, exchange: Exchange, said: Judgement) -> Flow[Refusal | None]:
    raw = opened.body
    bridge = bridge_to(notes.dialect, opened.target.format, opened.target.target.provider)
    if bridge is not None:
        raw = bridge.answer(raw, notes.named)
    judged = yield from judge_whole(notes.snapshot.policy, notes.dialect.read_answer(raw), exchange, said, notes.clock)
    notes.usage = judged.usage
    notes.said_chars = sum(len(text.value) for text in judged.texts)
    notes.judge(judged.judgement)
    refusal = objection(notes, judged.judgement, "output")
    if refusal is not None:
        return (yield from hold(notes, refusal, "output", Content(JSON[0][1], judged.body)))
    notes.keep_answer(judged.texts, judged.judgement)
    yield from _close(notes, 200, judged.body)
    return None


def _refuse(notes: Notes, refusal: Refusal) -> Flow[None]:
    yield from _close(notes, refusal.status, refusal.body(notes), refusal)


def _close(notes: Notes, status: int, body: bytes, refusal: Refusal | None = None) -> Flow[None]:
    """Record, then answer. What cannot be recorded is not answered."""
    yield from settle(notes)
    unrecorded = yield from put_on_record(notes, status)
    if unrecorded is not None:
        refusal, status, body = unrecorded, unrecorded.status, unrecorded.body(notes)
    yield from respond_whole(notes, status, body, refusal)


def _closed(notes: Notes) -> Refusal | None:
    policy = notes.snapshot.policy
    if not policy.enabled:
        notes.fail("configuration_disabled")
        return Refusal(503, "configuration_disabled", "configuration_disabled", "this configuration is switched off")
    if notes.arrival.oversized or len(notes.arrival.body) > policy.size_limits.max_body_bytes:
        notes.fail("body_too_large")
        message = f"the body exceeds {policy.size_limits.max_body_bytes} bytes"
        return Refusal(413, "validation_error", "body_too_large", message)
    return None


def _admitted(notes: Notes) -> list[TargetSettings] | Refusal:
    policy = notes.snapshot.policy
    asked_for = [settings for tier in tiers(policy, notes.model or "") for settings in tier]
    admitted, results = policy.chain.admitted(settings.target for settings in asked_for)
    notes.results += results
    names = {target.id for target in admitted}
    targets = [settings for settings in asked_for if settings.target.id in names]
    if targets:
        return targets
    refused = next((result for result in results if result.verdict == "blocked"), None)
    code = refused.reason_code if refused else "no_provider"
    notes.judge(Judgement(Block(code, "no target may serve this request"), phase=Phase.ROUTE))
    message = "no provider of the configuration may serve this request" if policy.targets else "there is no provider"
    kind = refused.kind if refused else None
    return Refusal(503, "no_compliant_provider", "no_compliant_provider", message, kind)


def _exchange(notes: Notes, request: ModelRequest) -> Exchange:
    notes.model, notes.streamed, notes.user = request.model, request.stream, request.user
    notes.counts_apart, notes.packed, notes.json_mode = request.counts_apart, request.packed, request.json_mode
    return Exchange(
        Phase.INPUT,
        texts=request.texts,
        tool_calls=request.tool_calls,
        tools=request.tools,
        model=request.model,
        api_format=notes.dialect.name,
        streamed=request.stream,
        max_tokens=request.max_tokens,
        message_count=request.message_count,
        documents=request.documents,
        caller=notes.arrival.caller,
        configuration=notes.snapshot.configuration_id or notes.snapshot.policy.name,
    )


def _unstreamable(notes: Notes, request: ModelRequest) -> Refusal | None:
    policy = notes.snapshot.policy
    if not request.stream or policy.streaming.on_unbounded == "buffer" or not AnswerRules.of(policy).whole:
        return None
    notes.fail("stream_not_enforceable")
    message = "the policies need the whole answer, so it cannot be streamed; ask with `stream: false`"
    return Refusal(422, "validation_error", "stream_not_enforceable", message)
