"""
Stages: transducers that a streamed text passes through, a little behind the model (ADR-0003).

What a stage has let go after any prefix of the text is a function of that prefix alone. So the stream says the same
however its bytes and deltas are cut, and what it says is what the whole text would have become.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import NamedTuple, TypeAlias, TypeVar

from keeptrusts.core.verdict import PASS, Block, Edit, Escalate, Match, Redact, Verdict, merge_edits

M = TypeVar("M", bound=Match)
JudgeText: TypeAlias = Callable[[str], Verdict]
IsSilent: TypeAlias = Callable[[str], bool]
"""Whether the judge surely finds nothing in a text. No says nothing."""

BEFORE = 1
"""Released characters that are still looked at: what stands before the start of a match may decide it (policy.kind)."""


class Atom(NamedTuple):
    """
    Text and how many characters of the model's text it stands for.

    Equal lengths: it can be split anywhere. Else it is a replacement; cutting it leaves the source with the last part.
    """

    source: int
    text: str


@dataclass(frozen=True, slots=True)
class Cut:
    """A policy ended the text here, for the matches that its verdict names."""

    verdict: Block | Escalate


class Stage:
    """
    One policy's passage over a text.

    A replacement leaves as soon as its match is settled, and what the match covers is swallowed as it comes: so a run
    of matches that lie over each other is not held to its end.

    Args:
        holdback: How far the client stays behind the model, in characters. A match no longer than this never leaves,
            not even its first letter.
        ending: What is added behind the text, decided by the whole of it.
        is_silent: Asked before the judge, since it costs less.
    """

    def __init__(
        self, judge: JudgeText, holdback: int, ending: JudgeText | None = None, is_silent: IsSilent | None = None
    ) -> None:
        self._judge = judge
        self._is_silent = is_silent
        self._holdback = holdback
        self._ending = ending
        self._taken: list[str] = []
        self._context = ""
        self._pending = _Queue()
        self._released = 0
        self._covered = 0
        self.cut: Cut | None = None
        self.matches: list[Match] = []

    @property
    def held(self) -> int:
        """Characters not yet let go."""
        return len(self._pending.text)

    def pass_on(self, text: str) -> str | None:
        """As `feed`, where that finds nothing in plain text. None: ask `feed`; nothing has been taken in."""
        pending = self._pending
        if self._is_silent is None or self.cut is not None or self._covered or not pending.is_plain:
            return None
        held = pending.text + text
        settled = len(held) - self._holdback
        if settled > 0 and not self._is_silent(self._context + held):
            return None
        if self._ending is not None:
            self._taken.append(text)
        if settled <= 0:
            pending.text = held
            return ""
        passed, pending.text = held[:settled], held[settled:]
        self._context = (self._context + passed)[-BEFORE:]
        self._released += settled
        return passed

    def mark(self) -> _Mark:
        """What `rewind` needs to forget what is fed from now on."""
        return _Mark(
            len(self._taken), self._context, self._pending.copied(), self._released, self._covered, len(self.matches)
        )

    def rewind(self, mark: _Mark) -> None:
        """Be as it was, before the text was cut."""
        del self._taken[mark.taken :], self.matches[mark.matches :]
        self._context, self._pending = mark.context, mark.pending
        self._released, self._covered = mark.released, mark.covered
        self.cut = None

    def feed(self, atoms: Iterable[Atom]) -> list[Atom]:
        """Take more text in; what may leave now. After a cut nothing does."""
        if self.cut is not None:
            return []
        added = list(atoms)
        if self._ending is not None:
            self._taken += [atom.text for atom in added]
        self._pending.add(added)
        return self._advance(final=False)

    def flush(self) -> list[Atom]:
        """The text is complete: what is left of it."""
        return [] if self.cut is not None else [*self._advance(final=True), *self._added()]

    def _added(self) -> list[Atom]:
        if self._ending is None or self.cut is not None:
            return []
        verdict = self._ending("".join(self._taken))
        if isinstance(verdict, Block | Escalate):
            self.cut = Cut(verdict)
        if not isinstance(verdict, Redact):
            return []
        self.matches += verdict.edits
        return [Atom(0, edit.replacement) for edit in verdict.edits]

    def _advance(self, *, final: bool) -> list[Atom]:
        settled = self.held if final else self.held - self._holdback
        if settled <= 0:
            return self._pending.take_all() if final else []
        start = len(self._context)
        window = self._context + self._pending.text
        # What is not the end has been asked by `pass_on`, but for text that is not plain.
        silent = final and self._is_silent is not None and self._is_silent(window)
        verdict = PASS if silent else self._judge(window)
        # A match that begins before `start` was looked at when more stood before it; one that begins after `limit`
        # may still turn out to be another.
        limit = start + settled
        found = [match for match in verdict.matches if start <= match.start < limit]
        if isinstance(verdict, Block | Escalate) and (found or not verdict.matches):
            return self._end(verdict, found, start)
        self.matches += self._placed(found, start)
        edits = [_moved(match, -start) for match in found if isinstance(match, Edit)]
        return self._release(settled, self._clipped(edits, settled), final=final)

    def _end(self, verdict: Block | Escalate, found: Sequence[Match], start: int) -> list[Atom]:
        first = min((match.start for match in found), default=start)
        # the later ones are there or not as the text was cut: they did not end it
        ending = [match for match in found if match.start == first]
        self.cut = Cut(replace(verdict, code=_code(verdict, ending), matches=self._placed(ending, start)))
        return self._release(first - start, self._clipped((), first - start))

    def _clipped(self, edits: Iterable[Edit], count: int) -> list[Edit]:
        """United edits of the first `count` pending characters; what one covers beyond is swallowed when it comes."""
        if self._covered:
            # One character further to the front than it is, so that what begins with it cannot lend its replacement.
            edits = [Edit((), -1, self._covered, "", ""), *edits]
        united = merge_edits(edits)
        self._covered = max((edit.end - count for edit in united), default=0)
        self._covered = max(self._covered, 0)
        return [replace(edit, start=max(edit.start, 0), end=min(edit.end, count)) for edit in united]

    def _placed(self, found: Iterable[Match], start: int) -> tuple[Match, ...]:
        return tuple(_moved(match, self._released - start) for match in found)

    def _release(self, count: int, edits: Sequence[Edit], *, final: bool = False) -> list[Atom]:
        """Let the first `count` pending characters go, with these edits (positions among the pending)."""
        self._context = (self._context + self._pending.text[:count])[-BEFORE:]
        self._released += count
        atoms: list[Atom] = []
        at = 0
        for edit in edits:
            atoms += self._pending.take(edit.start - at)
            covered = self._pending.take(edit.end - edit.start)
            atoms.append(Atom(sum(one.source for one in covered), edit.replacement))
            at = edit.end
        atoms += self._pending.take(count - at)
        return atoms + self._pending.take_all() if final else atoms


class _Mark(NamedTuple):
    """The state of a stage that is not cut: lists by their length, since they only grow."""

    taken: int
    context: str
    pending: _Queue
    released: int
    covered: int
    matches: int


class Pipeline:
    """The stages of one text in the order of the chain: later ones see what earlier ones left of it."""

    def __init__(self, stages: Sequence[Stage]) -> None:
        self._stages = stages

    @property
    def cut(self) -> tuple[int, Cut] | None:
        """The stage that ended the text: of several the last, since it lies furthest to the front of the text."""
        cuts = [(index, stage.cut) for index, stage in enumerate(self._stages) if stage.cut is not None]
        return cuts[-1] if cuts else None

    def feed(self, text: str) -> list[Atom]:
        """Take more of the model's text in; what the client may see now."""
        for index, stage in enumerate(self._stages):
            passed = stage.pass_on(text)
            if passed is None:
                atoms = [Atom(len(text), text)]
                for other in self._stages[index:]:
                    atoms = other.feed(atoms)
                return atoms
            text = passed
            if not text:
                return []
        return [Atom(len(text), text)]

    def feed_uncut(self, text: str) -> list[Atom] | None:
        """As `feed`. None: a policy ends the text in there; nothing has been taken in."""
        if self.cut is not None:
            return None
        marks = [stage.mark() for stage in self._stages]
        atoms = self.feed(text)
        if self.cut is None:
            return atoms
        for stage, mark in zip(self._stages, marks, strict=True):
            stage.rewind(mark)
        return None

    def flush(self) -> list[Atom]:
        """The model is done. Behind a cut the stages let go only what is settled: the text was to go on."""
        atoms: list[Atom] = []
        open_end = True
        for stage in self._stages:
            atoms = stage.feed(atoms)
            if open_end:
                atoms += stage.flush()
            open_end = open_end and stage.cut is None
        return atoms


class _Queue:
    """Atoms in order, and their text. Plain text, which can be split anywhere, is kept as text alone."""

    def __init__(self) -> None:
        self._atoms: deque[Atom] = deque()
        self.text = ""

    def copied(self) -> _Queue:
        """One that is filled and emptied by itself."""
        copy = _Queue()
        copy._atoms, copy.text = self._atoms.copy(), self.text
        return copy

    @property
    def is_plain(self) -> bool:
        """Every character stands for itself."""
        return not self._atoms

    def add(self, atoms: Sequence[Atom]) -> None:
        if all(atom.source == len(atom.text) for atom in chain(self._atoms, atoms)):
            self._atoms.clear()
        else:
            if self.text and not self._atoms:
                self._atoms.append(Atom(len(self.text), self.text))
            self._atoms.extend(atoms)
        self.text += "".join(atom.text for atom in atoms)

    def take(self, count: int) -> list[Atom]:
        """The first `count` characters."""
        if self.is_plain:
            plain, self.text = self.text[:count], self.text[count:]
            return [Atom(count, plain)] if count > 0 else []
        taken: list[Atom] = []
        left = count
        while left > 0:
            atom = self._atoms.popleft()
            if len(atom.text) > left:
                head, tail = _split(atom, left)
                self._atoms.appendleft(tail)
                atom = head
            left -= len(atom.text)
            taken.append(atom)
        self.text = self.text[count:]
        return taken

    def take_all(self) -> list[Atom]:
        """Everything, atoms without text included."""
        taken = list(self._atoms) or [Atom(len(self.text), self.text)] * bool(self.text)
        self._atoms.clear()
        self.text = ""
        return taken


def _split(atom: Atom, count: int) -> tuple[Atom, Atom]:
    head, tail = atom.text[:count], atom.text[count:]
    if atom.source == len(atom.text):
        return Atom(count, head), Atom(len(tail), tail)
    return Atom(0, head), Atom(atom.source, tail)


def _code(verdict: Block | Escalate, ending: Sequence[Match]) -> str:
    """The reason of these matches, where the verdict's own names the first of all."""
    if not ending or not verdict.code.endswith(f".{verdict.matches[0].category}"):
        return verdict.code
    return verdict.code.removesuffix(verdict.matches[0].category) + ending[0].category


def _moved(match: M, by: int) -> M:
    return replace(match, start=match.start + by, end=match.end + by)
