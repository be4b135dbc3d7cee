"""What lint says of rates, budgets and agents, and what they compile to."""

from __future__ import annotations

import pytest

from keeptrusts.policy.compiled import Agent, TokenLimit
from keeptrusts.policy.document import compile_document
from keeptrusts.policy.lint import lint_document

GOOD = """
pack: {name: p, version: 1.0.0, enabled: true}
policies: {chain: [audit-logger]}
policy: {audit-logger: {}}
providers: {targets: [{id: a, provider: mock}]}
"""


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ("token_rate_limit: {max_tokens: 10, window_seconds: 60, scope: key}", []),
        ("token_rate_limit: {max_tokens: 10}", [("E004", "token_rate_limit.window_seconds")]),
        ("token_rate_limit: {max_tokens: 0, window_seconds: 1}", [("E003", "token_rate_limit.max_tokens")]),
        ("token_rate_limit: {max_tokens: 1, window_seconds: 1, scope: ip}", [("E003", "token_rate_limit.scope")]),
        ("agents: [{id: x, max_requests_per_day: 1}, {id: x}]", [("E005", "agents[1].id")]),
        ("agents: [{id: x, max_cost_usd_per_day: 1}]", [("E009", "agents[0].max_cost_usd_per_day")]),
        ("agents: [{id: x, max_cost_usd_per_day: 0}]", [("E003", "agents[0].max_cost_usd_per_day")]),
    ],
)
def test_sections(section: str, expected: list[tuple[str, str]]) -> None:
    """A budget that nobody could count is refused."""
    assert [(one.code, one.path) for one in lint_document(f"{GOOD}{section}\n").errors] == expected


def test_what_they_become() -> None:
    """Defaults filled in."""
    limits = "token_rate_limit: {max_tokens: 10, window_seconds: 60}\nagents: [{id: x, max_tokens_per_day: 5}]\n"
    compiled = compile_document(GOOD + limits)

    assert compiled.token_limit == TokenLimit(10, 60, "global")
    assert compiled.agents == (Agent("x", (), None, 5, None),)
