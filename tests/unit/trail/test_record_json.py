"""A quicker encoder of records writes what the canonical form is, or does not write."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from keeptrusts.core.canonical import canonical_json, digest
from keeptrusts.core.decision import Attempt, Decision, PolicyResult
from keeptrusts.core.exchange import Phase
from keeptrusts.trail import record_json as module
from keeptrusts.trail.record_json import record_digest, record_json

NUMBERS = (
    st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.floats(1e-7, 1e-3)
    | st.floats(1e13, 1e18)
    | st.integers(0, 10**9).map(lambda thousandths: thousandths / 1000)
)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=5), VALUES, max_size=6))
@example({"\u20ac": 1, "\ufb33": 3, "\U0001f600": 5})
@example({"a": '\x00\x07\b\t\n\f\r\x1f\x7f\u2028"\\/<\u00e9\U0001f600', "b": (1, [], {})})
@example({"latency_ms": 0.1234, "cost_usd": 0.00001234, "whole": 5.0, "minus": -0.0, "large": 123456789012345.6})
def test_it_writes_the_canonical_form(record: dict[str, Any]) -> None:
    """To the byte, for whatever JSON holds: the hash of a record does not depend on what wrote it."""
    assert record_json(record) == canonical_json(record)
    assert record_digest(record) == digest(record)


@pytest.mark.parametrize("unfit", [2**53, -(2**53), math.nan, math.inf, "\ud800", {1: 2}, {"a": b"bytes"}, {1}])
def test_what_has_no_form_is_refused_alike(unfit: Any) -> None:
    """With the error of the canonical form, wherever in a record it stands."""
    record = {"a": [{"b": unfit}]}

    with pytest.raises((ValueError, TypeError)) as expected:
        canonical_json(record)
    with pytest.raises(expected.type):
        record_json(record)


def test_a_usual_record_is_written_by_the_quicker_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a gateway makes it, with its phases, durations and counts."""
    said = tuple(PolicyResult(kind, phase, "allowed", "passed", latency_us=12) for kind in "ab" for phase in Phase)
    record = Decision(
        id="evt_1", timestamp="2026-01-01T00:00:00.000001Z", request_id="req_1", verdict="allowed",
        reason_code="passed", status=200, phase=Phase.INPUT, policies=said, latency_ms=1.234, overhead_us=410,
        input_tokens=300,
        attempts=(Attempt("up", "openai", "answered", 200, 0.713),),
    ).as_event()  # fmt: skip
    expected = canonical_json(record)
    monkeypatch.setattr(module, "canonical_json", None)

    assert record_json(record) == expected
