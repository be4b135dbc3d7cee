"""What is escalated is held whole, and what a person approved is given out as it was held."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pytest

from keeptrusts.core.errors import SpoolFullError
from keeptrusts.core.exchange import Caller, Exchange, Phase
from keeptrusts.core.verdict import Allow, Block, Edit, Escalate, Redact, Verdict
from keeptrusts.flow.escalations import MAX_HELD_BYTES, Content, Decided
from keeptrusts.policy.document import compile_document
from keeptrusts.policy.kind import Policy
from keeptrusts.policy.kinds.agent_firewall import AgentFirewall, TransactionLimits
from support.flows import HELLO, STREAM, TARGET, Provider, Review, Seen, answer, chunk, play, policy_of, said, stream
from support.policy_cases import document

ESCALATION = "esc_" + "1" * 32
ASKING = (("x-keeptrusts-escalation", ESCALATION),)


EVENTS = "text/event-stream"


@dataclass(frozen=True)
class Careful(Policy):
    """Escalates answers that say `money`."""

    kind: ClassVar[str] = "careful"
    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.OUTPUT})

    def judge(self, exchange: Exchange) -> Verdict:
        if any("money" in text.value for text in exchange.texts):
            return Escalate("careful.money", "somebody must look", "boss@example.com", 60)
        return Allow()


@dataclass(frozen=True)
class Wary(Policy):
    """Escalates requests that say `hello`."""

    kind: ClassVar[str] = "wary"
    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.INPUT})

    def judge(self, exchange: Exchange) -> Verdict:
        if any("hello" in text.value for text in exchange.texts):
            return Escalate("wary.hello", "somebody must look")
        return Allow()


@dataclass(frozen=True)
class Hiding(Policy):
    """Redacts the name in answers."""

    kind: ClassVar[str] = "hiding"
    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.OUTPUT})

    def judge(self, exchange: Exchange) -> Verdict:
        found = [
            Edit(text.place, at, at + 3, "name", "[name]")
            for text in exchange.texts
            if (at := text.value.find("Ada")) >= 0
        ]
        return Redact("hiding.name", tuple(found)) if found else Allow()


@dataclass(frozen=True)
class Stern(Wary):
    """Refuses requests that say `hello`."""

    kind: ClassVar[str] = "stern"

    def judge(self, exchange: Exchange) -> Verdict:
        return Block("stern.hello", "no") if isinstance(super().judge(exchange), Escalate) else Allow()


@dataclass(frozen=True)
class Anxious(Wary):
    """Escalates the same."""

    kind: ClassVar[str] = "anxious"


@dataclass(frozen=True)
class Timid(Careful):
    """Escalates the same."""

    kind: ClassVar[str] = "timid"


def test_an_answer_is_held_as_the_policies_left_it() -> None:
    """Redacted, in the form it would have gone out, before the record; the client gets the id."""
    seen = play(policy_of(Careful(), Hiding()), provider=Provider([answer("Ada has money")]))
    (held,) = seen.held
    assert json.loads(held.content.body)["choices"][0]["message"]["content"] == "[name] has money"
    assert (held.id, held.stage, held.policy, held.content.media_type) == (
        "esc_1", "output", "careful", "application/json",
    )  # fmt: skip
    assert (held.verdict.assignee, held.verdict.timeout_seconds) == ("boss@example.com", 60)
    assert "header `x-keeptrusts-escalation: esc_1`" in seen.error["message"]
    assert (seen.status, seen.error["code"], seen.error["escalation_id"]) == (409, "escalation_required", "esc_1")
    assert (seen.record.verdict, seen.record.reason_code, seen.record.escalation_id) == (
        "escalated", "careful.money", "esc_1",
    )  # fmt: skip
    kinds = [type(effect).__name__ for effect in seen.effects]
    assert kinds.index("Hold") < kinds.index("Record")


@dataclass(frozen=True)
class Unassigned(Careful):
    """Escalates the same to nobody in particular."""

    kind: ClassVar[str] = "unassigned"

    def judge(self, exchange: Exchange) -> Verdict:
        said = super().judge(exchange)
        return replace(said, assignee=None) if isinstance(said, Escalate) else said


@pytest.mark.parametrize(
    ("routing", "assignee"),
    [
        ({"email": "ada@example.com"}, "ada@example.com"),
        ({"user_id": "u1"}, "user:u1"),
        ({"team_id": "t1"}, "team:t1"),
        (None, None),
    ],
)
@pytest.mark.parametrize(
    ("body", "provider"),
    [(HELLO, Provider([answer("money")])), (STREAM, Provider([stream(["mon", "ey"])], 200, EVENTS))],
    ids=["whole", "streamed"],
)
def test_a_target_names_who_decides(
    routing: dict[str, str] | None, assignee: str | None, body: bytes, provider: Provider
) -> None:
    """Of its answers, where the kind that escalates names nobody."""
    target = {"id": "a", "provider": "mock", "escalation_routing": routing}
    told = compile_document(document({"rbac": {}}, providers={"targets": [target]})).targets[0].assignee
    target_settings = replace(TARGET, assignee=told)
    seen = play(policy_of(Unassigned(), targets=(target_settings,)), body, provider)
    assert [one.verdict.assignee for one in seen.held] == [assignee]
    named = play(policy_of(Careful(), targets=(target_settings,)), body, provider)
    assert [one.verdict.assignee for one in named.held] == ["boss@example.com"]


def test_a_stream_is_held_as_a_stream() -> None:
    """Every frame to its end, and nothing of it was sent."""
    seen = play(policy_of(Careful(), Hiding()), STREAM, Provider([stream(["Ada has ", "money"])], 200, EVENTS))
    (held,) = seen.held
    assert held.content.media_type == "text/event-stream"
    assert said(held.content.body) == "[name] has money"
    assert held.content.body.endswith(b"data: [DONE]\n\n")
    assert b"money" not in seen.body


def test_a_call_for_approval_holds_the_whole_stream() -> None:
    """Text before a tool call waits for it when the firewall may escalate the call."""
    firewall = AgentFirewall(transaction_limits=TransactionLimits(require_approval_above=100))
    call = {"index": 0, "id": "c", "type": "function", "function": {"name": "pay", "arguments": '{"amount": 500}'}}
    body = chunk({"content": "I pay. "}) + chunk({"tool_calls": [call]}) + chunk({}, finish="tool_calls")
    seen = play(policy_of(firewall), STREAM, Provider([body + b"data: [DONE]\n\n"], 200, EVENTS))
    (held,) = seen.held
    assert seen.status == 409
    assert b"I pay." in held.content.body
    assert b"500" in held.content.body


def test_a_request_is_held_as_it_came() -> None:
    """No provider is asked."""
    seen = play(policy_of(Wary()))
    (held,) = seen.held
    assert (held.stage, held.content.body, seen.sent_upstream) == ("input", HELLO, [])


def test_what_cannot_be_held_is_refused() -> None:
    """Too large for a person, or no room for it: no id of an escalation that nobody could decide."""
    large = play(policy_of(Careful()), provider=Provider([answer("money" + "x" * MAX_HELD_BYTES)]))
    assert (large.held, large.error["code"], large.record.escalation_id) == ([], "output_blocked", None)
    assert "escalation_id" not in large.error
    no_room = Review(full=SpoolFullError(code="not_held"))
    full = play(policy_of(Careful()), provider=Provider([answer("money")]), review=no_room)
    assert (full.status, full.error["code"], full.record.escalation_id) == (503, "not_held", None)


def approved(stage: Any = "output", policy: str = "careful", body: bytes = b"held") -> Decided:
    return Decided("approved", stage, policy, Content("application/json", body))


def test_an_approved_answer_is_given_out_as_it_was_held() -> None:
    """No provider and no policy is asked again; the record says on whose authority."""
    seen = play(policy_of(Careful(), Wary()), review=Review(approved(body=b'{"held": 1}')), headers=ASKING)
    assert (seen.status, seen.body, seen.sent_upstream) == (200, b'{"held": 1}', [])
    assert (seen.record.verdict, seen.record.reason_code, seen.record.escalation_id) == (
        "allowed", "escalation_approved", ESCALATION,
    )  # fmt: skip


def test_an_approved_request_goes_on() -> None:
    """Past the kind that escalated it; its answer is judged like any other."""
    yes = Review(approved("input", "wary", HELLO))
    seen = play(policy_of(Wary(), Careful()), provider=Provider([answer("fine")]), review=yes, headers=ASKING)
    assert (seen.status, seen.record.verdict, seen.record.reason_code) == (200, "allowed", "escalation_approved")
    again = play(policy_of(Wary(), Careful()), provider=Provider([answer("money")]), review=yes, headers=ASKING)
    assert (again.status, again.error["escalation_id"]) == (409, "esc_1")
    assert [held.stage for held in again.held] == ["output"]


@pytest.mark.parametrize("kinds", [(Stern(), Wary()), (Wary(), Stern())])
def test_an_approval_is_of_one_kind(kinds: tuple[Policy, ...]) -> None:
    """Another kind that blocks still blocks, and one that escalates still escalates."""
    blocked = play(policy_of(*kinds), review=Review(approved("input", "wary")), headers=ASKING)
    assert (blocked.status, blocked.record.verdict) == (409, "blocked")
    other = play(policy_of(Wary()), review=Review(approved("input", "topic-filter")), headers=ASKING)
    assert (other.error["code"], other.error["escalation_id"]) == ("escalation_required", "esc_1")


def test_all_that_want_a_person_are_approved_at_once() -> None:
    """Two kinds escalate: the person is told of both, and an approval of one of them is not one of the other."""
    policy = policy_of(Wary(), Anxious())
    (held,) = play(policy).held
    assert held.policy == "wary, anxious"
    one = play(policy, review=Review(approved("input", "wary")), headers=ASKING)
    assert (one.status, one.sent_upstream, one.held[0].policy) == (409, [], "wary, anxious")
    (said,) = play(policy_of(Careful(), Timid()), provider=Provider([answer("money")])).held
    assert (said.stage, said.policy) == ("output", "careful, timid")
    both = Review(approved("input", "wary, anxious"))
    assert play(policy, provider=Provider([answer("fine")]), review=both, headers=ASKING).status == 200


@pytest.mark.parametrize("state", ["denied", "expired", "spent", "mismatch", "unknown"])
def test_without_an_approval_nothing_goes_out(state: str) -> None:
    """Denied, too late, used up, of another request, of nobody: refused, and the code says which."""
    seen = play(policy_of(), provider=Provider([answer("hi")]), review=Review(Decided(state)), headers=ASKING)
    assert (seen.status, seen.error["code"], seen.sent_upstream) == (409, f"escalation_{state}", [])
    assert (seen.record.verdict, seen.record.reason_code) == ("blocked", f"escalation_{state}")


def test_who_asks_too_early_waits() -> None:
    """The same id again, and when to ask; it is not held a second time."""
    seen = play(policy_of(Wary()), review=Review(Decided("pending")), headers=ASKING)
    assert (seen.error["code"], seen.error["escalation_id"]) == ("escalation_required", ESCALATION)
    assert (seen.headers["retry-after"], seen.held) == ("15", [])


def test_nobody_to_ask_is_no_approval() -> None:
    """The control plane is away: 503, and nothing goes out. A made-up id is not even asked about."""
    away = play(policy_of(), provider=Provider([answer("hi")]), headers=ASKING)
    assert (away.status, away.record.verdict) == (503, "failed")
    odd = play(policy_of(), headers=(("x-keeptrusts-escalation", "../../v1/tokens"),))
    assert odd.error["code"] == "escalation_unknown"


def test_the_request_is_its_bytes_and_its_caller() -> None:
    """Another body, path, key or user is another request."""

    def held(**arrival: Any) -> str:
        seen: Seen = play(policy_of(Wary()), **arrival)
        return seen.held[0].request_digest

    digests = {
        held(),
        held(body=HELLO + b" "),
        held(caller=Caller(key_id="a")),
        held(caller=Caller(user_id="a")),
    }
    assert len(digests) == 4
    assert held() in digests
