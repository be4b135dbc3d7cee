"""Passing a streamed answer on, as far as the policies let it, with the record before its end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Final

from keeptrusts.core.errors import UnreadableError, UpstreamError, UpstreamGarbledError, UpstreamLostError
from keeptrusts.core.exchange import Role, Text
from keeptrusts.core.verdict import severity
from keeptrusts.flow.answers import StreamedAnswer
from keeptrusts.flow.decisions import WITHHELD, Notes
from keeptrusts.flow.effects import (
    CloseUpstream,
    EndResponse,
    Flow,
    Headers,
    ReadUpstream,
    SendToClient,
    StartResponse,
)
from keeptrusts.flow.escalations import Content, hold
from keeptrusts.flow.quota import settle
from keeptrusts.flow.replies import Refusal, common_headers, objection, put_on_record, respond_whole
from keeptrusts.flow.upstream import Opened, answer_limit, failure
from keeptrusts.policy.engine import Judgement
from keeptrusts.wire.dialects import bridge_to, framing_of
from keeptrusts.wire.readings import Chunk
from keeptrusts.wire.sse import SseFrame

EVENTS: Final[Headers] = (("content-type", "text/event-stream"), ("cache-control", "no-cache"))


def relay_stream(notes: Notes, opened: Opened, answer: StreamedAnswer, said: Judgement) -> Flow[Refusal | None]:
    """
    Relay a stream to its end.

    Returns:
        A refusal when a policy ended it before anything was sent: it can still be answered as such.

    Raises:
        UpstreamError: The provider failed before anything was sent.
    """
    relaying = _Relaying(notes, opened, answer, said)
    failed: UpstreamError | None = None
    try:
        yield from relaying.through()
    except UpstreamError as lost:
        failed = lost
    except UnreadableError as unreadable:
        failed = _garbled(unreadable)
    finally:
        notes.said_chars = relaying.said_chars()
    try:
        return (yield from relaying.conclude(failed))
    finally:
        answer.close()


class _Relaying:
    def __init__(self, notes: Notes, opened: Opened, answer: StreamedAnswer, said: Judgement) -> None:
        self._notes = notes
        self._answer = answer
        self._said = said
        self._decoder = framing_of(opened.target.format).decoder()
        self._read = notes.dialect.make_reader()
        bridge = bridge_to(notes.dialect, opened.target.format, opened.target.target.provider)
        self._translator = bridge.stream(notes.named) if bridge and bridge.stream else None
        self._started = False
        self._received = 0
        self._limit = answer_limit(notes.snapshot.policy)
        self._failed: UpstreamError | None = None
        self._ends: dict[int, bool] = {}
        self._end: Chunk | None = None
        self._last = b""

    @property
    def _done(self) -> bytes:
        """A last frame that says nothing but that it is the last."""
        return self._end.frame.raw if self._end is not None and self._end.data is None else b""

    def through(self) -> Flow[None]:
        """Until the model is done or a policy ends it; the end itself is kept for `conclude`."""
        while self._end is None:
            began = self._notes.clock()
            data = yield from ReadUpstream()
            self._notes.waited_ns += self._notes.clock() - began
            self._count(data)
            out = self._take(self._frames(data))
            if out:
                yield from self._send(out)
            if self._failed is not None:
                raise self._failed
            if self._answer.is_cut:
                return
            if not data:
                self._check_end()
                break
        end = self._answer.take(self._end) if self._end is not None and self._end.data is not None else b""
        self._last = end + (yield from self._answer.finish())

    def conclude(self, failed: UpstreamError | None) -> Flow[Refusal | None]:
        """Say how it ended, record it, and end the response. Raises `failed` when nothing was sent."""
        notes = self._notes
        judgement = self._answer.judgement()
        notes.usage, notes.behind_chars = self._answer.relay.usage, self._answer.relay.most_behind
        if failed is not None and not self._started and severity(judgement.verdict) < WITHHELD:
            raise failed
        notes.judge(judgement)
        refusal = self._ending(judgement, failed)
        if refusal is not None:
            yield from CloseUpstream()
            if not self._started and not self._last:
                return (yield from hold(notes, refusal, "output", self._withheld(failed)))
            refusal = yield from hold(notes, refusal, "output", None)
        notes.keep_answer(self._sent(), Judgement())  # already as the policies left them
        yield from settle(notes)
        closing = self._closing(refusal)
        unrecorded = yield from put_on_record(notes, 200)
        if unrecorded is not None and not self._started:
            yield from respond_whole(notes, unrecorded.status, unrecorded.body(notes), unrecorded)
            return None
        if unrecorded is not None:
            closing = notes.dialect.error_frame(unrecorded.body(notes), complete=False)
        if closing:
            yield from self._send(closing)
        yield from EndResponse()
        return None

    def _frames(self, data: bytes) -> Iterable[SseFrame]:
        """The frames that these bytes complete, in the client's format; without any, what is left at the end."""
        frames = self._decoder.feed(data) if data else self._decoder.flush()
        if self._translator is None:
            return frames
        translated = self._translator.translate(frames)
        return translated if data else chain(translated, self._translator.end())

    def said_chars(self) -> int:
        """How much of the answer was passed on."""
        return sum(len(text) for text in self._answer.relay.sent_texts().values())

    def _take(self, frames: Iterable[SseFrame]) -> bytes:
        """What may leave now. What cannot be read is kept as a failure: what came before it is said first."""
        out: list[bytes] = []
        failed: UpstreamError | None = None
        try:
            for frame in frames:
                self._take_frame(self._read(frame), out)
                if self._answer.is_cut or self._end is not None:
                    break
        except UpstreamLostError as lost:
            failed = lost
        except UnreadableError as unreadable:
            failed = _garbled(unreadable)
        out.append(self._answer.settle())
        if not self._answer.is_cut:
            self._failed = failed
        return b"".join(out)

    def _take_frame(self, chunk: Chunk, out: list[bytes]) -> None:
        """Put to `out` what may leave with this frame: nothing of one that is looked at together with those behind."""
        if not chunk.done:
            self._ends |= {index: ended or self._ends.get(index, False) for index, ended in chunk.choices}
            if self._answer.join(chunk):
                return
        out.append(self._answer.settle())
        if self._answer.is_cut:
            return
        if chunk.done:
            self._end = chunk
        else:
            out.append(self._answer.take(chunk))

    def _count(self, data: bytes) -> None:
        """What is governed may be held to its end, so it is bounded like a whole answer."""
        self._received += len(data)
        if self._received > self._limit and not self._answer.rules.bare:
            raise UpstreamGarbledError(f"the provider's answer exceeds {self._limit} bytes")

    def _check_end(self) -> None:
        """Some providers leave the last frame out; one that leaves out what a choice ends with has died."""
        if self._end is None and not (self._ends and all(self._ends.values())):
            raise UpstreamLostError("the provider's stream ended before its answer did")

    def _send(self, data: bytes) -> Flow[None]:
        if not self._started:
            self._started = True
            yield from StartResponse(200, (*EVENTS, *common_headers(self._notes, whole=False)))
        began = self._notes.clock()
        yield from SendToClient(data)
        self._notes.waited_ns += self._notes.clock() - began

    def _ending(self, judgement: Judgement, failed: UpstreamError | None) -> Refusal | None:
        objected = objection(self._notes, judgement, "output")
        if objected is not None or failed is None:
            return objected
        refusal = failure(failed)
        self._notes.fail(refusal.code)
        return refusal

    def _withheld(self, failed: UpstreamError | None) -> Content | None:
        """The whole answer as the policies left it, for a person to decide about; None when it is not whole."""
        rest = self._answer.withheld() if failed is None else None
        return None if rest is None else Content(EVENTS[0][1], rest + self._done)

    def _closing(self, refusal: Refusal | None) -> bytes:
        if refusal is None:
            return self._last + self._done
        objected = refusal.status == 409
        return self._last + self._notes.dialect.error_frame(refusal.body(self._notes), complete=objected)

    def _sent(self) -> list[Text]:
        texts = []
        for (choice, part, place), text in self._answer.relay.sent_texts().items():
            shown = _hidden(text, self._said.restorable)
            texts.append(Text(place, shown, Role.ASSISTANT, part, choice))
        return texts


def _garbled(unreadable: UnreadableError) -> UpstreamGarbledError:
    return UpstreamGarbledError(str(unreadable))


def _hidden(text: str, restorable: Mapping[str, str]) -> str:
    """What went back to the caller is not what the record keeps."""
    for placeholder, value in sorted(restorable.items(), key=lambda one: -len(one[1])):
        text = text.replace(value, placeholder)
    return text
