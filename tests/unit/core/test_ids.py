"""Ids sort by the time they were made."""

import pytest

from keeptrusts.core import ids

UUID = bytes.fromhex("0193a5b2c3d47e8f90a1b2c3d4e5f607")


def test_an_id_names_its_type() -> None:
    """Prefix, underscore, 32 digits."""
    assert ids.make_id(ids.EVENT, UUID) == "evt_0193a5b2c3d47e8f90a1b2c3d4e5f607"


def test_a_wrong_uuid_is_refused() -> None:
    """A short one would break the sorting."""
    with pytest.raises(ValueError, match="16 bytes"):
        ids.make_id(ids.EVENT, b"short")


@pytest.mark.parametrize("text", ["evt_", "evt_" + "g" * 32, "key_" + "0" * 32, "evt" + "0" * 32, "evt_" + "A" * 32])
def test_what_is_no_event_id(text: str) -> None:
    """Other types, other lengths, other digits."""
    assert not ids.is_id(text, ids.EVENT)


def test_a_time_becomes_a_bound() -> None:
    """Every id made at this millisecond or later is not below it."""
    made = ids.make_id(ids.EVENT, UUID)

    assert ids.is_id(made, ids.EVENT)
    assert ids.lowest_id(ids.EVENT, ids.made_at_ms(made)) <= made < ids.lowest_id(ids.EVENT, ids.made_at_ms(made) + 1)
