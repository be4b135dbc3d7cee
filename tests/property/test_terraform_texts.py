"""Whatever a policy document says and however it is written, a plan of the same meaning is empty."""

from __future__ import annotations

import inspect
import json
import random
from typing import Any

import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from keeptrusts.policy.lint import lint_document
from keeptrusts.policy.registry import KINDS, load_kind
from keeptrusts.terraform.plugin.messages import ANSWERS, REQUESTS, SERVICE
from keeptrusts.terraform.plugin.values import UNKNOWN
from keeptrusts.terraform.provider import Provider

EXAMPLES = {kind: yaml.safe_load(inspect.cleandoc(load_kind(kind).example)) for kind in KINDS}
TEXT = st.text("abz ':#{}[]&*!|>%@`\"\\-?,é漢\U0001f600", min_size=1, max_size=30).filter(
    lambda text: text == text.strip()
)
SERVER_SET = {
    "id": "cfg_1",
    "version": 3,
    "content_digest": "sha256:00",
    "effective_labels": {},
    "policy_kinds": ["audit-logger"],
    "created_at": "2030-01-01T00:00:00Z",
    "updated_at": "2030-01-01T00:00:00Z",
}
DEFAULTS = {"deletion_protection": False, "allow_weakening": True}
GIVEN = {"name": "one", "description": None, "labels": None, "change_message": None}


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """A valid document with any of the kinds, in any order."""
    chain = draw(st.lists(st.sampled_from(sorted(EXAMPLES)), min_size=1, max_size=4, unique=True))
    pack = {"name": draw(TEXT), "version": f"1.{draw(st.integers(0, 99))}.0", "enabled": draw(st.booleans())}
    document = {
        "pack": pack | draw(st.fixed_dictionaries({}, optional={"description": TEXT, "author": TEXT})),
        "providers": {"targets": [{"id": "primary", "provider": "mock"}]},
        "policies": {"chain": chain},
        "policy": {kind: EXAMPLES[kind] for kind in chain},
    }
    assume(lint_document(json.dumps(document)).valid)  # some kinds ask something of others
    return document


def written(document: dict[str, Any], dice: random.Random) -> str:
    """The document in some spelling: block or flow, JSON, other quotes, other orders, comments."""
    if dice.random() < 0.2:
        return json.dumps(document, indent=dice.choice([None, 2]), ensure_ascii=False)  # as `jsonencode` writes it
    text = yaml.safe_dump(
        _shuffled(document, dice),
        sort_keys=False,
        default_flow_style=dice.choice([None, True, False]),
        default_style=dice.choice([None, None, '"', "'"]) if dice.random() < 0.3 else None,
        allow_unicode=dice.random() < 0.5,
        width=dice.choice([20, 80, 10_000]),
        indent=dice.choice([2, 4]),
        explicit_start=dice.random() < 0.3,
    )
    return f"# {dice.random()}\n{text}# the end\n"


def _shuffled(value: Any, dice: random.Random) -> Any:
    """Mappings in another order; lists as they are, for their order is a meaning."""
    if isinstance(value, dict):
        return {key: _shuffled(value[key], dice) for key in dice.sample(list(value), len(value))}
    return value


def call(method: str, **request: Any) -> dict[str, Any]:
    answer = Provider({}).handle(SERVICE + method, REQUESTS[method].encode(request))
    return ANSWERS[method].decode(answer)


def plan(before: str, after: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The state as it was, and the plan for a configuration with another text."""
    prior = SERVER_SET | GIVEN | {"policy_yaml": before} | DEFAULTS
    config = dict.fromkeys(SERVER_SET) | GIVEN | {"policy_yaml": after} | dict.fromkeys(DEFAULTS)
    planned = call(
        "PlanResourceChange",
        type_name="keeptrusts_configuration",
        prior_state=prior,
        config=config,
        proposed_new_state=SERVER_SET | config | SERVER_SET | dict.fromkeys(DEFAULTS),
    )
    assert [one for one in planned.get("diagnostics", []) if one["severity"] == 1] == []
    return prior, planned["planned_state"]


@given(documents(), st.randoms(use_true_random=False))
@settings(max_examples=500, deadline=None)
def test_another_spelling_is_no_difference(document: dict[str, Any], dice: random.Random) -> None:
    """The planned state is the state, byte for byte, and a read keeps the user's text."""
    before, after = written(document, dice), written(document, dice)
    prior, planned = plan(before, after)
    assert planned == prior


@given(documents(), st.randoms(use_true_random=False), st.data())
@settings(max_examples=60, deadline=None)
def test_another_meaning_is_a_difference(document: dict[str, Any], dice: random.Random, data: st.DataObject) -> None:
    """A change of one value is seen through any spelling, and what the control plane will set anew is unknown."""
    changed = json.loads(json.dumps(document))
    if data.draw(st.booleans()):
        changed["pack"]["enabled"] = not document["pack"]["enabled"]
    else:
        changed["pack"]["name"] += "x"
    before, after = written(document, dice), written(changed, dice)
    prior, planned = plan(before, after)
    assert planned["policy_yaml"] == after
    unknown = {name for name, value in planned.items() if value is UNKNOWN}
    assert unknown == {"version", "content_digest", "policy_kinds", "updated_at"}
    assert {name: value for name, value in planned.items() if name not in unknown | {"policy_yaml"}} == {
        name: value for name, value in prior.items() if name not in unknown | {"policy_yaml"}
    }
