"""Cases of a policy, played whole and streamed, and what notices when the policy changes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from keeptrusts.flow.mutation import changes, notice
from keeptrusts.flow.trials import RUNS, WHOLE, Tried, play, spoke, try_case
from keeptrusts.policy.analysis import sound
from keeptrusts.policy.cases import Case, CasesError, Message, message_of, read_suite
from keeptrusts.policy.document import compile_document
from support.policy_cases import document

ADDRESS = "write to ada@acme.io today"


def case_of(content: str, expected: Mapping[str, Any], **given: Any) -> Case:
    """A case with one message of a user."""
    said = {"messages": [{"role": "user", "content": content}], **given}
    (case,) = read_suite(json.dumps({"name": "it", "input": said, "expected": expected}), "file").cases
    return case


def tried(blocks: Mapping[str, Any], content: str, expected: Mapping[str, Any], **given: Any) -> Tried:
    """What comes of a case under a chain of these blocks."""
    return try_case(compile_document(document(blocks)), case_of(content, expected, **given))


@pytest.mark.parametrize(
    ("blocks", "content", "expected", "given"),
    [
        ({"rbac": {"deny_if_missing": []}}, "hi", {"verdict": "allow", "text": "hi"}, {}),
        ({"rbac": {}}, "hi", {"verdict": "allow"}, {"headers": {"X-User-ID": "ada"}}),
        ({"rbac": {}}, "hi", {"verdict": "block", "reason_code": "rbac.missing_header"}, {}),
        ({"rbac": {"require_auth": True, "deny_if_missing": []}}, "hi", {"verdict": "allowed"},
         {"headers": {"authorization": "Bearer key"}}),
        ({"pii-detector": {}}, ADDRESS, {"verdict": "redact", "text": "write to [EMAIL] today"}, {}),
        ({"pii-detector": {}}, "who?", {"verdict": "redacted", "text": "write to [EMAIL] today"},
         {"upstream_response": ADDRESS}),
        ({"topic-filter": {"blocked_topics": ["gambling"]}}, "hi", {"verdict": "block"},
         {"upstream_response": {"choices": [{"message": {"content": "all about gambling"}}]}}),
        ({"human-oversight": {}}, "hi", {"verdict": "escalate", "reason_code": "human_oversight.required"}, {}),
        ({"token-limit": {"max_tokens": 9}}, "hi", {"verdict": "allow", "sent": {"max_tokens": 9}}, {}),
        ({"agent-firewall": {"blocked_tools": ["rm"]}}, "hi",
         {"verdict": "block", "reason_code": "agent_firewall.blocked_tool"},
         {"upstream_response": {"tool_calls": [{"name": "rm", "arguments": {"path": "/"}}]}}),
        ({"agent-firewall": {"blocked_tools": ["rm"]}}, "hi", {"verdict": "block"},
         {"request": {"tools": [{"type": "function", "function": {"name": "rm"}}]}}),
    ],
)  # fmt: skip
def test_a_case_that_passes(blocks: Any, content: str, expected: Any, given: Any) -> None:
    """In every run: it says what it expects, and nothing is wrong."""
    assert tried(blocks, content, expected, **given).details == ()


@pytest.mark.parametrize(
    ("expected", "detail"),
    [
        ({"verdict": "block"}, "the verdict is `redact` (pii_detector.email), not `block`"),
        ({"verdict": "redact", "text": "x"}, 'the client reads "write to [EMAIL] today"'),
        ({"verdict": "redact", "sent": {"model": "x"}}, 'the provider receives `model`: "model"'),
        ({"verdict": "redact", "target": "x"}, "the target is `mock`, not `x`"),
        ({"verdict": "redact", "reason_code": "x"}, "not streamed: the reason is `pii_detector.email`, not `x`"),
    ],
)
def test_a_case_that_fails(expected: Any, detail: str) -> None:
    """It says what is not as expected, once for all runs in which it is so."""
    result = tried({"pii-detector": {}}, ADDRESS, expected)
    assert (result.passed, result.details) == (False, (detail,))
    assert (result.verdict, result.reason_code) == ("redact", "pii_detector.email")


def test_every_run_is_really_another() -> None:
    """One is not streamed; the others come in more and in fewer pieces, and say the same."""
    policy, case = compile_document(document({"pii-detector": {}})), case_of(ADDRESS, {"verdict": "redact"})
    seen = [play(policy, case, run) for run in RUNS]
    assert {(one.verdict, one.text) for one in seen} == {("redact", "write to [EMAIL] today")}
    assert [one.sent["stream"] for one in seen] == [False, True, True, True]


MODERATED = {"external-moderation": {"endpoint": "https://moderation.example.com/v1/check"}}


@pytest.mark.parametrize(
    ("services", "verdict"),
    [
        ([], "block"),
        ([{"url": "https://moderation.example.com/v1/check", "body": {"flagged": False}}], "allow"),
        ([{"url": "https://moderation.example.com/*", "body": '{"flagged": true}'}], "block"),
        ([{"url": "https://other.example.com/*", "body": {"flagged": False}}], "block"),
        ([{"url": "*", "status": 500}], "block"),
    ],
)
def test_services_answer_what_the_case_says(services: Any, verdict: str) -> None:
    """Those that it says nothing of are down."""
    result = tried(MODERATED, "hi", {"verdict": verdict}, services=services)
    assert result.details == ()


def test_a_document_that_is_switched_off_answers_nothing() -> None:
    """No policy objected, and there is no answer."""
    text = document({"rbac": {}}, pack={"name": "x", "version": "1.0.0", "enabled": False})
    result = try_case(compile_document(text), case_of("hi", {"verdict": "block"}))
    assert (result.verdict, result.reason_code) == ("failed", "configuration_disabled")


def test_the_target_that_answers_is_chosen_by_the_policy() -> None:
    """Routing kinds are asked as a gateway asks them."""
    targets = [{"id": "a", "provider": "openai"}, {"id": "b", "provider": "anthropic", "zdr": True}]
    blocks = {"data-routing-policy": {"require_zero_data_retention": True}}
    policy = compile_document(document(blocks, providers={"targets": targets}))
    assert try_case(policy, case_of("hi", {"verdict": "allow", "target": "b"})).details == ()


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("hi", Message("hi")),
        ({"content": "hi"}, Message("hi")),
        ({"choices": [{"message": {"content": "hi"}}]}, Message("hi")),
        ({"tool_calls": [{"name": "a"}]}, Message("", (("a", {}),))),
        ({"content": None, "tool_calls": [{"function": {"name": "a", "arguments": '{"x": 1}'}}]},
         Message("", (("a", {"x": 1}),))),
        (3, None), ({}, None), ({"content": 3}, None), ({"choices": []}, None), ({"choices": [3]}, None),
        ({"tool_calls": [3]}, None), ({"tool_calls": [{"function": 3}]}, None),
        ({"tool_calls": [{"name": "a", "arguments": "{"}]}, None),
    ],
)  # fmt: skip
def test_forms_of_an_answer(said: object, message: Message | None) -> None:
    """Text, a message, or a completion of one choice; nothing else."""
    assert message_of(said) == message


@pytest.mark.parametrize(
    ("text", "code", "path"),
    [
        ("[", "E000", ""),
        ("- {name: a}", "E004", "[0].input"),
        ("{name: a, cases: []}", "E003", "cases"),
        ("{name: a, input: {messages: []}, expected: {verdict: allow}}", "E003", "input.messages"),
        ("{name: a, input: {messages: [{}]}, expected: {verdict: alow}}", "E003", "expected.verdict"),
        ("{name: a, input: {messages: [{}], request: {stream: true}}, expected: {verdict: allow}}", "E003",
         "input.request.stream"),
        ("{name: a, input: {messages: [{}], upstream_response: 3}, expected: {verdict: allow}}", "E003",
         "input.upstream_response"),
        ("{name: a, input: {messages: [{}]}, expected: {verdict: block, text: x}}", "E003", "expected.text"),
    ],
)  # fmt: skip
def test_a_file_of_cases_that_cannot_be_read(text: str, code: str, path: str) -> None:
    """The findings are those of lint, with their place."""
    with pytest.raises(CasesError) as refused:
        read_suite(text, "file")
    assert (refused.value.findings[0].code, refused.value.findings[0].path) == (code, path)


def test_a_file_of_cases_in_each_form() -> None:
    """One case, a list, and a suite with a name of its own."""
    one = '{"name": "a", "input": {"messages": [{}]}, "expected": {"verdict": "allow"}}'
    assert [read_suite(text, "file").name for text in (one, f"[{one}]", f'{{"name": "own", "cases": [{one}]}}')] == [
        "file", "file", "own",
    ]  # fmt: skip


BLOCKS = {
    "pii-detector": {"action": "block"},
    "topic-filter": {"blocked_topics": ["gambling", "weapons"], "message": "no"},
    "audit-logger": {"retention_days": 30},
}


def test_what_is_changed_is_what_the_document_says() -> None:
    """Each kind that may object, each rule, each setting that could be more lenient; no default, nothing neutral."""
    assert [(one.path, one.words, one.rule) for one in changes(sound(document(BLOCKS))[0])] == [
        ("policies.chain", "`pii-detector` dropped", False),
        ("policy.pii-detector.action", "`block` becomes `redact`", False),
        ("policies.chain", "`topic-filter` dropped", False),
        ("policy.topic-filter.blocked_topics[0]", "`gambling` dropped", True),
        ("policy.topic-filter.blocked_topics[1]", "`weapons` dropped", True),
    ]


def test_which_case_notices() -> None:
    """Those that fail with the change."""
    policy = compile_document(document(BLOCKS))
    cases = [case_of(ADDRESS, {"verdict": "block"}), case_of("on gambling", {"verdict": "block"})]
    assert all(try_case(policy, case, (WHOLE,)).passed for case in cases)
    found = [notice(policy, change, cases) for change in changes(sound(document(BLOCKS))[0])]
    assert [len(one.by) for one in found] == [1, 1, 1, 1, 0]


def test_kinds_that_spoke() -> None:
    """Those that did more than let pass, a cap included."""
    result = tried({"token-limit": {"max_tokens": 3}, "pii-detector": {}}, "hi", {"verdict": "allow"})
    assert spoke(result.results) == {"token-limit"}
