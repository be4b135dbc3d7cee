"""JSON that means one thing only, and edits that leave the rest of it as it arrived."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeptrusts.core.errors import UnreadableError
from keeptrusts.core.exchange import Place
from keeptrusts.wire.strict_json import INNER, KEY, MARKS, MAX_DEPTH, NotJsonError, parse_json, parse_object, splice

TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
NAMES = TEXT.filter(lambda name: name not in MARKS)
DOCUMENTS = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=8,
)
SPACED = st.sampled_from([{}, {"separators": (",", ":")}, {"indent": 1}, {"ensure_ascii": False}])


def places(document: Any, here: Place = ()) -> list[Place]:
    """Every place of a document but the root."""
    inside = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    return [place for step, child in inside for place in ((*here, step), *places(child, (*here, step)))]


def put(document: Any, place: Place, value: Any) -> None:
    for step in place[:-1]:
        document = document[step]
    document[place[-1]] = value


@given(DOCUMENTS, SPACED)
def test_what_is_json_is_read(document: Any, spaced: dict[str, Any]) -> None:
    """In any spacing and with or without escapes."""
    assert parse_json(json.dumps(document, **spaced).encode()) == document


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[1,]", b"{'a':1}", b"nul", b"01", b'"\x01"', b"\xef\xbb\xbf{}", b"\xff", b'"\xed\xa0\x80"', b"1 2"],
)
def test_what_no_parser_reads_is_not_json(raw: bytes) -> None:
    """So no two parsers can differ on it."""
    with pytest.raises(NotJsonError):
        parse_json(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":1,"a":2}',
        b'{"a":1,"\\u0061":2}',
        b'[{"b":{"a":1,"a":1}}]',
        b"NaN",
        b'{"a":-Infinity}',
        b"1e999",
        b"-1e999",
        b"1" * 5000,
        b'"\\ud800"',
        b'{"\\udfff":1}',
        b'"\\ud83d\\u0041"',
        b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
        b"[" * 200_000 + b"]" * 200_000,
        b'{"a":' * 1000 + b"1" + b"}" * 1000,
    ],
)
def test_what_parsers_differ_on_is_refused(raw: bytes) -> None:
    """Duplicate keys, constants, numbers out of range, lone surrogates, depth: unreadable, and not merely no JSON."""
    with pytest.raises(UnreadableError) as refused:
        parse_json(raw)

    assert not isinstance(refused.value, NotJsonError)


def test_depth_of_exactly_the_limit_is_read() -> None:
    """The limit itself is allowed, and brackets inside texts do not count."""
    parse_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    assert parse_json(json.dumps("[{" * 1000).encode()) == "[{" * 1000


@pytest.mark.parametrize("raw", [b"[]", b'"a"', b"1", b"null"])
def test_a_body_is_an_object(raw: bytes) -> None:
    """Anything else is no request."""
    with pytest.raises(UnreadableError, match="object"):
        parse_object(raw)


@given(DOCUMENTS, SPACED, st.data())
def test_a_splice_changes_one_place(document: Any, spaced: dict[str, Any], data: st.DataObject) -> None:
    """The document with the new value there, and nothing else changed."""
    raw = json.dumps(document, **spaced).encode()
    found = places(document)
    if not found:
        assert splice(raw, {}) == raw
        return
    place = data.draw(st.sampled_from(found))
    value = data.draw(TEXT)
    expected = json.loads(raw)
    put(expected, place, value)

    assert json.loads(splice(raw, {place: value})) == expected


def test_values_off_the_way_keep_their_bytes() -> None:
    """Escapes, digits and inner spacing are those that came; only the containers on the way are written anew."""
    raw = b'{ "a" : {"x":  1.10e+2 , "y":"\\u0061\\/"}, "b" : [ {"k":1}, "old", 1e5 ], "c":"\\ud83d\\ude42" }'

    assert splice(raw, {("b", 1): "new"}) == (
        b'{"a":{"x":  1.10e+2 , "y":"\\u0061\\/"},"b":[{"k":1},"new",1e5],"c":"\\ud83d\\ude42"}'
    )


def test_without_changes_nothing_is_written() -> None:
    """Law 5: the very bytes."""
    raw = b' {"a" : "\\u0061"} '
    assert splice(raw, {}) is raw


@given(st.dictionaries(NAMES, st.one_of(TEXT, st.integers()), min_size=1, max_size=3), SPACED, st.data())
def test_json_inside_a_text_is_spliced(inner: dict[str, Any], spaced: dict[str, Any], data: st.DataObject) -> None:
    """As the arguments of a tool call are."""
    raw = json.dumps({"arguments": json.dumps(inner, **spaced), "z": 1}).encode()
    name = data.draw(st.sampled_from(sorted(inner)))
    changed = json.loads(splice(raw, {("arguments", INNER, name): 'new "value"'}))

    assert json.loads(changed["arguments"]) == inner | {name: 'new "value"'}
    assert changed["z"] == 1


def test_an_absent_member_is_added() -> None:
    """At the end, and with what lies in it."""
    assert splice(b'{"a":1}', {("max_tokens",): 5}) == b'{"a":1,"max_tokens":5}'


def test_a_member_is_renamed_in_its_place() -> None:
    """The value stays; a name that is taken gets a number behind it, so that no member is lost."""
    raw = b'{"[X]":0,"a":1,"b":2,"c":3}'
    changes: dict[Place, object] = {("a", KEY): "[X]", ("b", KEY): "[X]", ("b",): 5}

    assert splice(raw, changes) == b'{"[X]":0,"[X] 2":1,"[X] 3":5,"c":3}'
