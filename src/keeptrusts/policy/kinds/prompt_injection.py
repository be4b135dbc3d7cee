"""Attempts to steer the model away from what it was told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from keeptrusts.core.exchange import Exchange, Phase, Text
from keeptrusts.core.verdict import PASS, Allow, Block, Escalate, Match, Verdict
from keeptrusts.policy.checks import Regex
from keeptrusts.policy.kind import Policy
from keeptrusts.policy.schema import Attr
from keeptrusts.policy.schema import Block as Section

if TYPE_CHECKING:
    from keeptrusts.detect.injection import Assessment, Looks
    from keeptrusts.detect.scan import Hit
    from keeptrusts.detect.tenant import TenantPatterns

ATTACK_PATTERN = "attack_pattern"


@dataclass(frozen=True)
class Detection(Section):
    attack_patterns: Annotated[
        tuple[Regex, ...], Attr("The same as `attack_patterns` of the block.", stronger="more")
    ] = ()


@dataclass(frozen=True)
class Encoding(Section):
    decode_base64: Annotated[bool, Attr("Look behind base64 and hexadecimal.", stronger="on")] = True
    normalize_unicode: Annotated[
        bool, Attr("Look behind compatibility forms and invisible characters.", stronger="on")
    ] = True
    detect_homoglyphs: Annotated[
        bool, Attr("Read letters as the ASCII letters that they look like.", stronger="on")
    ] = True


@dataclass(frozen=True)
class Boundaries(Section):
    enforce_delimiters: Annotated[
        bool, Attr("Look for the tokens of chat templates, like `<|im_start|>`.", stronger="on")
    ] = True
    reject_fake_boundaries: Annotated[
        bool, Attr("Look for headings that play the system, like `### SYSTEM`.", stronger="on")
    ] = True


@dataclass(frozen=True)
class Response(Section):
    action: Annotated[
        Literal["block", "escalate", "log"],
        Attr("Refuse, withhold until somebody decides, or only record.", stronger=("log", "escalate", "block")),
    ] = "block"
    message: Annotated[str | None, Attr("What the client is told.", minimum=1, maximum=500, stronger="neutral")] = None
    log_level: Annotated[
        Literal["debug", "info", "warn", "warning", "error"] | None,
        Attr(
            "Level of the line that the gateway's log gets for each finding, without text; absent: none.",
            judged=False,
            stronger="neutral",
        ),
    ] = None


@dataclass(frozen=True)
class PromptInjection(Policy):
    """
    Refuse requests that try to override the model's instructions, or to have it reveal them.

    Every text of the request is scored from 0 to 1, tool results among them, in windows, and also behind base64,
    hexadecimal, URL and HTML escapes, leet, rot13 and look-alike letters. The backend `rules` scores by weighted
    rules; `local` asks a small classifier on this machine too, and the greater score counts. With the classifier the
    default threshold refuses about one harmless text in a hundred of a kind that it has not seen.
    """

    kind: ClassVar[str] = "prompt-injection"
    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.INPUT})
    example: ClassVar[str] = """
        embedding_threshold: 0.75
        attack_patterns: ["(?i)open sesame"]
        response: {action: block, message: "this request was refused"}
    """

    embedding_threshold: Annotated[
        float, Attr("Score from which a text counts.", minimum=0, maximum=1, stronger="lower")
    ] = 0.75
    backend: Annotated[
        Literal["local", "rules"],
        Attr("Rules and the classifier, or rules alone.", stronger=("rules", "local")),
    ] = "local"
    attack_patterns: Annotated[tuple[Regex, ...], Attr("Patterns that always count.", stronger="more")] = ()
    detection: Annotated[Detection, Attr("Another place for `attack_patterns`.")] = Detection()
    encoding: Annotated[Encoding, Attr("What to look behind.")] = Encoding()
    boundaries: Annotated[Boundaries, Attr("What to look for besides wording.")] = Boundaries()
    response: Annotated[Response, Attr("What to do.")] = Response()

    def beside(self, other: Self) -> Self:
        """All patterns in one place."""
        del other
        patterns = (*self.attack_patterns, *self.detection.attack_patterns)
        return replace(self, attack_patterns=patterns, detection=Detection())

    def logged(self, verdict: Verdict) -> str | None:
        del verdict
        return self.response.log_level

    def judge(self, exchange: Exchange) -> Verdict:
        found = [match for text in exchange.texts for match in self._matches(text)]
        if not found:
            return PASS
        code = f"prompt_injection.{found[0].category}"
        message = self.response.message or "the request tries to steer the model away from its instructions"
        match self.response.action:
            case "log":
                return Allow(tuple(found), code=code)
            case "escalate":
                return Escalate(code, message, matches=tuple(found))
            case "block":
                return Block(code, message, tuple(found))

    def _matches(self, text: Text) -> list[Match]:
        """What counts against this text, rules first; nothing when its score is below the threshold."""
        own = self._patterns.find(text.value) if self._patterns.patterns else []
        said = self._assess(text.value, self._looks, classify=self.backend == "local")
        hits = own + (sorted(said.hits, key=_weight) if self._fires(said.score) else [])
        return [Match(text.place, hit.start, hit.end, hit.category) for hit in hits]

    def _fires(self, score: float) -> bool:
        return 0 < score >= self.embedding_threshold

    @cached_property
    def _assess(self) -> Callable[..., Assessment]:
        from keeptrusts.detect.injection import assess

        return assess

    @cached_property
    def _patterns(self) -> TenantPatterns:
        from keeptrusts.detect.tenant import TenantPatterns

        return TenantPatterns(self.attack_patterns + self.detection.attack_patterns, ATTACK_PATTERN)

    @cached_property
    def _looks(self) -> Looks:
        from keeptrusts.detect.injection import Looks

        encoding, boundaries = self.encoding, self.boundaries
        return Looks(
            base64=encoding.decode_base64,
            unicode=encoding.normalize_unicode,
            homoglyphs=encoding.detect_homoglyphs,
            delimiters=boundaries.enforce_delimiters,
            boundaries=boundaries.reject_fake_boundaries,
        )


def _weight(hit: Hit) -> tuple[bool, float]:
    """A rule says why; the classifier only where."""
    return hit.category == "classifier", -hit.confidence
