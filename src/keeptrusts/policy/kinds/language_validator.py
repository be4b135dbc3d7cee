"""The languages in which may be asked and answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Literal, TypeAlias

from keeptrusts.core.exchange import Exchange, Part, Phase, Text
from keeptrusts.core.verdict import Allow, Block, Match, Verdict
from keeptrusts.policy.kind import Policy
from keeptrusts.policy.reading import suggest
from keeptrusts.policy.schema import Attr, Fault
from keeptrusts.policy.wordlist import BlockOnly

if TYPE_CHECKING:
    from keeptrusts.detect.language import Spoken

_NOT_SPOKEN: Final = frozenset({Part.NAME, Part.TOOL_DEFINITION})


def language(code: str) -> Fault | None:
    """An ISO 639-1 code of a language that can be told."""
    from keeptrusts.detect.language import LANGUAGES

    if code in LANGUAGES:
        return None
    return Fault("E003", (), f"`{code[:60]}` is not a language that can be told", suggest(code, LANGUAGES, "languages"))


Language: TypeAlias = Annotated[str, Attr(check=language)]


@dataclass(frozen=True)
class LanguageValidator(Policy):
    """
    Refuse texts in a language that is denied, or is not among the allowed ones.

    Texts are judged in pieces of about 240 characters, so that a paragraph in another language is found in a long
    text; six words or fewer in the middle of English are not, nor up to eleven that are rare in their language. Judged
    are all messages, those of the system too: list the language of your prompts. What has fewer than a dozen letters,
    code, addresses and numbers have no language, and a piece whose language is told with less than `min_confidence`
    passes. Languages are ISO 639-1 codes; Norwegian, Chinese, German and Italian include their dialects, and Bosnian,
    Croatian and Serbian count as one, like Indonesian and Malay.
    """

    kind: ClassVar[str] = "language-validator"
    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.INPUT, Phase.OUTPUT})
    example: ClassVar[str] = """
        allowed_languages: [en, de]
    """

    allowed_languages: Annotated[
        tuple[Language, ...], Attr("No others may be used; empty means every language.", stronger="only")
    ] = ()
    denied_languages: Annotated[tuple[Language, ...], Attr("These may not be used.", stronger="more")] = ()
    min_confidence: Annotated[
        float, Attr("How sure the language must be told to count.", minimum=0, maximum=1, stronger="lower")
    ] = 0.5
    action: BlockOnly = "block"
    apply_to: Annotated[Literal["input", "output", "both"], Attr("Requests, answers, or both.", stronger="unclear")] = (
        "both"
    )

    def faults(self) -> Iterable[Fault]:
        for index, code in enumerate(self.denied_languages):
            if code in self.allowed_languages:
                message = f"`{code}` is allowed and denied"
                yield Fault("E009", ("denied_languages", index), message, "remove it from one of the lists")

    def judge(self, exchange: Exchange) -> Verdict:
        if not (self._allowed or self._denied) or self.apply_to == ("input" if exchange.answered else "output"):
            return Allow()
        found = tuple(match for text in exchange.texts if text.part not in _NOT_SPOKEN for match in self._find(text))
        if not found:
            return Allow()
        if found[0].category in self._denied:
            return Block("language_validator.denied", "a text is in a language that may not be used", found)
        return Block("language_validator.not_allowed", "a text is in none of the languages that may be used", found)

    def _find(self, text: Text) -> Iterator[Match]:
        denied, allowed = self._denied, self._allowed
        for spoken in self._languages_of(text.value):
            refused = spoken.language in denied or (allowed and spoken.language not in allowed)
            if refused and spoken.confidence >= self.min_confidence:
                yield Match(text.place, spoken.start, spoken.end, spoken.language)

    @cached_property
    def _languages_of(self) -> Callable[[str], tuple[Spoken, ...]]:
        from keeptrusts.detect.language import languages_of

        return languages_of

    @cached_property
    def _allowed(self) -> frozenset[str]:
        return _canonical(self.allowed_languages)

    @cached_property
    def _denied(self) -> frozenset[str]:
        return _canonical(self.denied_languages)

    def holdback(self) -> int | None:
        """A language is told by a whole piece."""
        return 0 if self.apply_to == "input" else None


def _canonical(codes: Iterable[str]) -> frozenset[str]:
    from keeptrusts.detect.language import canonical

    return frozenset(map(canonical, codes))
