"""Which instances belong to a canary."""

from __future__ import annotations

from typing import Any

import pytest

from keeptrusts.core.errors import UntrustedBundleError
from keeptrusts.trail.canary import chosen, is_first

MANY = [f"gwi_{number}" for number in range(2000)]
MAIN = {
    "gateway_id": "gw_1", "configuration_id": "cfg_1", "configuration_version": 1, "config_digest": "sha256:old",
    "policy_yaml": "old", "epoch": 7,
}  # fmt: skip
NEW = {"configuration_id": "cfg_1", "configuration_version": 2, "config_digest": "sha256:new", "policy_yaml": "new"}


def first(percent: int) -> set[str]:
    """The share without a lead."""
    return {one for one in MANY if is_first("gw_1", one, percent, None)}


def test_a_share_is_about_as_large_as_it_says() -> None:
    """None of a hundred, ten, all of them."""
    assert 150 < len(first(10)) < 250
    assert first(100) == set(MANY)


def test_a_larger_share_adds_to_the_smaller() -> None:
    """Who is first at 10 % is first at 30 %, too."""
    assert first(10) < first(30) < first(60)


def test_each_gateway_has_others_first() -> None:
    """The ids of instances alone do not decide."""
    assert first(50) != {one for one in MANY if is_first("gw_2", one, 50, None)}


def test_the_rule_that_other_implementations_need() -> None:
    """As `api.runtime.BundleCanary` states it."""
    assert [is_first("gw_1", f"gwi_{number}", 30, None) for number in range(5)] == [False, False, True, False, True]


def test_the_lead_is_first_whatever_the_share() -> None:
    """So that a share of few is not none."""
    outside = next(one for one in MANY if one not in first(10))
    assert is_first("gw_1", outside, 10, outside)
    assert not is_first("gw_1", outside, 10, "gwi_another")


@pytest.mark.parametrize(("lead", "expected"), [("gwi_a", NEW), ("gwi_b", {})])
def test_an_instance_runs_its_part_of_the_bundle(lead: str, expected: dict[str, Any]) -> None:
    """The version of the share or the one of all others; the rest is the same for both."""
    assert not is_first("gw_1", "gwi_a", 1, None)
    assert chosen({**MAIN, "canary": {"percent": 1, "lead": lead, **NEW}}, "gwi_a") == {**MAIN, **expected}


def test_without_a_canary_it_is_the_bundle() -> None:
    """Nothing is chosen."""
    assert chosen(MAIN, "gwi_a") == MAIN


@pytest.mark.parametrize(
    "canary",
    [{}, [], 1, {"percent": True, "lead": None, **NEW}, {"percent": 1, "lead": 1, **NEW}],
)
def test_a_canary_that_is_not_complete(canary: object) -> None:
    """It is not guessed what it means."""
    with pytest.raises(UntrustedBundleError, match="not complete"):
        chosen({**MAIN, "canary": canary}, "gwi_a")
