"""One text behind its stages: what is let go, how far behind, and where it ends."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from hypothesis import given
from hypothesis import strategies as st

from keeptrusts.core.verdict import Allow, Block, Edit, Match, Redact, Verdict
from keeptrusts.flow.window import Atom, Pipeline, Stage

Judge = Callable[[str], Verdict]


def text_of(atoms: Iterable[Atom]) -> str:
    return "".join(atom.text for atom in atoms)


def redacting(pattern: str, replacement: str) -> Judge:
    """Redacts what the pattern finds, or its group: what a look-ahead finds may lie over each other."""

    def judge(text: str) -> Verdict:
        spans = [one.span(one.re.groups) for one in re.finditer(pattern, text)]
        edits = tuple(Edit((), start, end, "x", replacement) for start, end in spans)
        return Redact("r.x", edits) if edits else Allow()

    return judge


def blocking(pattern: str) -> Judge:
    def judge(text: str) -> Verdict:
        found = tuple(Match((), one.start(), one.end(), "x") for one in re.finditer(pattern, text))
        return Block("b.x", "no", found) if found else Allow()

    return judge


def test_it_stays_the_hold_back_behind() -> None:
    """No more than that, and at the end nothing stays."""
    stage = Stage(blocking("never"), 5)

    assert [text_of(stage.feed([Atom(3, "abc")])) for _ in range(3)] == ["", "a", "bca"]
    assert stage.held == 5
    assert text_of(stage.flush()) == "bcabc"


def test_a_replacement_leaves_with_the_start_of_its_match() -> None:
    """What the match still covers is swallowed when it comes, and the match is noted once."""
    stage = Stage(redacting("secret", "#"), 6)

    assert text_of(stage.feed([Atom(9, "ab secret")])) == "ab "
    assert [text_of(stage.feed([Atom(1, letter)])) for letter in " and x"] == ["#", "", "", "", "", ""]
    assert text_of(stage.flush()) == " and x"
    assert [(match.start, match.end) for match in stage.matches] == [(3, 9)]


def test_a_run_of_matches_is_not_held_to_its_end() -> None:
    """Matches that lie over each other without end are one replacement, and the hold-back stays what it is."""
    stage = Stage(redacting("(?=(aaaa))", "#"), 4)
    out = []
    for _ in range(50):
        out.append(text_of(stage.feed([Atom(1, "a")])))
        assert stage.held <= 4
    out.append(text_of(stage.feed([Atom(9, "b, and so")])) + text_of(stage.flush()))

    assert "".join(out) == "#b, and so"
    assert out[4] == "#"


def test_sources_add_up() -> None:
    """Each atom says how much of the model's text it stands for, and so frames know when they are decided."""
    pipeline = Pipeline([Stage(redacting("ab", "[long]"), 2), Stage(redacting("on", ""), 2)])
    atoms = [*pipeline.feed("xab"), *pipeline.feed("y"), *pipeline.flush()]

    assert text_of(atoms) == "x[lg]y"
    assert sum(atom.source for atom in atoms) == len("xaby")


def test_a_replacement_that_is_cut_belongs_to_one_source() -> None:
    """A later stage lets the first letters of a replacement go: the source follows with the last."""
    pipeline = Pipeline([Stage(redacting("ab", "[long]"), 2), Stage(blocking("never"), 3)])
    pipeline.feed("xab")

    assert pipeline.feed("yz") == [Atom(1, "x"), Atom(0, "[lo")]
    assert pipeline.flush() == [Atom(0, "ng"), Atom(2, "]"), Atom(2, "yz")]


def test_what_stands_before_a_match_is_still_seen() -> None:
    """`xab` holds no match of its own, also when the `x` has left long before."""
    stage = Stage(redacting("(?<!x)ab", "#"), 3)
    atoms = [atom for letter in "..xab.xab..ab." for atom in stage.feed([Atom(1, letter)])]

    assert text_of(atoms) + text_of(stage.flush()) == "..xab.xab..#."


def test_the_reason_is_that_of_the_match_that_ended_it() -> None:
    """Not of one that only the cut of the text makes, before it."""

    def judge(text: str) -> Verdict:
        found = [Match((), one.start(), one.end(), one[0]) for one in re.finditer("(?<!a)b|stop", text)]
        return Block(f"k.{found[0].category}", "no", tuple(found)) if found else Allow()

    stage = Stage(judge, 4)
    atoms = [atom for letter in "...abstop..." for atom in stage.feed([Atom(1, letter)])]

    assert text_of(atoms) == "...ab"
    assert stage.cut is not None
    assert stage.cut.verdict.code == "k.stop"


def test_nothing_leaves_after_a_cut() -> None:
    """The text ends before the match; what is fed later is not let go, and the match is named by its place."""
    stage = Stage(blocking("stop"), 4)
    before = text_of(stage.feed([Atom(11, "go on, stop")])) + text_of(stage.feed([Atom(5, "stop!")]))

    assert before == "go on, "
    assert stage.cut is not None
    assert [(match.start, match.end) for match in stage.cut.verdict.matches] == [(7, 11)]
    assert text_of(stage.feed([Atom(3, "abc")])) + text_of(stage.flush()) == ""


def test_stages_behind_a_cut_are_not_flushed() -> None:
    """What they hold might have become a match: the text was to go on."""
    pipeline = Pipeline([Stage(blocking("stop"), 4), Stage(redacting("secret", "#"), 6)])
    atoms = [*pipeline.feed("a long way, sec"), *pipeline.feed("stop and more"), *pipeline.flush()]

    assert text_of(atoms) == "a long wa"
    assert pipeline.cut is not None
    assert pipeline.cut[0] == 0


def test_of_two_cuts_the_one_further_to_the_front_counts() -> None:
    """The later stage saw less of the text, so it ended it earlier."""
    pipeline = Pipeline([Stage(blocking("stop"), 4), Stage(blocking("halt"), 4)])
    atoms = [*pipeline.feed("now halt and stop now"), *pipeline.flush()]

    assert text_of(atoms) == "now "
    assert pipeline.cut is not None
    assert pipeline.cut[0] == 1


def test_a_block_without_a_place_lets_nothing_more_out() -> None:
    """A kind that crashed cannot say where."""
    stage = Stage(lambda _: Block("b.error", "failed"), 2)

    assert text_of(stage.feed([Atom(9, "some text")])) + text_of(stage.flush()) == ""
    assert stage.cut is not None


@given(st.text("ab-", max_size=40), st.lists(st.integers(1, 7), max_size=12), st.sampled_from(["", "a", "ab", "<aab>"]))
def test_what_is_let_go_depends_on_the_prefix_alone(text: str, sizes: list[int], replacement: str) -> None:
    """After each delta as much has left as would have if the text had come in single characters."""
    by_delta, by_letter = (Stage(redacting("aab", replacement), 3) for _ in range(2))
    left, out, single = text, "", ""
    for size in [*sizes, len(text)]:
        piece, left = left[:size], left[size:]
        out += text_of(by_delta.feed([Atom(len(piece), piece)]))
        single += "".join(text_of(by_letter.feed([Atom(1, letter)])) for letter in piece)
        assert out == single
    assert out + text_of(by_delta.flush()) == text.replace("aab", replacement)


@given(st.lists(st.text("abon-", max_size=6), max_size=12), st.sampled_from(["", "a", "[long]"]))
def test_a_stage_that_knows_silence_says_the_same(pieces: list[str], replacement: str) -> None:
    """Asking first whether there is anything to find changes nothing of what leaves, nor of what was found."""

    def stages(*, asked: bool) -> list[Stage]:
        silent = (lambda text: "ab" not in text, lambda text: "on" not in text) if asked else (None, None)
        return [
            Stage(redacting("ab", replacement), 2, None, silent[0]),
            Stage(redacting("on", "!"), 3, None, silent[1]),
        ]

    plain, asking = stages(asked=False), stages(asked=True)
    one, other = Pipeline(plain), Pipeline(asking)
    for piece in pieces:
        mine, yours = one.feed(piece), other.feed(piece)
        assert text_of(mine) == text_of(yours)
        assert sum(atom.source for atom in mine) == sum(atom.source for atom in yours)
    assert text_of(one.flush()) == text_of(other.flush())
    assert [stage.matches for stage in plain] == [stage.matches for stage in asking]


def test_what_is_added_stands_behind_the_text() -> None:
    """It depends on the whole of it, is noted where the text ends, and is judged by the stages behind."""

    def count(text: str) -> Verdict:
        return Redact("a.x", (Edit((), len(text), len(text), "x", f"+{text}"),))

    adding, last = Stage(redacting("b", ""), 1, count), Stage(redacting(r"\+a", "!"), 2)
    pipeline = Pipeline([adding, last])

    assert text_of([*pipeline.feed("ab"), *pipeline.feed("c"), *pipeline.flush()]) == "ac!bc"
    assert [(match.start, match.end) for match in adding.matches] == [(1, 2), (3, 3)]


def test_nothing_is_added_behind_a_cut() -> None:
    """The text was to go on."""
    stage = Stage(blocking("b"), 1, lambda text: Redact("a.x", (Edit((), len(text), len(text), "x", "+"),)))

    assert text_of([*stage.feed([Atom(3, "abc")]), *stage.flush()]) == "a"


def test_what_cannot_be_added_ends_the_text() -> None:
    """A kind that fails there blocks, as it does anywhere."""
    stage = Stage(blocking("never"), 1, lambda _: Block("b.error", "no"))

    assert text_of([*stage.feed([Atom(2, "ab")]), *stage.flush()]) == "ab"
    assert stage.cut is not None
    assert stage.cut.verdict.code == "b.error"
