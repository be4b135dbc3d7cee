"""Topics that a model may not be asked about, or may not speak about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from keeptrusts.core.exchange import Exchange, Phase, Text
from keeptrusts.core.verdict import Allow, Block, Escalate, Match, Verdict
from keeptrusts.policy.checks import Phrase
from keeptrusts.policy.kind import Policy
from keeptrusts.policy.schema import Attr, Fault
from keeptrusts.policy.schema import Block as Section

if TYPE_CHECKING:
    from keeptrusts.detect.terms import Terms

ALLOWED = "#allowed"


@dataclass(frozen=True)
class Topic(Section):
    pending: ClassVar[frozenset[str]] = frozenset({"reference_text"})

    label: Annotated[str, Attr("What the topic is called in records.", minimum=1, maximum=100, stronger="neutral")]
    phrases: Annotated[
        tuple[Phrase, ...],
        Attr("Phrases by which it is told; the label is not one of them.", minimum=1, stronger="more"),
    ]


@dataclass(frozen=True)
class TopicFilter(Policy):
    """
    Refuse or escalate texts about listed topics.

    A topic is told by its phrases: whole words, however they are cased, spaced or disguised, with the endings of the
    plural. A topic given as text is its own phrase. What lies inside a phrase of `allowed_topics` does not count:
    `gambling addiction` may be allowed where `gambling` is blocked.
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
            if allowed.issuperset(_phrases(topic)):
                message = "the topic is never blocked, because `allowed_topics` holds each of its phrases"
                yield Fault("W003", ("blocked_topics", index), message, "remove it from one of the two")

    def beside(self, other: Self) -> Self:
        """Every topic by its label, with all of its phrases."""
        del other
        labelled = ((label, phrases) for label, phrases in self._labelled().items() if label != ALLOWED)
        return replace(self, blocked_topics=tuple(Topic(label, phrases) for label, phrases in labelled))

    def judge(self, exchange: Exchange) -> Verdict:
        found = [match for text in exchange.texts for match in self._find(text, answered=exchange.answered)]
        if not found:
            return Allow()
        code, message = "topic_filter.blocked_topic", self.message or "the text is about a topic that is not allowed"
        if self.action == "escalate":
            return Escalate(code, message, matches=tuple(found))
        return Block(code, message, tuple(found))

    def _find(self, text: Text, *, answered: bool) -> list[Match]:
        hits = self._terms.find(text.value, limited=answered)
        allowed = [(hit.start, hit.end) for hit in hits if hit.category == ALLOWED]
        return [
            Match(text.place, hit.start, hit.end, hit.category)
            for hit in hits
            if hit.category != ALLOWED and not any(start <= hit.start and hit.end <= end for start, end in allowed)
        ]

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
        """An escalation withholds the whole answer; an allowed phrase may begin long before what it allows."""
        if self.action == "escalate" or self.allowed_topics:
            return None
        return self._terms.width


def _phrases(topic: str | Topic) -> tuple[str, ...]:
    return (topic,) if isinstance(topic, str) else topic.phrases
