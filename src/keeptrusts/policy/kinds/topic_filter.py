"""Topics that a model may not be asked about, or may not speak about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from keeptrusts.core.exchange import Exchange, Phase, Text
from keeptrusts.core.verdict import PASS, Block, Escalate, Match, Verdict
from keeptrusts.policy.checks import Phrase
from keeptrusts.policy.kind import Policy
from keeptrusts.policy.schema import Attr, Fault
from keeptrusts.policy.schema import Block as Section

if TYPE_CHECKING:
    from keeptrusts.detect.likeness import References
    from keeptrusts.detect.terms import Terms

ALLOWED = "#allowed"
ALIKE = 0.70
"""Likeness from which a sentence counts."""


@dataclass(frozen=True)
class Topic(Section):
    label: Annotated[str, Attr("What the topic is called in records.", minimum=1, maximum=100, stronger="neutral")]
    phrases: Annotated[
        tuple[Phrase, ...], Attr("Phrases by which it is told; the label is not one of them.", stronger="more")
    ] = ()
    reference_text: Annotated[
        str | None,
        Attr("Sentences; a sentence that is like one of them is about the topic.", maximum=8_000, stronger="unclear"),
    ] = None

    def faults(self) -> Iterable[Fault]:
        if not self.phrases and self.reference_text is None:
            yield Fault("E004", (), "the topic has neither `phrases` nor `reference_text`", "add one of them")
        if self.reference_text is not None and not any(letter.isalnum() for letter in self.reference_text):
            yield Fault("E003", ("reference_text",), "the reference text holds no word")


@dataclass(frozen=True)
class TopicFilter(Policy):
    """
    Refuse or escalate texts about listed topics.

    A topic is told by its phrases: whole words, however they are cased, spaced or disguised, with the endings of the
    plural. A topic given as text is its own phrase. What lies inside a phrase of `allowed_topics` does not count:
    `gambling addiction` may be allowed where `gambling` is blocked. A topic may also be told by sentences: another
    sentence counts when it is like one of them by its letters, from 0.70 on, as `embedding-detector` has it with its
    backend `local`; in other words it is not found.
    """

    kind: ClassVar[str] = "topic-filter"
    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.INPUT, Phase.OUTPUT})
    example: ClassVar[str] = """
        blocked_topics:
          - weapons
          - {label: gambling, phrases: [sports betting, online casino]}
        message: "ask somebody else about that"
    """

    blocked_topics: Annotated[
        tuple[Phrase | Topic, ...], Attr("Topics, each a text or a label with phrases.", stronger="more")
    ] = ()
    allowed_topics: Annotated[
        tuple[Phrase, ...], Attr("Phrases inside which a blocked topic does not count.", stronger="fewer")
    ] = ()
    action: Annotated[
        Literal["block", "escalate"],
        Attr("Refuse, or withhold until somebody decides.", stronger=("escalate", "block")),
    ] = "block"
    message: Annotated[str | None, Attr("What the client is told.", minimum=1, maximum=500, stronger="neutral")] = None

    def faults(self) -> Iterable[Fault]:
        allowed = frozenset(self.allowed_topics)
        for index, topic in enumerate(self.blocked_topics):
            if not _reference(topic) and allowed.issuperset(_phrases(topic)):
                message = "the topic is never blocked, because `allowed_topics` holds each of its phrases"
                yield Fault("W003", ("blocked_topics", index), message, "remove it from one of the two")

    def beside(self, other: Self) -> Self:
        """Every topic by its label, with all of its phrases and sentences."""
        del other
        texts: dict[str, list[str]] = {}
        for label, text in self._references():
            texts.setdefault(label, []).append(text)
        topics = [
            Topic(label, phrases, "\n".join(texts[label]) if label in texts else None)
            for label, phrases in self._labelled().items()
            if label != ALLOWED
        ]
        return replace(self, blocked_topics=tuple(topics))

    def judge(self, exchange: Exchange) -> Verdict:
        found = [match for text in exchange.texts for match in self._find(text, answered=exchange.answered)]
        if not found:
            return PASS
        code, message = "topic_filter.blocked_topic", self.message or "the text is about a topic that is not allowed"
        if self.action == "escalate":
            return Escalate(code, message, matches=tuple(found))
        return Block(code, message, tuple(found))

    def is_silent(self, text: str) -> bool:
        return self._alike is None and self._terms.is_silent(text)

    def _find(self, text: Text, *, answered: bool) -> list[Match]:
        hits = self._terms.find(text.value, limited=answered)
        allowed = [(hit.start, hit.end) for hit in hits if hit.category == ALLOWED]
        found = [
            Match(text.place, hit.start, hit.end, hit.category)
            for hit in hits
            if hit.category != ALLOWED and not any(start <= hit.start and hit.end <= end for start, end in allowed)
        ]
        if self._alike is not None:
            found += [Match(text.place, one.start, one.end, one.label) for one in self._alike.find(text.value, ALIKE)]
        return sorted(found, key=lambda match: (match.start, -match.end))

    def _references(self) -> list[tuple[str, str]]:
        """Label and sentences of the topics that have some."""
        return [(one.label, one.reference_text) for one in map(_as_topic, self.blocked_topics) if one.reference_text]

    @cached_property
    def _alike(self) -> References | None:
        from keeptrusts.detect.likeness import References

        return References(self._references()) if self._references() else None

    def _labelled(self) -> dict[str, tuple[str, ...]]:
        phrases: dict[str, tuple[str, ...]] = {ALLOWED: self.allowed_topics}
        for topic in self.blocked_topics:
            label = topic if isinstance(topic, str) else topic.label
            phrases[label] = phrases.get(label, ()) + _phrases(topic)
        return phrases

    @cached_property
    def _terms(self) -> Terms:
        from keeptrusts.detect.terms import Terms

        return Terms(self._labelled(), inflected=True)

    def holdback(self) -> int | None:
        """
        An escalation withholds the whole answer; an allowed phrase may begin long before what it allows, and a sentence
        long before it is like another.
        """
        if self.action == "escalate" or self.allowed_topics or self._references():
            return None
        return self._terms.width


def _phrases(topic: str | Topic) -> tuple[str, ...]:
    return _as_topic(topic).phrases


def _reference(topic: str | Topic) -> str:
    return _as_topic(topic).reference_text or ""


def _as_topic(topic: str | Topic) -> Topic:
    return Topic(topic, (topic,)) if isinstance(topic, str) else topic
