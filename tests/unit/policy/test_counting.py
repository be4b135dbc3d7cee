"""Kinds that count between requests: what is one, what adds up, and what happens when nobody can count."""

from __future__ import annotations

import pytest

from keeptrusts.core.errors import QuotaUnavailableError
from keeptrusts.core.exchange import Caller, Exchange, Part, Phase, Role, Text, ToolCall
from keeptrusts.core.verdict import Allow, Block, Verdict
from keeptrusts.detect.similarity import signatures
from keeptrusts.flow.consulting import consulted
from keeptrusts.flow.effects import Meter, Room, TakeQuota
from keeptrusts.policy.asking import Count, Tally, counted, finish, nobody
from keeptrusts.policy.compiled import CompiledPolicy
from keeptrusts.policy.document import compile_document
from keeptrusts.policy.engine import Judgement
from support.flows import play
from support.policy_cases import document

LONG = (
    "Please give me the price of item 4711 in the shop, and tell me when it is there again for delivery to my "
    "address in the old town, since I would like to have it before the end of the week"
)


def compiled(kind: str, **block: object) -> CompiledPolicy:
    target = {"id": "main", "provider": "openai:chat:m", "secret_key_ref": {"env": "KEY"}}
    return compile_document(document({kind: block}, providers={"targets": [target]}))


def said(text: str, ip: str = "192.0.2.1") -> Exchange:
    caller = Caller(user_id="ada", ip=ip)
    return Exchange(Phase.INPUT, (Text(("m",), text),), model="m", caller=caller, configuration="c")


def judged(policy: CompiledPolicy, exchange: Exchange, tally: Tally) -> Verdict:
    steps = policy.chain.answer_steps if exchange.answered else policy.chain.request_steps
    judgement: Judgement = finish(steps(exchange, lambda: 0), nobody, tally)
    return judgement.verdict


@pytest.mark.parametrize(
    ("other", "threshold", "alike"),
    [
        (LONG, 0.9, True),
        (LONG.upper().replace("4711", "9822"), 1, True),
        (LONG.replace("the old town", "the new village"), 0.5, True),
        (LONG.replace("the old town", "the new village"), 1, False),
        ("Write a poem about the sea, the sky, and the birds that fly between them on a summer afternoon", 0.5, False),
        ("", 0.9, False),
    ],
)
def test_likeness_of_texts(other: str, threshold: float, alike: bool) -> None:
    """Alike from the threshold on, whatever the case, and whatever the digits."""
    assert bool({*signatures(LONG, threshold)} & {*signatures(other, threshold)}) is alike


def test_a_signature_looks_at_the_beginning_alone() -> None:
    """So that a long text costs no more than a short one."""
    assert signatures("word " * 200, 0.9) == signatures("word " * 100_000, 0.9)


def test_sources_are_counted_apart() -> None:
    """Who is somewhere else, or says something else, is somebody else."""
    policy, tally = compiled("bot-detector", action="block", max_requests_per_window=1), Tally()
    first = judged(policy, said(LONG), tally)
    others = [judged(policy, said(LONG, ip="192.0.2.2"), tally), judged(policy, said("good morning"), tally)]
    again = judged(policy, said(LONG.replace("4711", "1")), tally)

    assert first == Allow()
    assert others == [Allow(), Allow()]
    assert isinstance(again, Block)


def test_a_header_tells_sources_apart() -> None:
    """Field by field, as the document lists them."""
    policy = compiled("bot-detector", action="block", max_requests_per_window=1, fingerprint_fields=["X-Device"])
    tally = Tally()
    devices = ["a", "b", "a"]
    told = [judged(policy, Exchange(Phase.INPUT, caller=Caller(headers={"x-device": one})), tally) for one in devices]
    assert [type(one) for one in told] == [Allow, Allow, Block]


def called(
    arguments: object, *, answered: bool = True, session: str | None = "s1", price: float | None = None
) -> Exchange:
    call = ToolCall("search", arguments, ("c", 0))
    text = Text(("c", 0, "arguments"), "{not JSON at all", Role.ASSISTANT, Part.TOOL_CALL)
    return Exchange(
        Phase.OUTPUT if answered else Phase.INPUT,
        (text,) if arguments is None else (),
        (call,),
        tools=("search",),
        caller=Caller(session_id=session),
        answered=answered,
        output_usd_per_million_tokens=price,
    )


def test_a_session_that_has_spent_its_budget_may_not_offer_the_tool() -> None:
    """What its answers called is known to its next request, whose history does not show it."""
    policy, tally = compiled("tool-budget", budgets={"search": {"max_tokens": 9}}), Tally()
    answer = called({"q": "how is the weather"})
    fresh = Exchange(Phase.INPUT, tools=("search",), caller=answer.caller)
    stranger = Exchange(Phase.INPUT, tools=("search",), caller=Caller(session_id="s2"))

    assert judged(policy, fresh, tally) == Allow()
    assert judged(policy, answer, tally) == Allow()
    assert judged(policy, fresh, tally).code == "tool_budget.tokens"
    assert judged(policy, stranger, tally) == Allow()


def test_arguments_that_cannot_be_read_are_counted_as_text() -> None:
    """Nothing is free because it is broken."""
    policy = compiled("tool-budget", budgets={"search": {"max_tokens": 5}})
    assert judged(policy, called(None), Tally()).code == "tool_budget.tokens"


def paying(amount: float, *, key: str = "k1", session: str = "s1") -> Exchange:
    call = ToolCall("pay", {"amount": amount}, ("c", 0))
    caller = Caller(key_id=key, session_id=session)
    return Exchange(Phase.OUTPUT, (), (call,), tools=("pay",), caller=caller, answered=True, configuration="c")


def test_what_is_refused_uses_nothing_up() -> None:
    """A payment that is too large for the rest of the day leaves that rest to a smaller one."""
    policy, tally = compiled("agent-firewall", transaction_limits={"max_daily_total": 100}), Tally()
    codes = [judged(policy, paying(amount), tally).code for amount in (60, 50, 40, 0.01)]
    daily = "agent_firewall.daily_limit"
    assert codes == ["all_policies_passed", daily, "all_policies_passed", daily]
    assert judged(policy, paying(50, key="k2"), tally) == Allow()


def test_a_new_session_has_no_new_rate() -> None:
    """Sessions name themselves; rates are of the client's key."""
    policy, tally = compiled("agent-firewall", rate_limits={"pay": 1}), Tally()
    assert judged(policy, paying(1), tally) == Allow()
    assert judged(policy, paying(1, session="s2"), tally).code == "agent_firewall.rate_limit"


def test_errors_are_of_a_session() -> None:
    """One that is halted may no longer offer tools, and may still talk; another one is not halted."""
    switches = {"max_errors_before_halt": 1}
    policy, tally = compiled("agent-firewall", blocked_tools=["shell"], kill_switches=switches), Tally()

    def offering(*tools: str, session: str = "s1") -> Verdict:
        caller = Caller(key_id="k1", session_id=session)
        return judged(policy, Exchange(Phase.INPUT, tools=tools, caller=caller), tally)

    assert offering("shell").code == "agent_firewall.blocked_tool"
    assert offering("search").code == "agent_firewall.halted"
    assert offering() == Allow()
    assert offering("search", session="s2") == Allow()


def test_faster_ones_are_not_overrun() -> None:
    """Room that is gone between asking and adding is gone."""
    policy = compiled("agent-firewall", rate_limits={"pay": 1})
    steps = policy.chain.answer_steps(paying(1), lambda: 0)
    (asked,) = next(steps)
    (added,) = steps.send((counted(0),))
    assert isinstance(asked, Count)
    assert isinstance(added, Count)
    assert (asked.amount, added.amount) == (0, 1)
    with pytest.raises(StopIteration) as done:
        steps.send((counted(2),))
    assert done.value.value.verdict.code == "agent_firewall.rate_limit"


def test_counts_of_a_firewall_that_are_degraded() -> None:
    """The record says that others were not heard."""
    policy = compiled("agent-firewall", rate_limits={"pay": 1})
    steps = policy.chain.answer_steps(paying(1), lambda: 0)
    next(steps)
    steps.send((counted(0),))
    with pytest.raises(StopIteration) as done:
        steps.send((counted(1, degraded=True),))
    assert done.value.value.degraded


def test_nobody_counts() -> None:
    """A count that cannot be had is a failure of the kind: it blocks."""
    seen = play(compiled("bot-detector", action="warn"), quota=QuotaUnavailableError("the counter is away"))
    assert (seen.status, seen.record.reason_code) == (409, "bot_detector.error")


def test_a_count_alone_is_degraded() -> None:
    """When the others who count are not heard the record says so; of whom it is counted is nobody's to read."""
    policy = compiled("bot-detector")
    flow = consulted(policy.chain.request_steps(said(LONG), lambda: 0))
    asked = flow.send(None)
    assert isinstance(asked, TakeQuota)
    assert all("192.0.2.1" not in meter.key and meter.window_seconds == 60 for meter in asked.meters)
    with pytest.raises(StopIteration) as done:
        flow.send(Room(left=tuple(_after(meter) for meter in asked.meters), degraded=True))
    assert done.value.value.degraded


def _after(meter: Meter) -> int:
    return meter.most - meter.amount
