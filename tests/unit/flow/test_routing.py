"""Which targets a request may go to, and who decides in which order."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from keeptrusts.core.exchange import Caller, Target
from keeptrusts.flow.effects import ChooseTargets
from keeptrusts.policy.compiled import CompiledPolicy, Fallback, ModelGroup, Routing, StickyBy
from keeptrusts.policy.document import compile_document
from support.flows import TARGET, Provider, Seen, answer, play, policy_of
from support.policy_cases import document

FINE = Provider([answer("hi")])
BUSY = Provider([b"{}"], status=503)
GROUPS = (
    ModelGroup("fast", ("a", "b"), ("quick", "gpt-3"), "slow"),
    ModelGroup("slow", ("b", "c"), (), "last"),
    ModelGroup("last", ("d",)),
)


def targets(*names: str) -> CompiledPolicy:
    own = tuple(replace(TARGET, target=Target(name, "openai-compatible", model=f"m-{name}")) for name in names)
    return policy_of(targets=own, groups=GROUPS, fallback=Fallback(enabled=True, max_attempts=9))


def asking(model: str) -> bytes:
    return json.dumps({"model": model, "messages": [{"role": "user", "content": "hello"}]}).encode()


def asked(seen: Seen) -> list[str]:
    return [one.target.id for one in seen.sent_upstream]


def choices(seen: Seen) -> list[tuple[str, ...]]:
    return [effect.targets for effect in seen.effects if isinstance(effect, ChooseTargets)]


def test_a_model_that_is_no_group_goes_to_every_target() -> None:
    """In the order in which the gateway puts them."""
    seen = play(targets("a", "b", "c"), asking("gpt-4"), [BUSY, FINE], prefers="c")

    assert (choices(seen), asked(seen)) == ([("a", "b", "c")], ["c", "a"])


@pytest.mark.parametrize("name", ["fast", "quick", "gpt-3"])
def test_a_group_is_asked_for_by_name_or_alias(name: str) -> None:
    """Its targets first, then once each those that it falls back to; each is asked for its own model."""
    seen = play(targets("a", "b", "c", "d", "e"), asking(name), [BUSY] * 4, prefers="b")

    assert (choices(seen), asked(seen)) == ([("a", "b")], ["b", "a", "c", "d"])
    assert [json.loads(one.body)["model"] for one in seen.sent_upstream] == ["m-b", "m-a", "m-c", "m-d"]
    assert (seen.record.model, seen.record.target_id) == (name, "d")


def test_one_target_needs_no_choice() -> None:
    """The gateway is not asked."""
    seen = play(targets("a", "b", "c", "d"), asking("last"), [FINE])

    assert (choices(seen), asked(seen)) == ([], ["d"])


def test_a_routing_kind_binds_every_group() -> None:
    """What it refuses is no fallback either; a group of which nothing is left is refused."""
    own = [{"id": name, "provider": "mock", "zdr": name != "b"} for name in "abc"]
    groups = [
        {"name": "fast", "targets": ["b"], "fallback_group": "slow"},
        {"name": "slow", "targets": ["b", "c"]},
        {"name": "lost", "targets": ["b"]},
    ]
    routed = compile_document(
        document(
            {"data-routing-policy": {"require_zero_data_retention": True}},
            providers={"targets": own, "fallback": {"enabled": True}},
            model_groups=groups,
        )
    )

    assert asked(play(routed, asking("fast"), [BUSY])) == ["c"]
    refused = play(routed, asking("lost"))
    assert (refused.status, refused.error["code"], refused.sent_upstream) == (503, "no_compliant_provider", [])


CALLER = Caller(key_id="k", user_id="u", session_id="s", agent_id="a", ip="192.0.2.7")


@pytest.mark.parametrize(
    ("by", "value"), [("consumer", "k"), ("user", "u"), ("session", "s"), ("agent", "a"), ("ip", "192.0.2.7")]
)
def test_what_stays_with_a_target(by: StickyBy, value: str) -> None:
    """As the document says; whoever is not named goes by address."""
    sticky = replace(targets("a", "b"), routing=Routing("sticky", sticky_by=by))

    def stays(caller: Caller) -> str:
        effects = play(sticky, asking("m"), [FINE], caller=caller).effects
        (chosen,) = (one.sticky for one in effects if isinstance(one, ChooseTargets))
        return chosen

    assert stays(CALLER) == value
    assert stays(Caller(ip="192.0.2.7")) == "192.0.2.7"


def test_groups_and_aliases_are_listed() -> None:
    """Beside the targets' own models, each name once."""
    listed = json.loads(play(targets("a", "b"), path="/v1/models", body=b"").body)["data"]

    assert [one["id"] for one in listed] == ["fast", "quick", "gpt-3", "slow", "last", "m-a", "m-b"]
    assert {one["object"] for one in listed} == {"model"}
