"""Ingest tells without writing an event anew whether it came as canonical JSON, and is right whatever comes."""

from __future__ import annotations

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from keeptrusts.control.event_records import is_canonical
from keeptrusts.core.canonical import canonical_json

NUMBERS = (
    "0", "1", "-1", "-0", "-0.0", "0.0", "1.0", "1.50", "-1.5", "0.1", "1.10", "1e5", "1E5", "-5E3", "1e-7", "1.25e1",
    "0.0000001", "1e20", "1e21", "100000000000000000000", "9007199254740991", "9007199254740993", "123456789012345678",
    "0.30000000000000004", "5e-324", "0e1", "-0e0", "12.0",
)  # fmt: skip
TEXTS = (
    '""', '"a"', '"sha256:12e45"', '"00:30:00.000000Z"', '":5e3"', '"a,5e3"', '"[1e5"', '"1e5"', '"\\u0061"', '"\\/"',
    '"\\n"', '"é"', '"\U0001f600"', '"\ue000"', '"1.0}"', '",-0"',
)  # fmt: skip
NAMES = ("", "a", "b", "e5", "é", "\ue000", "\U0001f600")

blanks = st.sampled_from(("", "", "", "", " ", "\n"))


def _items(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(lambda blank, found: f"[{(',' + blank).join(found)}]", blanks, st.lists(values, max_size=3))


def _members(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Mostly in order, and each name once."""
    names = st.lists(st.sampled_from(NAMES), max_size=3, unique=True).map(sorted) | st.lists(st.sampled_from(NAMES))
    return st.builds(
        lambda blank, keys, data: (
            "{" + ",".join(f'"{key}":{blank}{one}' for key, one in zip(keys, data, strict=False)) + "}"
        ),
        blanks,
        names,
        st.lists(values, max_size=3),
    )


scalars = st.sampled_from((*NUMBERS, *TEXTS, "true", "null"))
events = _members(st.recursive(scalars, lambda inner: _items(inner) | _members(inner), max_leaves=6))


@given(events)
@example('{"a":[1e5]}')
@example('{"a":[0,-0]}')
@example('{"a":"sha256:12e45","b":1.5}')
@example('{"\ue000":1,"\U0001f600":2}')
def test_it_is_told_right(raw: str) -> None:
    """As the canonical form itself says, whatever numbers, escapes, blanks and orders there are."""
    event = msgspec.json.decode(raw)
    try:
        expected = canonical_json(event) == raw.encode()
    except ValueError:
        expected = False  # a number that has no canonical form
    assert is_canonical(raw.encode(), event) == expected
