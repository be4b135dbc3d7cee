"""YAML into nodes: places, duplicate keys, bombs, and what is no document at all."""

from __future__ import annotations

import pytest

from keeptrusts.policy.source import MAX_BYTES, SourceError, decode_document, plain, read_source


def fault(text: str) -> tuple[str, int, int, str]:
    with pytest.raises(SourceError) as caught:
        read_source(text)
    finding = caught.value.finding
    return finding.code, finding.line, finding.column, finding.message


def value(text: str) -> object:
    return plain(read_source(text)[0])


def test_values_are_those_of_yaml() -> None:
    """Scalars, lists and mappings come out as JSON values."""
    said = value("a: 1\nb: [yes, 1.5, null, 'x', 0x1f]\nc: {d: 'on'}\n")
    assert said == {"a": 1, "b": [True, 1.5, None, "x", 31], "c": {"d": "on"}}


def test_dates_and_base_60_stay_text() -> None:
    """What only YAML 1.1 takes for something else stays as it was written."""
    assert value("a: 2024-01-01\nb: 12:30\n") == {"a": "2024-01-01", "b": "12:30"}


def test_a_key_is_the_text_that_was_written() -> None:
    """`on` is a key, not true."""
    assert value("on: 1\n7: 2\n") == {"on": 1, "7": 2}


def test_places_are_kept() -> None:
    """A node knows where it begins, and a mapping where its keys are."""
    root, _ = read_source("a:\n  b: [1, two]\n")
    assert isinstance(root.value, dict)
    inner = root.value["a"]
    assert (inner.keys["b"], inner.value["b"].value[1].spot) == ((2, 3), (2, 10))


def test_a_duplicate_key_is_found_at_any_depth() -> None:
    """The first one counts, and the second one is a finding with its place."""
    root, findings = read_source("a:\n  b: 1\n  c: 2\n  b: 3\n")
    assert plain(root) == {"a": {"b": 1, "c": 2}}
    assert [(one.code, one.path, one.line, one.column) for one in findings] == [("E005", "a.b", 4, 3)]


def test_aliases_and_merges_are_followed() -> None:
    """An alias stands for its anchor, and `<<` adds what is not given."""
    assert value("x: &x {a: 1, b: 2}\ny: *x\nz: {<<: *x, b: 3}\n") == {
        "x": {"a": 1, "b": 2},
        "y": {"a": 1, "b": 2},
        "z": {"b": 3, "a": 1},
    }


def test_a_bomb_of_aliases_is_refused() -> None:
    """Nine levels of nine aliases unfold to 387 million values."""
    levels = ["a0: &a0 [x,x,x,x,x,x,x,x,x]"]
    levels += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    assert fault("\n".join(levels))[3] == "the document unfolds to more than 100000 values"


def test_an_anchor_inside_itself_is_refused() -> None:
    """A value cannot hold itself."""
    assert fault("a: &a [*a]")[3] == "the alias `a` has no anchor before it"


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("", 1, 1, "the document is empty"),
        ("a: 1\n---\nb: 2\n", 2, 1, "the file holds more than one document"),
        ("a:\n\tb: 1\n", 2, 1, "a tab stands where YAML wants blanks"),
        ("a: !!python/object:os.system {}\n", 1, 4, "the tag `python/object:os.system` is not allowed"),
        ("a: \x07\n", 1, 4, "a control character that YAML does not allow"),
        ("? [a]\n: 1\n", 1, 3, "a key must be plain text"),
        ("a: .inf\n", 1, 4, "the number is too large"),
        ("a: 9007199254740993\n", 1, 4, "the number is too large"),
        ("a: \ud800\n", 1, 1, "the text holds half of a surrogate pair"),
        ("[" * 60, 1, 42, "nested deeper than 40 levels"),
        ("<<: 3\n", 1, 5, "`<<` takes a mapping"),
        ("a: !!int x\n", 1, 4, "`x` is not what its tag says"),
    ],
)
def test_what_cannot_be_read_says_where(text: str, line: int, column: int, message: str) -> None:
    """One finding with line and column."""
    code, *said = fault(text)
    assert said[2] == message
    assert code == "E000"
    if "surrogate" not in message:
        assert said[:2] == [line, column]


def test_broken_yaml_says_on_which_line() -> None:
    """The line of the problem, in lower case."""
    code, line, _, message = fault("a: 1\nb: [1, 2\nc: 3\n")
    assert (code, line) == ("E000", 3)
    assert message.startswith("not YAML: ")


def test_a_document_has_at_most_a_mebibyte() -> None:
    """One byte more is refused before it is parsed."""
    assert fault("# " + "x" * (MAX_BYTES - 1))[3] == f"the document has more than {MAX_BYTES} bytes"


def test_a_byte_order_mark_is_dropped() -> None:
    """In bytes and in text."""
    assert decode_document(b"\xef\xbb\xbfa: 1") == "a: 1"
    assert value("\ufeffa: 1") == {"a": 1}


def test_bytes_that_are_not_utf_8_say_where() -> None:
    """Line and column of the first byte that is not."""
    with pytest.raises(SourceError) as caught:
        decode_document(b"a: 1\nb: \xff")
    assert (caught.value.finding.line, caught.value.finding.column) == (2, 4)
