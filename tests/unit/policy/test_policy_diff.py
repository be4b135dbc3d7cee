"""What changed between two documents, and which way each change goes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from keeptrusts.policy.analysis import sound
from keeptrusts.policy.comparing import Change, undeclared
from keeptrusts.policy.diff import diff_documents
from keeptrusts.policy.findings import InvalidPolicyError
from keeptrusts.policy.kind import code_prefix
from keeptrusts.policy.registry import KINDS, load_kind
from keeptrusts.policy.sections import Document
from support.policy_cases import cases, document

CASES = [case.at("http://asked.example") for case in cases()]


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Path, what and effect of each change between two chains."""
    return [(one.path, one.what, one.effect) for one in diff_documents(document(before), document(after))]


def of_targets(before: dict[str, Any], after: dict[str, Any], **routing: Any) -> list[tuple[str, str, str]]:
    """The same between two settings of one target."""
    blocks = {"data-routing-policy": routing}
    texts = [
        document(blocks, providers={"targets": [{"id": "a", "provider": "mock"} | one]}) for one in (before, after)
    ]
    return [(one.path, one.what, one.effect) for one in diff_documents(*texts)]


def test_spelling_is_no_change() -> None:
    """Written-out defaults, comments and the order of keys mean nothing."""
    older = document({"token-limit": {"max_messages": 3}})
    newer = (
        "# a comment\npolicy: {token-limit: {on_exceed: clamp, max_messages: 3}}\n"
        "policies: {chain: [token-limit]}\npack: {version: 1.0.0, enabled: true, name: case}\n"
    )
    assert diff_documents(older, newer) == ()


def test_a_change_has_path_values_and_effect() -> None:
    """Everything that a plan or a review shows."""
    texts = (document({"pii-detector": {"action": action}}) for action in ("redact", "block"))
    assert diff_documents(*texts) == (
        Change("policy.pii-detector.action", "changed", "strengthens", "redact", "block"),
    )


def test_a_change_as_json() -> None:
    """Every field is there."""
    assert Change("a", "changed", "neutral", 1, 2).as_json() == {
        "path": "a", "change": "changed", "effect": "neutral",
        "before": 1, "after": 2, "secret": False, "reason": "",
    }  # fmt: skip


def test_a_document_that_does_not_lint_has_no_meaning() -> None:
    """It cannot be compared."""
    with pytest.raises(InvalidPolicyError):
        diff_documents(document({"token-limit": {}}), "pack: {}")


@pytest.mark.parametrize(
    ("kind", "before", "after", "path"),
    [
        ("token-limit", {}, {"max_messages": 5}, "max_messages"),
        ("token-limit", {"max_messages": 5}, {"max_messages": 4}, "max_messages"),
        ("token-limit", {"max_tokens": 5}, {"max_tokens": 5, "on_exceed": "block"}, "on_exceed"),
        ("prompt-injection", {"response": {"action": "log"}}, {"response": {"action": "escalate"}}, "response.action"),
        ("prompt-injection", {"embedding_threshold": 0.9}, {}, "embedding_threshold"),
        ("prompt-injection", {"encoding": {"decode_base64": False}}, {}, "encoding.decode_base64"),
        ("audit-logger", {"retention_days": 30}, {"retention_hours": 721}, "retention_hours"),
        ("audit-logger", {"retention_days": 30}, {"retention_days": 31}, "retention_days"),
        ("pii-detector", {}, {"healthcare_mode": True}, "healthcare_mode"),
        ("pii-detector", {"redaction": {"include_metadata": True}}, {}, "redaction.include_metadata"),
        ("human-oversight", {"require_human_for": ["pii"]}, {}, "require_human_for"),
        ("rbac", {}, {"roles": {"reader": {}}}, "roles"),
        ("agent-firewall", {}, {"allowed_tools": ["a"]}, "allowed_tools"),
    ],
)
def test_a_value_that_goes_one_way(kind: str, before: Any, after: Any, path: str) -> None:
    """One change, which strengthens; turned round, it weakens."""
    assert changes({kind: before}, {kind: after}) == [(f"policy.{kind}.{path}", "changed", "strengthens")]
    assert changes({kind: after}, {kind: before}) == [(f"policy.{kind}.{path}", "changed", "weakens")]


@pytest.mark.parametrize(
    ("kind", "before", "after", "path"),
    [
        ("dlp-filter", {}, {"blocked_terms": ["x"]}, "blocked_terms"),
        ("prompt-injection", {}, {"detection": {"attack_patterns": ["a"]}}, "attack_patterns"),
        ("human-oversight", {"require_human_for": ["pii"]}, {"require_human_for": ["pii", "health"]},
         "require_human_for"),
        ("topic-filter", {"blocked_topics": ["a"]}, {"blocked_topics": ["a", "b"]}, "blocked_topics[b]"),
        ("topic-filter", {"blocked_topics": ["a"]}, {"blocked_topics": [{"label": "a", "phrases": ["a", "b"]}]},
         "blocked_topics[a].phrases"),
        ("rbac", {"roles": {"a": {}}}, {"roles": {"a": {"denied_tools": ["x"]}}}, "roles.a.denied_tools"),
    ],
)  # fmt: skip
def test_an_item_that_strengthens(kind: str, before: Any, after: Any, path: str) -> None:
    """One item more, which strengthens; one less, which weakens."""
    assert changes({kind: before}, {kind: after}) == [(f"policy.{kind}.{path}", "added", "strengthens")]
    assert changes({kind: after}, {kind: before}) == [(f"policy.{kind}.{path}", "removed", "weakens")]


@pytest.mark.parametrize(
    ("kind", "before", "after", "path"),
    [
        ("topic-filter", {}, {"allowed_topics": ["x"]}, "allowed_topics"),
        ("agent-firewall", {"allowed_tools": ["a"]}, {"allowed_tools": ["a", "b"]}, "allowed_tools"),
        ("data-routing-policy", {"allowed_regions": ["a"]}, {"allowed_regions": ["a", "b"]}, "allowed_regions"),
        ("rbac", {"roles": {"a": {}}}, {"roles": {"a": {}, "b": {}}}, "roles.b"),
    ],
)
def test_an_item_that_weakens(kind: str, before: Any, after: Any, path: str) -> None:
    """One item more lets more pass; one less lets less pass."""
    assert changes({kind: before}, {kind: after}) == [(f"policy.{kind}.{path}", "added", "weakens")]
    assert changes({kind: after}, {kind: before}) == [(f"policy.{kind}.{path}", "removed", "strengthens")]


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        ("rbac", {"role_header": "X-A"}, {"role_header": "X-B"}),
        ("audit-logger", {"content": "full"}, {"content": "redacted"}),
        ("audit-logger", {"content": "redacted"}, {"content": "full"}),
    ],
)
def test_what_cannot_be_told_counts_as_weaker(kind: str, before: Any, after: Any) -> None:
    """Somebody should look at it."""
    assert [effect for *_, effect in changes({kind: before}, {kind: after})] == ["weakens"]


def test_categories_by_name_beside_modes() -> None:
    """What a mode looks for and what is named are compared by category."""
    before = {"entities": ["email", "medical_record"]}
    assert ("policy.pii-detector.entities", "removed", "weakens") in changes(
        {"pii-detector": before}, {"pii-detector": {}}
    )
    both = {"pii-detector": before | {"healthcare_mode": True}}
    assert changes({"pii-detector": before}, both) == []


def test_kinds_added_removed_and_moved() -> None:
    """The chain: more kinds are stricter; taking out of a text what others would have seen is not."""
    one: dict[str, Any] = {"token-limit": {}}
    two: dict[str, Any] = {"token-limit": {}, "rbac": {}}
    assert changes(one, two) == [("policies.chain", "added", "strengthens")]
    assert changes(two, one) == [("policies.chain", "removed", "weakens")]
    assert changes(two, dict(reversed(two.items()))) == [("policies.chain", "reordered", "neutral")]
    redacting: dict[str, Any] = {"topic-filter": {}, "pii-detector": {}}
    assert changes(redacting, dict(reversed(redacting.items()))) == [("policies.chain", "reordered", "weakens")]


def test_how_kinds_are_introduced() -> None:
    """A kind that is not named is enforced on every request; a smaller share and a milder mode are more lenient."""

    def moved(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, str]]:
        texts = (
            document({"rbac": {}}, policies={"chain": ["rbac"], "rollout": {"rbac": one} if one else {}})
            for one in (before, after)
        )
        return [(one.path.rpartition(".")[2], one.effect) for one in diff_documents(*texts)]

    assert moved({}, {"mode": "shadow"}) == [("mode", "weakens")]
    assert moved({"mode": "off"}, {"mode": "shadow"}) == [("mode", "strengthens")]
    assert moved({"percent": 5}, {}) == [("percent", "strengthens")]
    assert moved({"percent": 5}, {"percent": 5, "sticky_by": "user"}) == [("sticky_by", "weakens")]
    assert moved({}, {"sticky_by": "user"}) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_that_redacts_says_that_it_changes_texts(kind: str) -> None:
    """So that moving it to the front is seen: kinds behind it do not see what it took out."""
    for case in (one for one in CASES if one.kind == kind):
        reason = case.want.get("redact", "") if isinstance(case.want, dict) else ""
        if reason.startswith(f"{code_prefix(kind)}."):
            block = sound(document({kind: case.config}))[0].blocks[kind]
            assert block.changes_texts() or block.adds, case.note


def test_a_block_that_is_not_chained_means_nothing() -> None:
    """Nor does a change of it."""
    texts = [
        document({"rbac": {}}, policy={"rbac": {}, "token-limit": {"max_tokens": number}}) for number in (1, 2)
    ]  # fmt: skip
    assert diff_documents(*texts) == ()


def test_what_a_target_says_of_itself() -> None:
    """Its data policy, in the long form and in the short one, and whether routing kinds admit it for that."""
    data = "providers.targets[a].data_policy.zero_data_retention"
    assert of_targets({}, {"zdr": True}) == [(data, "changed", "strengthens")]
    assert of_targets({"zdr": True}, {"data_policy": {"zero_data_retention": True}}) == []
    assert of_targets({"data_policy": {"retention_days": 3}}, {"data_policy": {"retention_days": 30}}) == [
        ("providers.targets[a].data_policy.retention_days", "changed", "weakens")
    ]
    assert of_targets({}, {"zdr": True}, require_zero_data_retention=True) == [
        (data, "changed", "strengthens"),
        ("providers.targets[a]", "changed", "weakens"),
    ]
    assert of_targets({"zdr": True}, {}, require_zero_data_retention=True)[-1] == (
        "providers.targets[a]", "changed", "strengthens",
    )  # fmt: skip


def test_targets_come_go_and_change_places() -> None:
    """A further target may see the traffic; the order says who sees it first."""
    a, b = {"id": "a", "provider": "mock"}, {"id": "b", "provider": "mock"}
    one, two, turned = (document({"rbac": {}}, providers={"targets": targets}) for targets in ([a], [a, b], [b, a]))
    assert [(item.path, item.what, item.effect) for item in diff_documents(one, two)] == [
        ("providers.targets[b]", "added", "weakens")
    ]
    assert [(item.what, item.effect) for item in diff_documents(two, turned)] == [("reordered", "neutral")]


def test_limits() -> None:
    """A limit given, and one that is raised."""
    none, low, high = (
        document({"rbac": {}}, **({"global_rate_limit": {"max_requests": most, "window_seconds": 60}} if most else {}))
        for most in (0, 1, 2)
    )
    assert [one.effect for one in diff_documents(none, low)] == ["strengthens"]
    (change,) = diff_documents(low, high)
    assert (change.path, change.effect) == ("global_rate_limit.max_requests", "weakens")


def test_values_of_headers_are_not_shown() -> None:
    """They may hold what only the provider should know."""
    targets = [[{"id": "a", "provider": "mock", "headers": {"x-team": value}}] for value in ("one", "two")]
    (change,) = diff_documents(*(document({"rbac": {}}, providers={"targets": one}) for one in targets))
    assert change == Change("providers.targets[a].headers", "changed", "neutral", secret=True)


def test_a_document_that_is_switched_off_lets_nothing_pass() -> None:
    """So that is stricter."""
    on, off = (
        document({"rbac": {}}, pack={"name": "x", "version": "1.0.0", "enabled": flag}) for flag in (True, False)
    )
    assert [(one.path, one.effect) for one in diff_documents(on, off)] == [("pack.enabled", "strengthens")]


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_of_a_kind_says_which_way_is_stricter(kind: str) -> None:
    """`Attr(stronger=...)`, next to the key; `neutral` where there is no such way."""
    assert list(undeclared(load_kind(kind))) == []


def test_every_key_of_the_document_says_which_way_is_stricter() -> None:
    """So do the sections."""
    assert list(undeclared(Document)) == []
