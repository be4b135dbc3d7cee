"""Which messages a webhook wants."""

from __future__ import annotations

import pytest

from keeptrusts.api.event_types import is_known, matches, suggest_type, wants
from keeptrusts.api.webhooks import EVENT_TYPES


@pytest.mark.parametrize(
    ("pattern", "event_type", "fits"),
    [
        ("event.blocked", "event.blocked", True),
        ("event.blocked", "event.allowed", False),
        ("event.*", "event.blocked", True),
        ("event.*", "escalation.created", False),
        ("*", "escalation.created", True),
        ("*.created", "gateway.created", True),
        ("Event.Blocked", "event.blocked", False),
        ("event.block??", "event.blocked", False),
        ("event.[b]locked", "event.blocked", False),
    ],
)
def test_matching(pattern: str, event_type: str, fits: bool) -> None:
    """Exact, or with `*`; nothing else is special, and case counts."""
    assert matches(pattern, event_type) is fits


def test_several_patterns() -> None:
    """One that fits is enough."""
    assert wants(["configuration.*", "event.blocked"], "event.blocked")
    assert not wants(["configuration.*", "event.blocked"], "event.allowed")
    assert not wants([], "event.allowed")


def test_every_type_is_known_and_typing_errors_are_not() -> None:
    """With the type that was probably meant."""
    assert all(is_known(one) for one in EVENT_TYPES)
    assert all(is_known(one) for one in ("*", "event.*", "gateway.*", "*.created"))
    assert not any(is_known(one) for one in ("event.blokced", "events.*", "blocked", "event", ""))
    assert suggest_type("event.blokced") == "event.blocked"
    assert suggest_type("events.*") == "event.*"
    assert suggest_type("EVENT.BLOCKED") == "event.blocked"
    assert suggest_type("zzz") is None
