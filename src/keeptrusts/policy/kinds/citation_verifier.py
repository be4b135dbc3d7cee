"""Answers held to their sources."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from keeptrusts.core.exchange import Exchange, Part, Phase, Text
from keeptrusts.core.verdict import PASSED, Allow, Block, Edit, Redact, Verdict
from keeptrusts.policy.checks import Regex
from keeptrusts.policy.kind import Policy
from keeptrusts.policy.schema import Attr
from keeptrusts.policy.schema import Block as Section

if TYPE_CHECKING:
    from keeptrusts.detect.citations import Citation

MESSAGE = "the answer is not borne out by its sources"


@dataclass(frozen=True)
class OutputAction(Section):
    unverified_action: Annotated[
        Literal["flag", "block"], Attr("For an answer that cites nothing.", stronger=("flag", "block"))
    ] = "flag"
    hallucination_action: Annotated[
        Literal["flag", "block"],
        Attr("For one that cites what is not there, or says what no source says.", stronger=("flag", "block")),
    ] = "block"


@dataclass(frozen=True)
class Report(Section):
    include_verification_report: Annotated[
        bool, Attr("Put what was found out in one line behind an answer that passes.", stronger="on")
    ] = False


@dataclass(frozen=True)
class CitationVerifier(Policy):
    """
    Hold answers to the sources that the request gave: its messages, tool results and documents.

    Citations are numbers in brackets, links, DOIs, `(Author, 2020)`, `[Source: name]`, and what `extract_patterns`
    find: their first group, or the whole. A number is a source when the request numbers one so, `[1]`; anything else
    when its words stand in a text of the request.

    Groundedness is the share of what the answer says, sentence by sentence, whose words stand together in the request.
    **It is lexical**: it knows quotations, not meaning. What is said in other words than the source's counts as not
    grounded, and a sentence that turns a source's words round counts as grounded. Measured with one page as source, six
    sentences each: copied or shortened ones scored 0.86 to 1, reworded ones 0.05 to 0.15, unrelated ones 0.05 to 0.35.
    So `min_groundedness` is for answers that should quote.

    An answer that cites nothing, where `require_sources`, is `citation_verifier.no_sources`; one whose citations match
    for a smaller share than `min_confidence`, where `require_source_match`, is `citation_verifier.unmatched_source`;
    one below `min_groundedness` is `citation_verifier.ungrounded`. An answer that only calls tools is not looked at.

    With `response.include_verification_report` an answer that passes ends with a line that says how many citations
    match and how much is grounded, and counts as redacted: `citation_verifier.report`, or what was recorded of it.
    """

    kind: ClassVar[str] = "citation-verifier"
    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.OUTPUT})
    example: ClassVar[str] = """
        require_source_match: true
        min_groundedness: 0.5
        output_action: {unverified_action: flag, hallucination_action: block}
    """

    require_sources: Annotated[bool, Attr("An answer must cite something.", stronger="on")] = True
    require_source_match: Annotated[bool, Attr("What it cites must be in the request.", stronger="on")] = False
    min_confidence: Annotated[
        float, Attr("Share of the citations that must match.", minimum=0, maximum=1, stronger="higher")
    ] = 0.8
    min_groundedness: Annotated[
        float | None, Attr("Groundedness that an answer needs.", minimum=0, maximum=1, stronger="higher")
    ] = None
    extract_patterns: Annotated[tuple[Regex, ...], Attr("Further forms of citations.", stronger="unclear")] = ()
    output_action: Annotated[OutputAction, Attr("What happens to an answer that does not hold.")] = OutputAction()
    response: Annotated[Report, Attr("What the reader is told.")] = Report()

    def changes_texts(self) -> bool:
        return self.response.include_verification_report

    def judge(self, exchange: Exchange) -> Verdict:
        texts = [text for text in exchange.texts if text.part is Part.CONTENT and text.value.strip()]
        if not texts:
            return Allow()
        citations = [one for text in texts for one in self._cited(text.value)]
        said = self._said(exchange, texts, citations)
        if not self.response.include_verification_report or isinstance(said, Block):
            return said
        code = "citation_verifier.report" if said.code == PASSED else said.code
        line = "\n\n" + self._report(exchange, texts, citations)
        last = {text.choice: text for text in texts}
        ends = ((text.place, len(text.value)) for text in last.values())
        return Redact(code, tuple(Edit(place, end, end, "report", line) for place, end in ends))

    def _said(self, exchange: Exchange, texts: Sequence[Text], citations: Sequence[Citation]) -> Verdict:
        wrong = self._wrong(exchange, texts, citations)
        if wrong is not None:
            return _say(wrong, self.output_action.hallucination_action)
        if self.require_sources and not citations:
            return _say("no_sources", self.output_action.unverified_action)
        return Allow()

    def _report(self, exchange: Exchange, texts: Sequence[Text], citations: Sequence[Citation]) -> str:
        from keeptrusts.detect.citations import Sources

        sources = Sources([text.value for text in exchange.asked])
        matching = sum(map(sources.has, citations))
        grounded = sources.groundedness(text.value for text in texts)
        return f"[Verification: {matching} of {len(citations)} citations match the sources; grounded: {grounded:.0%}]"

    def _wrong(self, exchange: Exchange, texts: Sequence[Text], citations: Sequence[Citation]) -> str | None:
        from keeptrusts.detect.citations import Sources

        matching = self.require_source_match and citations
        if not matching and self.min_groundedness is None:
            return None
        sources = Sources([text.value for text in exchange.asked])
        if matching and sum(map(sources.has, citations)) / len(citations) < self.min_confidence:
            return "unmatched_source"
        if self.min_groundedness is None:
            return None
        grounded = sources.groundedness(text.value for text in texts)
        return "ungrounded" if grounded < self.min_groundedness else None

    def _cited(self, text: str) -> Iterator[Citation]:
        from keeptrusts.detect.citations import cited, named
        from keeptrusts.detect.engine import compile_regex

        yield from cited(text)
        data = text.encode("utf-8", "replace")
        for pattern in self.extract_patterns:
            regex = compile_regex(pattern, captures=True)
            at = 0
            while found := regex.search(data, at, len(data)):
                start, end = found[1] if len(found) > 1 and found[1][0] >= 0 else found[0]
                yield named(found[0][0], found[0][1], data[start:end].decode())
                at = max(found[0][1], at + 1)


def _say(detail: str, action: Literal["flag", "block"]) -> Verdict:
    code = f"citation_verifier.{detail}"
    return Block(code, MESSAGE) if action == "block" else Allow(code=code)
