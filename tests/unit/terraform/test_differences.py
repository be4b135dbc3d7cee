"""What a plan's JSON says of differences."""

from __future__ import annotations

from typing import Any

from keeptrusts.terraform.differences import differences, has_state, outputs


def change(actions: list[str], mode: str = "managed", kind: str = "keeptrusts_webhook", **more: Any) -> dict[str, Any]:
    return {"address": f"{kind}.one", "mode": mode, "type": kind, "change": {"actions": actions, **more}}


def test_each_action_has_a_word() -> None:
    """What is made, made anew, changed, deleted or let go differs; what is read or left alone does not."""
    for actions, what in (
        (["create"], "missing"),
        (["delete"], "extra"),
        (["forget"], "extra"),
        (["update"], "changed"),
        (["delete", "create"], "changed"),
        (["create", "delete"], "changed"),
    ):
        (found,) = differences({"resource_changes": [change(actions, before={"id": "wh_1"}, after={"id": "wh_1"})]})
        assert (found.what, found.outside) == (what, False)
    left = [change(["no-op"]), change(["read"], mode="data"), change(["read"])]
    assert differences({"resource_changes": left}) == ()


def test_what_only_follows_is_not_named() -> None:
    """Values that apply will show are a consequence of the others."""
    one = change(["update"], before={"a": 1, "b": 2, "c": 3}, after={"a": 1, "b": 5}, after_unknown={"c": True})
    (found,) = differences({"resource_changes": [one], "resource_drift": [one]})
    assert (found.attributes, found.outside, found.path) == (("b",), True, None)


def test_a_resource_of_somebody_else_has_no_address_of_ours() -> None:
    """Its attributes are named like any other's."""
    one = change(["update"], kind="aws_ecs_service", before={"id": "x", "a": 1}, after={"id": "x", "a": 2})
    (found,) = differences({"resource_changes": [one]})
    assert (found.attributes, found.path) == (("a",), None)


def test_documents_that_cannot_be_compared() -> None:
    """One that does not lint any more is named, and nothing is said of its meaning."""
    kind = "keeptrusts_configuration"
    one = change(["update"], kind=kind, before={"policy_yaml": "a: 1"}, after={"policy_yaml": "a: 2"})
    (found,) = differences({"resource_changes": [one]})
    assert (found.attributes, found.policy, found.weakened) == (("policy_yaml",), (), False)


def test_state_and_outputs() -> None:
    """A state of data sources alone is none; modules are looked into; outputs that stay are not named."""
    inner = {"resources": [{"mode": "managed"}]}
    assert not has_state({})
    assert not has_state({"prior_state": {"values": {"root_module": {"resources": [{"mode": "data"}]}}}})
    assert has_state({"prior_state": {"values": {"root_module": {"child_modules": [{"child_modules": [inner]}]}}}})
    assert outputs({"output_changes": {"a": {"actions": ["no-op"]}, "b": {"actions": ["update"]}}}) == ("b",)
