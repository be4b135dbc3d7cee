"""Tool calls, whole and streamed: held until they are complete, redacted inside their arguments, or refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from keeptrusts.core.exchange import Caller
from keeptrusts.policy.compiled import CompiledPolicy
from keeptrusts.policy.document import compile_document
from support.flows import Provider, Seen, answer, chunk, documents, last_error, play, said
from support.policy_cases import document

TARGET = {"id": "main", "provider": "openai:chat:m", "secret_key_ref": {"env": "KEY"}}
ARGUMENTS = '{"to": "ada@example.com", "n": 1e2, "body": "caf\\u00e9"}'


def of_document(blocks: dict[str, Any]) -> CompiledPolicy:
    return compile_document(document(blocks, providers={"targets": [TARGET]}))


def request(*, stream: bool, **fields: Any) -> bytes:
    messages = [{"role": "user", "content": "hello"}]
    return json.dumps({"model": "m", "stream": stream, "messages": messages, **fields}).encode()


def call(name: str | None, arguments: str, index: int = 0) -> dict[str, Any]:
    """What one delta says of a call; the first has its id and name."""
    function = {"arguments": arguments} | ({"name": name} if name else {})
    begins = {"id": f"call_{index}", "type": "function"} if name else {}
    return {"tool_calls": [{"index": index, **begins, "function": function}]}


def streamed(policy: CompiledPolicy, *deltas: dict[str, Any], caller: Caller | None = None) -> Seen:
    body = b"".join(map(chunk, deltas)) + chunk({}, finish="tool_calls") + b"data: [DONE]\n\n"
    provider = Provider([body], media_type="text/event-stream")
    return play(policy, request(stream=True), provider, caller=caller or Caller())


def whole(policy: CompiledPolicy, name: str, arguments: str, caller: Caller | None = None) -> Seen:
    body = json.loads(answer("on it"))
    function = {"name": name, "arguments": arguments}
    body["choices"][0]["message"]["tool_calls"] = [{"id": "call_0", "type": "function", "function": function}]
    return play(policy, request(stream=False), Provider([json.dumps(body).encode()]), caller=caller or Caller())


def arguments_of(body: bytes) -> str:
    calls = [
        one
        for found in documents(body)
        for choice in found.get("choices", ())
        for one in choice["delta"].get("tool_calls", ())
    ]
    return "".join(one["function"].get("arguments", "") for one in calls)


def test_a_value_inside_arguments_is_redacted() -> None:
    """The rest of the arguments keeps its spelling, and they stay JSON."""
    policy = of_document({"pii-detector": {}})
    expected = '{"to":"[EMAIL]","n":1e2,"body":"caf\\u00e9"}'
    pieces = [call("send", ""), call(None, ARGUMENTS[:14]), call(None, ARGUMENTS[14:])]
    seen = streamed(policy, {"content": "on it"}, *pieces)

    message = json.loads(whole(policy, "send", ARGUMENTS).body)["choices"][0]["message"]
    assert message["tool_calls"][0]["function"] == {"name": "send", "arguments": expected}
    assert (said(seen.body), arguments_of(seen.body)) == ("on it", expected)
    assert (seen.record.verdict, seen.record.phase) == ("redacted", "tool")


def test_clean_calls_keep_their_bytes() -> None:
    """However oddly they are spelt."""
    policy = of_document({"pii-detector": {}})
    body = chunk(call("send", '{ "a" :')) + chunk(call(None, ' "\\u0061" }')) + chunk({}, finish="tool_calls")
    seen = play(policy, request(stream=True), Provider([body], media_type="text/event-stream"))

    assert seen.body == body


def test_arguments_that_are_no_json_are_judged_as_text() -> None:
    """A model may break off; what it said is looked at all the same."""
    policy = of_document({"pii-detector": {}})
    broken = '{"to": "ada@example.com'

    assert arguments_of(streamed(policy, call("send", broken)).body) == '{"to": "[EMAIL]'
    function = json.loads(whole(policy, "send", broken).body)["choices"][0]["message"]["tool_calls"][0]["function"]
    assert function["arguments"] == '{"to": "[EMAIL]'


def test_arguments_that_parsers_differ_on_are_refused() -> None:
    """A key twice inside the arguments: the tool might read the other one."""
    policy = of_document({"pii-detector": {}})
    double = '{"to": "x", "to": "ada@example.com"}'
    seen = streamed(policy, *[{"content": "on it"}] * 40, call("send", double))
    error = last_error(seen.body)

    assert whole(policy, "send", double).error["code"] == "upstream_garbled"
    assert error is not None
    assert error["code"] == "upstream_garbled"
    assert said(seen.body)
    assert arguments_of(seen.body) == ""


BLOCKS = {
    "agent-firewall": ({"agent-firewall": {"blocked_tools": ["shell*"]}}, "agent_firewall.blocked_tool"),
    "rbac": (
        {"rbac": {"deny_if_missing": [], "roles": {"analyst": {"denied_tools": ["shell*"]}}}},
        "rbac.tool",
    ),
}


@pytest.mark.parametrize(("blocks", "code"), BLOCKS.values(), ids=BLOCKS)
def test_a_tool_that_is_not_allowed_is_never_named(blocks: dict[str, Any], code: str) -> None:
    """Not its name, not its arguments; the text that came before it has been said."""
    policy = of_document(blocks)
    caller = Caller(headers={"x-user-role": "analyst"})
    seen = streamed(policy, {"content": "on it"}, call("shell", '{"run": '), call(None, '"ls"}'), caller=caller)
    error = last_error(seen.body)
    alone = streamed(policy, call("shell", "{}"), caller=caller)

    assert whole(policy, "shell", "{}", caller).error["code"] == "output_blocked"
    assert error is not None
    assert (error["code"], said(seen.body)) == ("output_blocked", "on it")
    assert b"shell" not in seen.body
    assert (seen.record.verdict, seen.record.reason_code) == ("blocked", code)
    assert (alone.status, alone.error["policy"]) == (409, next(iter(blocks)))
    assert streamed(policy, call("look", "{}"), caller=caller).record.verdict == "allowed"


def test_a_call_of_the_old_form_is_a_call() -> None:
    """`function_call`, which came before `tool_calls`, passes no firewall by."""
    policy = of_document({"agent-firewall": {"blocked_tools": ["shell*"]}})
    deltas = [{"function_call": {"name": "shell", "arguments": ""}}, {"function_call": {"arguments": "{}"}}]

    assert streamed(policy, *deltas).record.reason_code == "agent_firewall.blocked_tool"
    assert streamed(policy, {"function_call": {"name": "look", "arguments": "{}"}}).record.verdict == "allowed"


def test_an_amount_that_somebody_must_approve_escalates() -> None:
    """A streamed call is priced when it is complete."""
    policy = of_document({"agent-firewall": {"transaction_limits": {"require_approval_above": 100}}})
    seen = streamed(policy, call("pay", '{"amount": 1'), call(None, "50}"))

    assert (seen.status, seen.error["code"], seen.error["escalation_id"]) == (409, "escalation_required", "esc_1")
    assert seen.record.verdict == "escalated"
    assert streamed(policy, call("pay", '{"amount": 1'), call(None, "5}")).record.verdict == "allowed"


def test_what_follows_a_call_waits_for_it() -> None:
    """Frames leave in the order in which they came."""
    policy = of_document({"agent-firewall": {"blocked_tools": ["shell*"]}, "dlp-filter": {"blocked_terms": ["zebra"]}})
    seen = streamed(policy, {"content": "first " * 20}, call("shell", "{}"), {"content": "then " * 20})

    assert said(seen.body) == "first " * 20


def test_a_blocked_term_inside_arguments_ends_it() -> None:
    """A kind that judges answers alone sees the arguments too."""
    policy = of_document({"dlp-filter": {"blocked_terms": ["zebra"], "action": "block"}})
    seen = streamed(policy, call("send", '{"body": "the zeb'), call(None, 'ra"}'))

    assert (seen.status, seen.error["code"], seen.record.reason_code) == (409, "output_blocked", "dlp_filter.term")


def test_a_request_that_offers_a_blocked_tool_is_refused() -> None:
    """Before a provider is asked."""
    tools = [{"type": "function", "function": {"name": "shell"}}]
    policy = of_document({"agent-firewall": {"blocked_tools": ["shell*"]}})
    seen = play(policy, request(stream=True, tools=tools))

    assert (seen.status, seen.error["code"], seen.sent_upstream) == (409, "input_blocked", [])
    assert (seen.record.phase, seen.record.verdict) == ("tool", "blocked")
