"""Ingest reads what gateways write today on a path of its own, which says of any record what the general one says."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeptrusts.control.event_records import LONGEST_COLUMN, PoisonError, Record, acted, look_closer, read_record
from keeptrusts.core.canonical import canonical_json
from keeptrusts.core.decision import Asked, Attempt, Decision, PolicyResult
from keeptrusts.core.ids import EVENT, make_id
from keeptrusts.trail.chain import link

texts = st.text(max_size=8) | st.sampled_from(("", "\x00", "\x01N", "\\", "a\tb", "\ud7ff", "x" * (LONGEST_COLUMN + 1)))
numbers = st.sampled_from((0, 1, 2**53 - 1, 1.5, 1e-5, 9e-6, 1e15, 1e21, 0.1 + 0.2)) | st.floats(
    allow_nan=False, allow_infinity=False
)
contents = st.none() | st.dictionaries(
    texts, st.recursive(texts | numbers | st.booleans(), lambda inner: st.lists(inner, max_size=2), max_leaves=3),
    max_size=2,
)  # fmt: skip
decisions = st.builds(
    Decision,
    id=st.just(make_id(EVENT, bytes(16))),
    timestamp=texts,
    request_id=texts,
    verdict=st.sampled_from(("allowed", "blocked", "maybe")),
    reason_code=texts,
    status=st.sampled_from((200, 409, 2**60)),
    gateway_id=st.none() | texts,
    model=st.none() | texts,
    user_id=st.none() | texts,
    cost_usd=st.none() | numbers,
    latency_ms=numbers,
    content=contents,
    attempts=st.lists(st.builds(Attempt, texts, texts, texts, latency_ms=numbers), max_size=1).map(tuple),
    policies=st.lists(
        st.builds(
            PolicyResult, texts, texts, st.sampled_from(("allowed", "blocked", "skipped")), texts,
            mode=st.sampled_from(("enforce", "shadow")), asked=st.lists(st.builds(Asked, texts), max_size=1).map(tuple),
            findings=st.lists(st.tuples(texts, st.integers(0, 9)), max_size=1).map(tuple),
        ),
        max_size=2,
    ).map(tuple),
)  # fmt: skip
changes: st.SearchStrategy[tuple[str, str]] = st.sampled_from(
    (
        ("", ""), ("", ""), (":null", ": null"), (',"status"', ',"novelty":1,"status"'), ('"agent_id":null,', ""),
        (":0,", ":-0,"), (":1,", ":1.0,"), ("1.5", "1.50"), ('"a', '"\\u0061'), ('"content":null', '"content":1e2'),
        ('"streamed":false', '"streamed":0'),
        ('"sequence":1', '"sequence":1.0'), ('"degraded":false', '"degraded":true'),
        ('"verdict":"allowed"}', '"verdict":"allowed","received_at":"x"}'),
    )
)  # fmt: skip


def _outcome(read: Any, raw: bytes) -> tuple[Any, ...]:
    try:
        record, body, apart = read(raw)
    except PoisonError as poison:
        return (str(poison),)
    return body, apart, acted(record), *_shown(record)


def _shown(record: Record) -> tuple[Any, ...]:
    return (
        record.id, record.event_type, record.verdict, record.why, record.gateway_id, record.model, record.user_id,
        record.request_id, record.sequence, record.prev_hash, record.hash, record.admits, record.timestamp,
        record.escalation_id, record.instance_id, record.agent_id, record.provider, record.configuration_id,
    )  # fmt: skip


def _hashed_as_it_stands(text: str, digest: str) -> bytes:
    """With the hash of these very bytes: what is wrong with them then is their form alone."""
    without = text.replace(f'"hash":"{digest}",', "", 1)
    return text.replace(digest, "sha256:" + hashlib.sha256(without.encode()).hexdigest(), 1).encode()


@pytest.mark.parametrize(("number", "form"), [(1, "1.0"), (0, "-0.0"), (9e-6, "9e-6"), (1e15, "1000000000000000.0")])
def test_a_number_of_another_form(number: float, form: str) -> None:
    """The short way does not let one pass that only it would write so."""
    decision = Decision(
        id=make_id(EVENT, bytes(16)), timestamp="", request_id="", verdict="allowed", reason_code="", status=200,
        cost_usd=number,
    )  # fmt: skip
    record = link(decision.as_event(), sequence=1, prev_hash=None, instance_id="gwi_1")
    written = canonical_json(record).decode()
    changed = re.sub('"cost_usd":[^,]*', f'"cost_usd":{form}', written)
    assert changed != written
    assert _outcome(read_record, _hashed_as_it_stands(changed, record["hash"])) == ("not_canonical",)


@given(decisions, changes)
def test_both_ways_say_the_same(decision: Decision, change: tuple[str, str]) -> None:
    """Of records as they are written, with any text and number in them, and of such that somebody changed."""
    try:
        record = link(decision.as_event(), sequence=1, prev_hash=None, instance_id="gwi_1")
        raw = _hashed_as_it_stands(canonical_json(record).decode().replace(*change, 1), record["hash"])
    except ValueError:
        return  # no gateway can write it
    assert _outcome(read_record, raw) == _outcome(look_closer, raw)


def test_what_gateways_write_is_read_the_short_way() -> None:
    """A plain decision comes back as the shape of today, with the text that was sent."""
    decision = Decision(
        id=make_id(EVENT, bytes(16)), timestamp="2030-01-01T00:00:00Z", request_id="req_1", verdict="blocked",
        reason_code="x", status=409, latency_ms=12.345, cost_usd=0.0012, content={"text": "a\n", "n": [1, 1.5]},
        attempts=(Attempt("t", "openai", "answered", 200, 3.25),),
        policies=(PolicyResult("dlp", "input", "blocked", "x", findings=(("mail", 1),), asked=(Asked("answered"),)),),
    )  # fmt: skip
    raw = canonical_json(link(decision.as_event(), sequence=1, prev_hash=None, instance_id="gwi_1"))
    record, body, apart = read_record(raw)
    assert type(record).__name__ == "Decided"
    assert (body, apart, acted(record)) == (raw.decode(), None, ("dlp",))


def test_each_character_is_written_in_one_way() -> None:
    """What the short way writes again to compare has the escapes of the canonical form, whatever the character."""
    every = [chr(point) for point in range(0x110000) if not 0xD800 <= point < 0xE000]
    assert msgspec.json.encode(every) == canonical_json(every)
