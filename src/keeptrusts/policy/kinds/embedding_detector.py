"""Sentences that are like reference sentences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal

from keeptrusts.core.exchange import Exchange, Phase, Text
from keeptrusts.core.verdict import Edit, Verdict
from keeptrusts.policy.asking import Answer, Ask, understood, word
from keeptrusts.policy.checks import base_url
from keeptrusts.policy.endpoints import credential_of, missing_endpoint, secrets_of
from keeptrusts.policy.kind import Policy
from keeptrusts.policy.redaction import LABELS, block_or_redact
from keeptrusts.policy.schema import Attr, Fault
from keeptrusts.policy.schema import Block as Section
from keeptrusts.policy.secret_refs import SecretRef
from keeptrusts.policy.vectors import MOST_PIECES, cosine, question, vectors_of

if TYPE_CHECKING:
    from keeptrusts.detect.likeness import References

MOST_TEXTS: Final = 256
"""Texts of one exchange that an endpoint is asked about at once."""


@dataclass(frozen=True)
class Category(Section):
    label: Annotated[str, Attr("What records call it.", minimum=1, maximum=100, stronger="neutral")]
    reference_text: Annotated[
        str, Attr("One sentence or several, each an example.", minimum=1, maximum=8_000, stronger="unclear")
    ]


@dataclass(frozen=True)
class EmbeddingDetector(Policy):
    """
    Redact or refuse sentences that are like the sentences of a reference text.

    The backend `local` needs no model and asks nobody. **It is lexical**: it counts words and parts of words, behind
    disguises such as look-alike letters, and compares by angle, and by how much of a longer reference stands in the
    sentence. It finds copies, inflected and lightly edited ones, in another order and amid other words too; it does not
    find what says the same in other words. Measured at the threshold 0.70 with three categories of seven sentences: 9
    of 9 copies, 10 of 10 edited ones, 2 of 2 amid other words, 0 of 10 that said the same in other words, and none of
    10,973 unrelated prompts. The likeness of those in other words stayed below 0.25.

    The backend `external` asks an OpenAI-compatible `/embeddings` endpoint for vectors of the sentences and of the
    references. It understands what its model understands; which threshold fits depends on the model. It is sent every
    text. Without a usable answer in time the kind blocks, `embedding_detector.error`.

    A sentence is redacted whole.
    """

    kind: ClassVar[str] = "embedding-detector"
    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.INPUT, Phase.OUTPUT})
    example: ClassVar[str] = """
        action: block
        categories:
          - label: acquisition
            reference_text: We plan to acquire Northwind Foods. The board has approved the price.
    """

    backend: Annotated[
        Literal["local", "external"], Attr("Compare letters here, or vectors of an endpoint.", stronger="unclear")
    ] = "local"
    endpoint: Annotated[
        str | None, Attr("For `external`: the URL of `/embeddings`.", check=base_url, stronger="unclear")
    ] = None
    model: Annotated[
        str | None, Attr("For `external`: the model asked for.", minimum=1, maximum=200, stronger="unclear")
    ] = None
    secret_key_ref: Annotated[SecretRef | None, Attr("For `external`: the key.", stronger="neutral")] = None
    similarity_threshold: Annotated[
        float, Attr("Likeness from which a sentence counts.", minimum=0.01, maximum=1, stronger="lower")
    ] = 0.70
    timeout_ms: Annotated[
        int, Attr("For `external`: how long to wait.", minimum=1, maximum=60_000, stronger="neutral")
    ] = 20
    action: Annotated[
        Literal["redact", "block"],
        Attr("Put a marker in the sentence's place, or refuse.", stronger=("redact", "block")),
    ] = "redact"
    categories: Annotated[tuple[Category, ...], Attr("What to look for.", stronger="more")] = ()

    def faults(self) -> Iterable[Fault]:
        from keeptrusts.detect.likeness import sentences

        if self.backend == "external" and self.endpoint is None:
            yield missing_endpoint("`backend: external` asks one")
        for index, category in enumerate(self.categories):
            if not sentences(category.reference_text):
                yield Fault("E003", ("categories", index, "reference_text"), "the reference text holds no word")

    def secrets(self) -> tuple[str, ...]:
        return secrets_of(self.secret_key_ref)

    def judge(self, exchange: Exchange) -> Verdict | Ask:
        if self.backend == "external" and self.categories:
            return self._ask(exchange.texts)
        found = [
            _edit(text, one.start, one.end, one.label)
            for text in exchange.texts
            for one in self._references.find(text.value, self.similarity_threshold)
        ]
        return self._say(found)

    def _say(self, edits: Iterable[Edit]) -> Verdict:
        message = "the text holds what is like a reference"
        return block_or_redact(self.action, "embedding_detector", message, tuple(edits))

    @cached_property
    def _references(self) -> References:
        from keeptrusts.detect.likeness import References

        return References([(category.label, category.reference_text) for category in self.categories])

    @cached_property
    def _examples(self) -> list[tuple[str, str]]:
        """Label and sentence of each example."""
        from keeptrusts.detect.likeness import sentences

        return [
            (category.label, category.reference_text[start:end])
            for category in self.categories
            for start, end in sentences(category.reference_text)
        ]

    def _ask(self, texts: Sequence[Text]) -> Verdict | Ask:
        from keeptrusts.detect.likeness import grouped, sentences

        spans = [(text, sentences(text.value)) for text in texts]
        size = -(-sum(len(found) for _, found in spans) // MOST_PIECES) or 1
        pieces = [(text, *span) for text, found in spans for span in grouped(found, size)]
        if not pieces:
            return self._say(())
        if len(pieces) > MOST_TEXTS:
            raise ValueError("too many texts")
        asked = question(
            self.endpoint or "",
            [*(sentence for _, sentence in self._examples), *(text.value[start:end] for text, start, end in pieces)],
            timeout_ms=self.timeout_ms,
            credential=credential_of(self.secret_key_ref),
            model=self.model,
        )
        return Ask((asked,), partial(self._conclude, pieces))

    def _conclude(self, pieces: Sequence[tuple[Text, int, int]], answers: tuple[Answer, ...]) -> Verdict:
        examples = self._examples
        vectors = understood(answers[0], partial(_vectors, len(examples) + len(pieces)))
        references = list(zip((label for label, _ in examples), vectors, strict=False))
        edits = []
        for (text, start, end), vector in zip(pieces, vectors[len(examples) :], strict=True):
            score, label = max((cosine(vector, other), label) for label, other in references)
            if score >= self.similarity_threshold:
                edits.append(_edit(text, start, end, label))
        return self._say(edits)


def _vectors(count: int, document: Any) -> list[list[float]]:
    return vectors_of(document, count)


def _edit(text: Text, start: int, end: int, label: str) -> Edit:
    """The sentence without the blanks around it, which stay."""
    said = text.value[start:end]
    start += len(said) - len(said.lstrip())
    end -= len(said) - len(said.rstrip())
    category = word(label)
    return Edit(text.place, start, end, category, LABELS.marker(category, said))
