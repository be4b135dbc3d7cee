"""Kinds that are introduced by shares."""

from __future__ import annotations

from typing import Any

import pytest

from keeptrusts.core.exchange import Caller, Exchange, Phase, Target, Text
from keeptrusts.core.verdict import Allow, Block
from keeptrusts.policy.document import compile_document, document_digest
from keeptrusts.policy.engine import Chain, Judgement
from keeptrusts.policy.lint import lint_document
from keeptrusts.policy.rollout import Rollout, Sender, in_share
from support.policy_cases import document

SECRET = "ghp_a8Kd02LmZq93Xw71Bv5TgYh4Rf6Uj8Ik0Ol1"
BLOCKS: dict[str, Any] = {
    "audit-logger": {},
    "pii-detector": {},
    "secret-scanner": {"action": "block"},
    "dlp-filter": {"blocked_terms": ["Project Apollo"]},
}


def rolled(blocks: dict[str, Any], **rollout: Any) -> str:
    shares = {kind.replace("_", "-"): one for kind, one in rollout.items()}
    return document(blocks, policies={"chain": list(blocks), "rollout": shares})


def judge(chain: Chain, text: str) -> Judgement:
    return chain.judge_request(Exchange(Phase.INPUT, (Text(("t",), text),)), lambda: 0)


def sender(key: str = "", user: str = "", request: str = "r") -> Sender:
    return Sender.of(Caller(key or None, user or None, ip="192.0.2.1"), request)


@pytest.mark.parametrize("by", ["consumer", "user", "request"])
@pytest.mark.parametrize("percent", [1, 10, 50, 99])
def test_a_share_is_as_large_as_it_says(by: Any, percent: int) -> None:
    """Of many senders; and it grows by more of them, none of whom leaves it."""
    senders = [Sender(f"key:{n}", f"user:{n}", f"req_{n}") for n in range(4000)]

    inside = {one for one in senders if in_share("rbac", Rollout(percent=percent, sticky_by=by), one)}
    more = {one for one in senders if in_share("rbac", Rollout(percent=percent + 1, sticky_by=by), one)}

    assert abs(len(inside) / 40 - percent) < 3
    assert inside <= more


def test_a_sender_stays_in_or_out() -> None:
    """Whatever it sends: only what the share is sticky to counts."""
    half = Rollout(percent=50, sticky_by="user")

    for user in map(str, range(50)):
        seen = {in_share("rbac", half, sender(str(n), user, str(n))) for n in range(20)}
        assert len(seen) == 1


def test_shares_of_two_kinds_are_independent() -> None:
    """Else the same callers would get everything that is new."""
    half = Rollout(percent=50)
    both = [(in_share("rbac", half, sender(str(n))), in_share("dlp-filter", half, sender(str(n)))) for n in range(400)]

    assert all(both.count((one, other)) > 50 for one in (True, False) for other in (True, False))


def test_who_a_consumer_is() -> None:
    """The key; without one the agent, the user, the address. A user's name is no key."""
    assert Sender.of(Caller("k", "u", agent_id="a", ip="i"), "r") == Sender("key:k", "user:u", "r")
    assert Sender.of(Caller(None, "u", agent_id="a", ip="i"), "r").consumer == "agent:a"
    assert Sender.of(Caller(None, "u", ip="i"), "r").consumer == "user:u"
    assert Sender.of(Caller(ip="i"), "r") == Sender("ip:i", "ip:i", "r")


def test_a_shadow_is_recorded_and_changes_nothing() -> None:
    """What it would have done stands in its line; the verdict is that of the others."""
    chain = compile_document(rolled(BLOCKS, pii_detector={"mode": "shadow"}, secret_scanner={"mode": "shadow"})).chain

    said = judge(chain, f"ada@example.com {SECRET} Project Apollo")

    assert said.changed == {("t",): f"ada@example.com {SECRET} [TERM]"}
    assert (said.verdict.code, said.kind) == ("dlp_filter.term", "dlp-filter")
    lines = [(one.kind, one.mode, one.verdict) for one in said.results if one.phase == "input"]
    assert lines == [
        ("audit-logger", "enforce", "allowed"),
        ("pii-detector", "shadow", "redacted"),
        ("secret-scanner", "shadow", "blocked"),
        ("dlp-filter", "enforce", "redacted"),
    ]


def test_a_kind_that_is_off_leaves_no_line() -> None:
    """It is not asked."""
    chain = compile_document(rolled(BLOCKS, secret_scanner={"mode": "off"})).chain

    said = judge(chain, SECRET)

    assert isinstance(said.verdict, Allow)
    assert "secret-scanner" not in {one.kind for one in said.results}


@pytest.mark.parametrize(("mode", "outside"), [("enforce", "shadow"), ("shadow", None)])
def test_a_share_meets_the_mode_and_the_rest_the_lesser_one(mode: str, outside: str | None) -> None:
    """A canary is enforced on its share and watched on the rest; a shadow may watch a share alone."""
    rollout = {"mode": mode, "percent": 50}
    chain = compile_document(rolled(BLOCKS, secret_scanner=rollout)).chain
    half = Rollout(percent=50)

    for key in map(str, range(40)):
        said = judge(chain.sent_by(sender(key)), SECRET)
        modes = {one.mode for one in said.results if one.kind == "secret-scanner"}
        inside = in_share("secret-scanner", half, sender(key))
        assert modes == ({mode} if inside else {outside} - {None})
        assert isinstance(said.verdict, Block) == (inside and mode == "enforce")


def test_a_shadow_behind_a_block_is_skipped() -> None:
    """As any kind is."""
    chain = compile_document(rolled(BLOCKS, dlp_filter={"mode": "shadow"})).chain

    said = judge(chain, f"{SECRET} Project Apollo")

    assert [(one.verdict, one.mode) for one in said.results if one.kind == "dlp-filter"] == [("skipped", "shadow")]


ROUTING = {"data-routing-policy": {"allowed_regions": ["eu"]}}
TARGETS = [Target("us", "openai", region="us"), Target("eu", "openai", region="eu")]


def test_a_routing_kind_in_shadow_lets_every_target_in() -> None:
    """Its line tells that it would have left one out, or all."""
    chain = compile_document(rolled(ROUTING, data_routing_policy={"mode": "shadow"})).chain

    for targets, verdict in ((TARGETS, "allowed"), (TARGETS[:1], "blocked")):
        left, (line,) = chain.admitted(targets)
        assert left == targets
        assert (line.mode, line.verdict) == ("shadow", verdict)
        assert line.reason_code.startswith("data_routing_policy.")
    assert chain.admitted(TARGETS[1:])[1][0].reason_code == "all_policies_passed"


def test_what_is_enforced_on_every_request_need_not_be_said() -> None:
    """Documents that mean the same have one digest; those that do not have two."""
    plain = document_digest(document(BLOCKS))

    assert document_digest(rolled(BLOCKS, dlp_filter={}, pii_detector={"percent": 100, "sticky_by": "user"})) == plain
    assert document_digest(rolled(BLOCKS, dlp_filter={"percent": 99})) != plain
    assert document_digest(rolled(BLOCKS, dlp_filter={"mode": "shadow"})) != plain


def faults(text: str) -> list[tuple[str, str]]:
    return [(one.code, one.path) for one in lint_document(text).errors]


def test_what_records_keep_is_not_introduced_by_shares() -> None:
    """`audit-logger` is enforced on every request or on none."""
    assert faults(rolled(BLOCKS, audit_logger={"mode": "shadow"})) == [("E009", "policies.rollout.audit-logger")]
    assert faults(rolled(BLOCKS, audit_logger={"mode": "enforce"})) == []


def test_a_kind_that_only_watches_serves_no_article() -> None:
    """Nor is a kind held to the chain beside it before it is enforced."""
    chain: dict[str, Any] = {"eu-ai-act": {"articles": [14]}, "human-oversight": {}}

    assert faults(rolled(chain)) == []
    assert faults(rolled(chain, human_oversight={"mode": "shadow"})) == [("E009", "policy.eu-ai-act.articles[0]")]
    assert faults(rolled({"eu-ai-act": {"articles": [14]}}, eu_ai_act={"mode": "shadow"})) == []


def test_a_kind_that_only_watches_buffers_no_stream() -> None:
    """So it may need the whole answer where streams may not be buffered."""
    streaming = {"on_unbounded": "reject"}
    blocks: dict[str, Any] = {"human-oversight": {}}

    for mode, codes in (("enforce", ["E009"]), ("shadow", []), ("off", [])):
        policies = {"chain": list(blocks), "rollout": {"human-oversight": {"mode": mode}}}
        text = document(blocks, policies=policies, streaming=streaming)
        assert [code for code, _ in faults(text)] == codes


def test_an_alias_may_be_introduced() -> None:
    """Under either name."""
    chain = compile_document(rolled({"code-sanitizer": {}}, code_sanitation={"mode": "shadow"})).chain

    assert chain.shadows == {"code-sanitizer"}


@pytest.mark.parametrize("written", ["off", '"off"'])
def test_off_may_be_written_without_quotes(written: str) -> None:
    """YAML 1.1 reads `off` as false; nobody means that here."""
    text = (
        'pack: {name: p, version: "1.0.0", enabled: true}\n'
        f"policies: {{chain: [token-limit], rollout: {{token-limit: {{mode: {written}}}}}}}\n"
        "policy: {token-limit: {}}\n"
    )

    assert faults(text) == []
