"""What lint says of routing and groups, and what they compile to."""

from __future__ import annotations

import pytest

from keeptrusts.policy.compiled import ModelGroup, Pricing, Routing
from keeptrusts.policy.document import compile_document
from keeptrusts.policy.lint import lint_document

GOOD = """
pack: {name: p, version: 1.0.0, enabled: true}
policies: {chain: [audit-logger]}
policy: {audit-logger: {}}
"""
TARGETS = """
  targets:
    - {id: a, provider: mock, pricing: {input_usd_per_million_tokens: 2, output_usd_per_million_tokens: 8}}
    - {id: b, provider: openai:chat:gpt-4o, secret_key_ref: {env: K}, weight: 0}
    - {id: c, provider: openai, secret_key_ref: {env: K}, weight: 0}
"""


def errors(text: str) -> list[tuple[str, str]]:
    return [(one.code, one.path) for one in lint_document(text).errors]


@pytest.mark.parametrize(
    ("routing", "expected"),
    [
        ("{strategy: weighted}", []),
        ("{strategy: cheapest}", [("E003", "providers.routing.strategy")]),
        ("{strategy: sticky, sticky_by: session}", []),
        ("{strategy: random, sticky_by: user}", [("E003", "providers.routing.sticky_by")]),
        ("{window_seconds: 60}", [("E003", "providers.routing.window_seconds")]),
        ("{strategy: lowest_latency, window_seconds: 60, min_sample_count: 3}", []),
        (
            "{strategy: lowest_cost}",
            [("E004", "providers.targets[1].pricing"), ("E004", "providers.targets[2].pricing")],
        ),
    ],
)
def test_routing(routing: str, expected: list[tuple[str, str]]) -> None:
    """A setting that another strategy would ignore is refused, and so is one that cannot be told."""
    assert errors(f"{GOOD}providers:\n  routing: {routing}{TARGETS}") == expected


def test_weights_need_a_share() -> None:
    """Somebody must be first."""
    text = f"{GOOD}providers: {{routing: {{strategy: weighted}}, targets: [{{id: a, provider: mock, weight: 0}}]}}"

    assert errors(text) == [("E003", "providers.routing.strategy")]


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ("[{name: fast, targets: [a, b], aliases: [quick]}]", []),
        ("[{name: fast, targets: []}]", [("E003", "model_groups[0].targets")]),
        ("[{name: fast, targets: [x]}]", [("E006", "model_groups[0].targets[0]")]),
        ("[{name: fast, targets: [a, a]}]", [("E005", "model_groups[0].targets[1]")]),
        ("[{name: fast, targets: [a, c]}]", [("E004", "model_groups[0].targets[1]")]),
        ("[{name: fast, targets: [a], aliases: [fast]}]", [("E005", "model_groups[0].aliases[0]")]),
        ("[{name: x, targets: [a]}, {name: x, targets: [b]}]", [("E005", "model_groups[1].name")]),
        ("[{name: x, targets: [a], fallback_group: y}]", [("E006", "model_groups[0].fallback_group")]),
        ("[{name: x, targets: [a], fallback_group: x}]", [("E006", "model_groups[0].fallback_group")]),
        (
            "[{name: x, targets: [a], fallback_group: y}, {name: y, targets: [b]}]",
            [("E009", "model_groups[0].fallback_group")],
        ),
    ],
)
def test_groups(groups: str, expected: list[tuple[str, str]]) -> None:
    """Names are unique, references resolve, and nothing stands there without effect."""
    assert errors(f"{GOOD}providers:{TARGETS}model_groups: {groups}\n") == expected


def test_what_they_become() -> None:
    """Defaults filled in."""
    groups = "[{name: x, targets: [a], fallback_group: y, aliases: [z]}, {name: y, targets: [b]}]"
    text = f"{GOOD}providers:\n  fallback: {{enabled: true}}\n  routing: {{strategy: lowest_latency}}{TARGETS}"
    compiled = compile_document(f"{text}model_groups: {groups}\n")

    assert compiled.groups == (ModelGroup("x", ("a",), ("z",), "y"), ModelGroup("y", ("b",)))
    assert compiled.routing == Routing("lowest_latency", 300, 5)
    assert compiled.targets[0].pricing == Pricing(2.0, 8.0, 2.0)
