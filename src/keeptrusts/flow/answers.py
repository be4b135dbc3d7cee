"""
Answers under judgement: streamed ones as they come, and whole ones.

The same kinds say the same of both; `tests/property` holds them to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import Final

from keeptrusts.core.decision import PolicyResult
from keeptrusts.core.errors import UnreadableError
from keeptrusts.core.exchange import Exchange, Part, Phase, Place, Role, Text
from keeptrusts.core.verdict import Allow, Edit, Match, Redact, Verdict, severity
from keeptrusts.flow.consulting import consulted
from keeptrusts.flow.effects import Flow
from keeptrusts.flow.relay import Relay
from keeptrusts.flow.restoring import restored, restoring_stage
from keeptrusts.flow.upstream import answer_limit
from keeptrusts.flow.window import Pipeline, Stage
from keeptrusts.policy.compiled import CompiledPolicy
from keeptrusts.policy.endings import takes_ending
from keeptrusts.policy.engine import ANSWER_PHASES, Chain, Clock, Judgement, result_of
from keeptrusts.policy.kind import Policy, code_prefix
from keeptrusts.wire.chat_stream import calls_in
from keeptrusts.wire.readings import Channel, Chunk, ModelAnswer, Usage
from keeptrusts.wire.strict_json import INNER, KEY, splice
from keeptrusts.wire.texts import TextCollector


@dataclass(frozen=True, slots=True)
class AnswerRules:
    """
    What a configuration asks of answers.

    Args:
        live: Kinds that are enforced on the fly, with their hold-back.
        whole: Everything waits for the end of the answer.
        bare: No kind looks at answers; they pass as they come.
    """

    live: tuple[tuple[Policy, int], ...]
    whole: bool
    bare: bool

    @staticmethod
    def of(policy: CompiledPolicy) -> AnswerRules:
        """Those of a compiled document."""
        return _rules_of(policy.chain, policy.streaming.max_holdback_chars)


@lru_cache(maxsize=32)
def _rules_of(chain: Chain, max_holdback_chars: int) -> AnswerRules:
    """A chain does not change, and each is another one: every request asks, twice."""
    outputs = [(one, one.holdback()) for one in chain.of_phase(Phase.OUTPUT)]
    live = tuple((one, width) for one, width in outputs if width)
    unbounded = any(width is None for _, width in outputs)
    wide = sum(width for _, width in live) > max_holdback_chars
    tools = chain.of_phase(Phase.TOOL)
    looks = unbounded or bool(live) or bool(tools)
    held = any(one.withholds() for one in tools)
    return AnswerRules(live, unbounded or wide or held, bare=not looks)


@dataclass(slots=True)
class _Account:
    """What a kind said over the windows of all texts of an answer."""

    policy: Policy
    stages: dict[Channel, Stage] = field(default_factory=dict)
    spent_ns: int = 0
    degraded: bool = False

    def passed(self) -> Allow | Redact:
        """Its verdict on the whole as far as it let it through, from what was settled."""
        matches: list[Match] = []
        for index, channel in enumerate(sorted(self.stages, key=_order)):
            matches += [replace(match, place=(index,)) for match in self.stages[channel].matches]
        edits = tuple(match for match in matches if isinstance(match, Edit))
        if not edits:
            return Allow(tuple(matches))
        # the reason of a whole text names what stands first in it, and so does this one
        return Redact(f"{code_prefix(self.policy.kind)}.{edits[0].category}", edits)


class StreamedAnswer:
    """
    One streamed answer under its rules.

    Args:
        exchange: The request's; its texts are not looked at.
    """

    def __init__(self, policy: CompiledPolicy, exchange: Exchange, request: Judgement, clock: Clock) -> None:
        self._chain = policy.chain
        self._clock = clock
        asked = _as_left(exchange.texts, request)
        self._exchange = replace(exchange, phase=Phase.OUTPUT, answered=True, documents=(), asked=asked)
        self._restorable = request.restorable
        self.rules = AnswerRules.of(policy)
        self._accounts = [_Account(one) for one, _ in self.rules.live]
        self.relay = Relay(self._pipeline_of, governed=not self.rules.bare, whole=self.rules.whole)
        self._late: Judgement | None = None
        self._limit = answer_limit(policy)
        self._watchers = [
            PolicyResult(one.kind, phase, "skipped", "skipped", "shadow")
            for phase in ANSWER_PHASES
            for one in policy.chain.of_phase(phase, shadows=True)
            if one.kind in policy.chain.shadows
        ]
        self._shadows = () if self.rules.whole else tuple(self._watchers)
        self._settled: dict[Channel, str] | None = None

    @property
    def is_cut(self) -> bool:
        """A policy ended the answer."""
        return self.relay.cut is not None or (self._late is not None and severity(self._late.verdict) >= 2)

    def join(self, chunk: Chunk) -> bool:
        """Take a frame in, to be looked at with others when `settle` asks; no: it is one for `take`."""
        return self.relay.join(chunk)

    def settle(self) -> bytes:
        """What the client may have now of the frames that were joined."""
        return self.relay.settle()

    def take(self, chunk: Chunk) -> bytes:
        """Take a frame in; what the client may have now."""
        return self.relay.take(chunk)

    def finish(self) -> Flow[bytes]:
        """The model is done; the rest, unless a policy objects at the end."""
        out = yield from self._finished()
        blocked = self._late is not None and severity(self._late.verdict) > _ESCALATED
        if self._watchers and not self.rules.whole and not blocked and self.relay.cut is None:
            self._shadows = yield from self._watched()
        return out

    def _watched(self) -> Flow[tuple[PolicyResult, ...]]:
        """What kinds in shadow say: of the whole as the model said it, so that they change nothing on its way."""
        said = self.relay.all_texts()
        if sum(map(len, said.values())) > self._limit:
            return self._shadows
        collector, _ = _assembled(said, self.relay.call_ids)
        for name in self.relay.names:
            collector.add(name, (KEY, name), Part.OTHER)
        exchange = replace(self._exchange, texts=tuple(collector.texts), tool_calls=tuple(collector.calls))
        judged = yield from consulted(self._chain.watching().answer_steps(exchange, self._clock))
        return tuple(one for one in judged.results if one.mode == "shadow")

    def _finished(self) -> Flow[bytes]:
        out = self.relay.finish()
        if self.relay.cut is not None:
            return out
        said = self.relay.whole_texts()
        if not said and not self._chain.of_phase(Phase.TOOL) and not self.rules.whole:
            return out + self.relay.settle_whole({})
        collector, origins = _assembled(said, self.relay.call_ids)
        for name in self.relay.names if self.rules.whole else ():
            collector.add(name, (KEY, name), Part.OTHER)
        exchange = replace(self._exchange, texts=tuple(collector.texts), tool_calls=tuple(collector.calls))
        self._late = yield from consulted(self._chain.answer_steps(exchange, self._clock, shadows=self.rules.whole))
        if severity(self._late.verdict) > _ESCALATED:
            return out
        if any(place[0] == KEY for place in self._late.changed):
            raise UnreadableError("the name of a field may not be said")
        changed = _given_back(collector.texts, self._late.changed, self._restorable)
        self._settled = _changed(said, origins, changed)
        return out if self.is_cut else out + self.relay.settle_whole(self._settled)

    def withheld(self) -> bytes | None:
        """What an approval lets go of an answer that was escalated at its end; None when it was cut on its way."""
        return None if self._settled is None else self.relay.settle_whole(self._settled)

    def close(self) -> None:
        """Let go of what refers back to it, so that its texts do not wait for the collector. Nothing more is asked."""
        self.relay.close()
        for account in self._accounts:
            account.stages.clear()

    def judgement(self) -> Judgement:
        """What all kinds together said of it."""
        said = self._judgement()
        return replace(said, results=(*said.results, *self._shadows)) if self._shadows else said

    def _judgement(self) -> Judgement:
        live = self._live_judgement()
        late = self._late
        if late is None:
            return live
        if not self.rules.whole:
            # the live kinds have their line already; of their second look only an objection is news
            known = {account.policy.kind for account in self._accounts}
            kept = [
                one
                for one in late.results
                if one.phase == Phase.TOOL or one.kind not in known or one.verdict != "allowed"
            ]
            late = replace(late, results=tuple(kept))
        ahead = severity(late.verdict) - severity(live.verdict)
        # of equals the first in the order of a whole answer, where the phase `tool` comes before `output`
        first, second = (late, live) if ahead > 0 or (ahead == 0 and late.phase is Phase.TOOL) else (live, late)
        results = (*late.results, *live.results)
        return replace(first, results=results, degraded=first.degraded or second.degraded)

    def _live_judgement(self) -> Judgement:
        if self.rules.whole:
            return Judgement()
        results: list[PolicyResult] = []
        said = Judgement()
        cut = self.relay.cut
        for index, account in enumerate(self._accounts):
            # another kind may have cut further back, in text that was not to be said any more
            verdict = cut[1].verdict if cut is not None and cut[0] == index else account.passed()
            results.append(result_of(account.policy.kind, Phase.OUTPUT, verdict, account.spent_ns // 1000))
            if severity(verdict) > severity(said.verdict):
                said = Judgement(verdict, account.policy.kind, Phase.OUTPUT)
        degraded = any(account.degraded for account in self._accounts)
        return replace(said, results=tuple(results), degraded=degraded)

    def _pipeline_of(self, channel: Channel) -> Pipeline | None:
        if self.rules.bare:
            last = restoring_stage(self._restorable)
            return Pipeline([last] if last else [])
        if self.rules.whole or channel[1] is Part.TOOL_CALL:
            return None
        stages = []
        for account, (_, holdback) in zip(self._accounts, self.rules.live, strict=True):
            ending = _End(self, account) if takes_ending(account.policy, channel[1]) else None
            stage = account.stages[channel] = Stage(
                _Ask(self, account, channel), holdback, ending, partial(self.is_silent, account)
            )
            stages.append(stage)
        last = restoring_stage(self._restorable)
        return Pipeline([*stages, last] if last else stages)

    def is_silent(self, account: _Account, text: str) -> bool:
        """Whether a kind surely finds nothing in a window."""
        started = self._clock()
        silent = self._chain.is_silent(account.policy, text)
        account.spent_ns += self._clock() - started
        return silent

    def ask(self, account: _Account, channel: Channel, text: str) -> Verdict:
        """What a kind says of a window of a channel."""
        choice, part, place = channel
        started = self._clock()
        exchange = self._exchange.seen_in(Phase.OUTPUT, (Text(place, text, Role.ASSISTANT, part, choice),))
        verdict, degraded = self._chain.judge_once(account.policy, exchange)
        account.spent_ns += self._clock() - started
        account.degraded = account.degraded or degraded
        return verdict

    def ending(self, account: _Account, text: str) -> Verdict:
        """What a kind adds behind a text that is complete."""
        verdict = self._chain.ending_of(account.policy, text)
        account.degraded = account.degraded or (isinstance(verdict, Allow) and verdict.degraded)
        return verdict


_ESCALATED: Final = 2
_PARTS: Final = tuple(Part)


def _order(channel: Channel) -> tuple[int, bool, int, int]:
    """As in a whole answer, whatever began first."""
    choice, part, place = channel
    block = place[0] if place and isinstance(place[0], int) else 0
    return choice, part is Part.OTHER, block, _PARTS.index(part)


@dataclass(frozen=True, slots=True)
class _Ask:
    answer: StreamedAnswer
    account: _Account
    channel: Channel

    def __call__(self, text: str) -> Verdict:
        return self.answer.ask(self.account, self.channel, text)


@dataclass(frozen=True, slots=True)
class _End:
    answer: StreamedAnswer
    account: _Account

    def __call__(self, text: str) -> Verdict:
        return self.answer.ending(self.account, text)


@dataclass(frozen=True, slots=True)
class JudgedAnswer:
    """A whole answer after judgement: the bytes that may go out."""

    judgement: Judgement
    body: bytes
    usage: Usage
    texts: tuple[Text, ...]


def judge_whole(
    policy: CompiledPolicy, answer: ModelAnswer, exchange: Exchange, request: Judgement, clock: Clock
) -> Flow[JudgedAnswer]:
    """Judge an answer that came in one piece; unchanged, it keeps its bytes (law 5)."""
    asked = replace(
        exchange,
        answered=True,
        documents=(),
        texts=answer.texts,
        tool_calls=answer.tool_calls,
        asked=_as_left(exchange.texts, request),
        phase=Phase.OUTPUT,
    )
    judgement = yield from consulted(policy.chain.answer_steps(asked, clock))
    changes: dict[Place, object] = {**_given_back(answer.texts, judgement.changed, request.restorable)}
    texts = _as_left(answer.texts, judgement)
    if not AnswerRules.of(policy).bare:
        changes |= dict.fromkeys(answer.logprobs)
    return JudgedAnswer(judgement, splice(answer.raw, changes), answer.usage, texts)


def _as_left(texts: tuple[Text, ...], said: Judgement) -> tuple[Text, ...]:
    """The texts as the policies left them: of a request, no service that is asked about its answer sees more."""
    if not said.changed:
        return texts
    return tuple(replace(text, value=said.changed.get(text.place, text.value)) for text in texts)


def _given_back(texts: Iterable[Text], changed: Mapping[Place, str], restorable: Mapping[str, str]) -> dict[Place, str]:
    """The changes, with placeholders turned back: text by text, so that what lies in JSON is written as JSON."""
    back = dict(changed)
    for text in texts if restorable else ():
        said = changed.get(text.place, text.value)
        given = restored(said, restorable)
        if given != said:
            back[text.place] = given
    return back


def _assembled(
    said: Mapping[Channel, str], call_ids: Mapping[tuple[int, int], str]
) -> tuple[TextCollector, dict[Place, Channel]]:
    """Texts and calls of channels that are complete, and which channel each place is of."""
    collector = TextCollector(Role.ASSISTANT)
    origins: dict[Place, Channel] = {}
    for channel, text in said.items():
        choice, part, place = channel
        if part is not Part.TOOL_CALL:
            here: Place = (choice, part.value, *place)
            origins[here] = channel
            collector.choice = choice
            collector.add(text, here, part)
    for choice, index, name, arguments in calls_in(said):
        collector.choice = choice
        here = (choice, Part.TOOL_CALL.value, index)
        origins[(*here, "name")] = (choice, Part.TOOL_CALL, (index, "name"))
        origins[(*here, "arguments")] = (choice, Part.TOOL_CALL, (index, "arguments"))
        function = {"name": name, "arguments": arguments}
        collector.call(function, here, call_ids.get((choice, index), ""))
    return collector, origins


def _changed(
    said: Mapping[Channel, str], origins: Mapping[Place, Channel], changed: Mapping[Place, str]
) -> dict[Channel, str]:
    inner: dict[Channel, dict[Place, object]] = {}
    whole: dict[Channel, str] = {}
    for place, text in changed.items():
        if place in origins:
            whole[origins[place]] = text
        else:
            at = place.index(INNER)
            inner.setdefault(origins[place[:at]], {})[place[at + 1 :]] = text
    for channel, changes in inner.items():
        whole[channel] = splice(said[channel].encode(), changes).decode()
    return whole
