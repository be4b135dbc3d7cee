"""
A streamed answer on its way to the client: frames in order, each let go when its texts are decided.

A frame whose texts came out as they went in leaves with its own bytes; any other is written anew around what is left of
them. Tool calls are decided when they are complete, and hold what follows them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from keeptrusts.core.errors import UnreadableError
from keeptrusts.core.exchange import Place
from keeptrusts.flow.window import Atom, Cut, Pipeline
from keeptrusts.wire.chat_stream import is_key
from keeptrusts.wire.readings import Channel, Chunk, Piece, Usage
from keeptrusts.wire.sse import encode_frame
from keeptrusts.wire.strict_json import splice


@dataclass(slots=True)
class _Share:
    """What a frame adds to a channel: how much of it is still undecided, and what has come out so far."""

    piece: Piece
    left: int
    again: bool = False
    """It repeats what its channel has said, and is written as that was."""
    out: list[str] = field(default_factory=list)

    @property
    def is_said(self) -> bool:
        """The client may put it together with what other frames say there."""
        return not self.piece.whole


@dataclass(slots=True)
class _Held:
    chunk: Chunk
    shares: list[_Share]

    @property
    def is_decided(self) -> bool:
        return all(share.left == 0 for share in self.shares)


class _Track:
    """A channel: its pipeline, and the shares that wait for what it lets go. No pipeline: decided at the end."""

    def __init__(self, pipeline: Pipeline | None) -> None:
        self.pipeline = pipeline
        self.text: list[str] = []
        self._waiting: deque[_Share] = deque()
        self._last: _Share | None = None
        self._closed = False

    @property
    def is_open(self) -> bool:
        """Its text may go on, and is decided as it does."""
        return self.pipeline is not None and not self._closed

    def add_together(self, shares: Sequence[_Share]) -> bool:
        """Take them in as one text. No: it would be cut, and nothing has been taken in."""
        assert self.pipeline is not None
        said = [share.piece.text for share in shares]
        atoms = self.pipeline.feed_uncut("".join(said))
        if atoms is None:
            return False
        self.text += said
        self._waiting += shares
        self.absorb(atoms)
        return True

    def add(self, share: _Share) -> None:
        if self._closed:
            raise UnreadableError("a text goes on behind its end")
        self.text.append(share.piece.text)
        self._waiting.append(share)
        if self.pipeline is not None:
            self.absorb(self.pipeline.feed(share.piece.text))

    def close(self) -> None:
        """Nothing more will be said here: what is left of it."""
        if self.pipeline is not None and not self._closed:
            self._closed = True
            self.absorb(self.pipeline.flush())

    def absorb(self, atoms: Sequence[Atom]) -> None:
        """Hand what was let go to the shares whose source it stands for."""
        for atom in atoms:
            if atom.source == len(atom.text):
                self._spread(atom.text)
                continue
            # What is added behind the text goes with the last of it: a kind that adds something holds that to the end.
            share = self._waiting[0] if self._waiting else self._last
            if share is not None:
                share.out.append(atom.text)
            self._consume(atom.source)

    def _spread(self, text: str) -> None:
        at = 0
        while at < len(text):
            share = self._waiting[0]
            head = text[at : at + share.left]
            share.out.append(head)
            self._consume(len(head))
            at += len(head)

    def _consume(self, count: int) -> None:
        while count > 0:
            share = self._waiting[0]
            used = min(count, share.left)
            share.left -= used
            count -= used
            if share.left == 0:
                self._last = self._waiting.popleft()


@dataclass(slots=True)
class _Run:
    """Shares that follow one another on one channel, in frames that say nothing else."""

    track: _Track | None = None
    shares: list[_Share] = field(default_factory=list)


class Relay:
    """
    The state of one streamed answer.

    Args:
        pipeline_of: The stages for a channel; None when its texts are decided whole, at the end.
        governed: A policy looks at it. It goes without token tables, which repeat the text, and nothing leaves before
            the first text does: until then a refusal can be a plain answer.
        whole: Nothing leaves before `settle_whole`.
    """

    def __init__(self, pipeline_of: Callable[[Channel], Pipeline | None], *, governed: bool, whole: bool) -> None:
        self._pipeline_of = pipeline_of
        self._governed = governed
        self._waits = whole
        self._begun = not governed
        self._tracks: dict[Channel, _Track] = {}
        self._queue: deque[_Held] = deque()
        self._sent: dict[Channel, list[str]] = {}
        self.call_ids: dict[tuple[int, int], str] = {}
        self.names: dict[str, None] = {}
        """Of fields that nobody knows."""
        self._alone: dict[Channel, str] = {}
        self.usage = Usage()
        self._behind = 0
        self.most_behind = 0
        """Characters that the model had said and the client had not, at most."""
        self.cut: tuple[int, Cut] | None = None
        self._cut_track: _Track | None = None
        self._run = _Run()

    def join(self, chunk: Chunk) -> bool:
        """
        Take a frame in together with those joined before it, to be looked at when `settle` asks for what may leave.

        No: it says something else than a piece of the text that they say. They are to be settled, and it taken in.
        """
        if len(chunk.pieces) != 1 or chunk.usage is not None or chunk.call_ids or chunk.closes:
            return False
        piece = chunk.pieces[0]
        track = self._run.track if self._run.shares else self._tracks.get(piece.channel)
        if track is None or self._tracks.get(piece.channel) is not track or not track.is_open:
            return False
        if piece.whole or piece.final or is_key(piece.place):
            return False
        share = _Share(piece, len(piece.text))
        self._run.track = track
        self._run.shares.append(share)
        self._queue.append(_Held(chunk, [share]))
        self._behind += share.left
        return True

    def settle(self) -> bytes:
        """What may leave of the frames that were joined."""
        run, self._run = self._run, _Run()
        if run.track is None:
            return b""
        if len(run.shares) == 1 or not run.track.add_together(run.shares):
            # Where a policy ends the text, what stands before that is let go frame by frame.
            for share in run.shares:
                run.track.add(share)
                self._note_cut(run.track)
                if self.cut is not None:
                    break
        return self._drain()

    def take(self, chunk: Chunk) -> bytes:
        """Take a frame in, behind all that were joined; the bytes that may leave now."""
        if chunk.usage is not None:
            self.usage = chunk.usage
        self.call_ids.update(chunk.call_ids)
        shares = [self._share(piece) for piece in chunk.pieces if not self._is_name(piece)]
        self._queue.append(_Held(chunk, shares))
        self._behind += sum(share.left for share in shares)
        for share in shares:
            if not share.again and not self._is_decided_alone(share):
                track = self._track(share.piece.channel)
                track.add(share)
                self._note_cut(track)
            if self.cut is not None:
                break
        if self.cut is None:
            self._close(chunk.closes)
        return self._drain()

    def close(self) -> None:
        """Forget how texts are decided, and what was said."""
        self._pipeline_of = _undecided
        self._tracks.clear()
        self._queue.clear()
        self._cut_track = None

    def settle_whole(self, changed: Mapping[Channel, str]) -> bytes:
        """The channels without a pipeline are decided: changed ones as given, the rest as they came."""
        for channel, track in self._tracks.items():
            if track.pipeline is None:
                text = "".join(track.text)
                new = changed.get(channel)
                track.absorb([Atom(len(text), text)] if new is None or new == text else _replacement(len(text), new))
        self._begun = True
        return self._drain()

    def finish(self) -> bytes:
        """The model is done: what is left, as far as the policies let it."""
        self._close(self._tracks)
        return self._drain()

    def _close(self, channels: Iterable[Channel]) -> None:
        for channel in channels:
            track = self._tracks.get(channel)
            if track is not None:
                track.close()
                self._note_cut(track)

    def whole_texts(self) -> dict[Channel, str]:
        """What the model said on the channels that are decided at the end."""
        return {channel: "".join(one.text) for channel, one in self._tracks.items() if one.pipeline is None}

    def all_texts(self) -> dict[Channel, str]:
        """What the model said on every channel."""
        return {channel: "".join(one.text) for channel, one in self._tracks.items()}

    def sent_texts(self) -> dict[Channel, str]:
        """What the client was let have, by channel."""
        return {channel: "".join(texts) for channel, texts in self._sent.items()}

    def _share(self, piece: Piece) -> _Share:
        """What a piece adds; nothing when it only says a text again."""
        track = self._tracks.get(piece.channel) if piece.final else None
        if track is None:
            return _Share(piece, len(piece.text))
        if self._governed and piece.text != "".join(track.text):
            raise UnreadableError("a text is said again, and differs")
        return _Share(piece, 0, again=True)

    def _is_name(self, piece: Piece) -> bool:
        """Whether it is the name of a field that nobody knows. It is said in one piece, so it is decided at once."""
        if not (self._governed and is_key(piece.place)):
            return False
        if piece.text not in self.names:
            self.names[piece.text] = None
            pipeline = self._pipeline_of(piece.channel)
            atoms = [*pipeline.feed(piece.text), *pipeline.flush()] if pipeline else [Atom(0, piece.text)]
            if "".join(atom.text for atom in atoms) != piece.text:
                raise UnreadableError("the name of a field may not be said")
        return True

    def _is_decided_alone(self, share: _Share) -> bool:
        """
        What stands beside the choices is whole in its frame, so it is decided there.

        It would wait for more of it to come, and everything behind it too: for a request's id, to the end.
        """
        choice, part, place = share.piece.channel
        channel: Channel = (choice, part, (*place, share.piece.text))
        if share.is_said or not self._governed:
            return False
        if channel not in self._alone:
            pipeline = self._pipeline_of(channel)
            if pipeline is None:
                return False
            atoms = [*pipeline.feed(share.piece.text), *pipeline.flush()]
            self.cut = pipeline.cut
            if self.cut is not None:
                return True
            self._alone[channel] = "".join(atom.text for atom in atoms)
        share.out.append(self._alone[channel])
        share.left = 0
        return True

    def _track(self, channel: Channel) -> _Track:
        if channel not in self._tracks:
            self._tracks[channel] = _Track(self._pipeline_of(channel))
        return self._tracks[channel]

    def _note_cut(self, track: _Track) -> None:
        if self.cut is None and track.pipeline is not None and track.pipeline.cut is not None:
            self.cut = track.pipeline.cut
            self._cut_track = track

    def _drain(self) -> bytes:
        out: list[bytes] = []
        self._begun = self._begun or self._speaks()
        while self._begun and self._queue and self._queue[0].is_decided:
            out.append(self._bytes_of(self._queue.popleft()))
        self.most_behind = max(self.most_behind, self._behind)
        if self.cut is not None:
            if self._queue and self._begun:
                out.append(self._beginning_of(self._queue[0]))
            self._queue.clear()
        return b"".join(out)

    def _speaks(self) -> bool:
        """Whether what may leave now holds a text or a comment."""
        for held in () if self._waits else self._queue:
            if not held.is_decided:
                return self._is_cut_through(held)
            if held.chunk.data is None or any(share.is_said for share in held.shares):
                return True
        return False

    def _is_cut_through(self, held: _Held) -> bool:
        """Whether the text ends in this frame, and begins there too."""
        if self._cut_track is None:
            return False
        here = any(self._tracks.get(share.piece.channel) is self._cut_track for share in held.shares)
        return here and any(text for share in held.shares for text in share.out)

    def _bytes_of(self, held: _Held) -> bytes:
        chunk = held.chunk
        changes: dict[Place, Any] = {}
        for share in held.shares:
            if not share.again:
                self._behind -= len(share.piece.text)
            new = self._say(share)
            if new != share.piece.text:
                changes[share.piece.place] = new
        if self._governed:
            changes |= dict.fromkeys(chunk.logprobs, chunk.blank)
        return self._written(chunk, changes)

    def _beginning_of(self, held: _Held) -> bytes:
        """The frame that a cut goes through: what its texts were allowed before it, and no more."""
        if not self._is_cut_through(held):
            return b""
        changes: dict[Place, Any] = {share.piece.place: self._say(share) for share in held.shares}
        for share in held.shares:
            if share.piece.ending is not None:
                changes[share.piece.ending] = None
        return self._written(held.chunk, changes | dict.fromkeys(held.chunk.logprobs, held.chunk.blank))

    def _say(self, share: _Share) -> str:
        if share.again:
            return "".join(self._sent.get(share.piece.channel, ()))
        text = "".join(share.out)
        self._sent.setdefault(share.piece.channel, []).append(text)
        return text

    @staticmethod
    def _written(chunk: Chunk, changes: Mapping[Place, Any]) -> bytes:
        if not changes or chunk.data is None:
            return chunk.frame.raw
        return encode_frame(splice(chunk.data, changes).decode(), chunk.frame.rest)


def _undecided(_: Channel) -> None:
    """No pipeline."""


def _replacement(source: int, text: str) -> list[Atom]:
    if len(text) != source:
        return [Atom(source, text)]
    # of equal length: still not to be split among the frames as if it were the old text
    return [Atom(0, text[:1]), Atom(source, text[1:])]
