"""
The services that `external-moderation` can ask, each with its own form of question and answer.

The forms are those of the services' public documentation: OpenAI `/v1/moderations`, Azure AI Content Safety
`text:analyze` (2024-09-01), Amazon Bedrock `ApplyGuardrail`, Presidio Analyzer `/analyze`, the Guardrails AI server's
`/guards/{name}/validate`, Dynamo AI `/v1/moderation/analyze/`, Lakera Guard `/v2/guard`; and our own webhook.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from keeptrusts.core.exchange import Exchange, Text
from keeptrusts.core.verdict import Match
from keeptrusts.policy.asking import amount, flag, word
from keeptrusts.policy.joined import Joined


@dataclass(frozen=True, slots=True)
class Concern:
    """
    Something that a service found.

    Args:
        category: A word (policy/asking.py).
        score: 0-1; 1 where the service gives none.
        matches: Where, as far as the service says.
    """

    category: str
    score: float = 1.0
    matches: tuple[Match, ...] = ()


@dataclass(frozen=True, slots=True)
class Matter:
    """What is asked about. `texts` are those of the exchange that say anything."""

    exchange: Exchange
    texts: tuple[Text, ...]
    categories: tuple[str, ...]
    threshold: float

    @property
    def side(self) -> str:
        """`input` or `output`."""
        return "output" if self.exchange.answered else "input"

    def whole(self, index: int) -> tuple[Match, ...]:
        """All of one text, with a category that the verdict fills in."""
        text = self.texts[index]
        return (Match(text.place, 0, len(text.value), ""),)


Bodies: TypeAlias = Callable[[Matter], list[dict[str, Any]]]
Reading: TypeAlias = Callable[[Any, Matter, int], Iterable[Concern]]
"""Of the answer to the body with this index."""


@dataclass(frozen=True, slots=True)
class Service:
    """
    How one service is asked.

    Args:
        home: Its public root; empty when there is none and the document must name it.
        path: Behind the root of the endpoint, unless the endpoint has a path of its own.
        header: Where the key goes, behind `prefix`.
        needs_key: It answers nobody without one.
    """

    bodies: Bodies
    read: Reading
    home: str = ""
    path: str = ""
    header: str = "authorization"
    prefix: str = "Bearer "
    needs_key: bool = False


def _webhook(matter: Matter) -> list[dict[str, Any]]:
    texts = [{"text": text.value, "role": text.role, "part": text.part} for text in matter.texts]
    return [
        {
            "phase": matter.side,
            "model": matter.exchange.model,
            "categories": list(matter.categories),
            "texts": texts,
        }
    ]


def _read_webhook(document: Any, matter: Matter, index: int) -> Iterable[Concern]:
    del index
    scores: Mapping[str, Any] = document.get("categories", {})
    for category, score in scores.items():
        yield Concern(word(category), amount(score))
    for one in document.get("matches", ()):
        text = matter.texts[int(amount(one["text"]))]
        start, end = int(amount(one["start"])), int(amount(one["end"]))
        if not 0 <= start < end <= len(text.value):
            raise ValueError
        yield Concern(word(one["category"]), 1.0, (Match(text.place, start, end, ""),))
    if flag(document["flagged"]):
        yield Concern("flagged")


def _openai(matter: Matter) -> list[dict[str, Any]]:
    return [{"model": "omni-moderation-latest", "input": [text.value for text in matter.texts]}]


def _read_openai(document: Any, matter: Matter, index: int) -> Iterable[Concern]:
    del index
    results = document["results"]
    if len(results) != len(matter.texts):
        raise ValueError
    for at, result in enumerate(results):
        for category, score in result["category_scores"].items():
            yield Concern(word(category), amount(score), matter.whole(at))


AZURE_CHARS: Final = 10_000
_OVERLAP: Final = 200
"""Pieces of a long text lie over each other, so that what stands at a cut is seen whole."""
_AZURE_SEVEREST: Final = 7


def _azure(matter: Matter) -> list[dict[str, Any]]:
    text = Joined(matter.texts).value
    step = AZURE_CHARS - _OVERLAP
    pieces = [text[at : at + AZURE_CHARS] for at in range(0, max(len(text) - _OVERLAP, 1), step)]
    named = {"categories": list(matter.categories)} if matter.categories else {}
    return [{"text": piece, "outputType": "EightSeverityLevels", **named} for piece in pieces]


def _read_azure(document: Any, matter: Matter, index: int) -> Iterable[Concern]:
    del matter, index
    for one in document["categoriesAnalysis"]:
        yield Concern(word(one["category"]), amount(one["severity"]) / _AZURE_SEVEREST)


def _bedrock(matter: Matter) -> list[dict[str, Any]]:
    content = [{"text": {"text": text.value}} for text in matter.texts]
    return [{"source": matter.side.upper(), "content": content}]


def _read_bedrock(document: Any, matter: Matter, index: int) -> Iterable[Concern]:
    del matter, index
    action = document["action"]
    if action == "GUARDRAIL_INTERVENED":
        names = [word(name) for one in document.get("assessments", ()) for name, found in one.items() if found]
        yield from (Concern(name) for name in names if name.endswith("policy"))
        yield Concern("flagged")
    elif action != "NONE":
        raise ValueError


def _presidio(matter: Matter) -> list[dict[str, Any]]:
    named = {"entities": list(matter.categories)} if matter.categories else {}
    text = Joined(matter.texts).value
    return [{"text": text, "language": "en", "score_threshold": matter.threshold, **named}]


def _read_presidio(document: Any, matter: Matter, index: int) -> Iterable[Concern]:
    del index
    joined = Joined(matter.texts)
    if not isinstance(document, list):
        raise TypeError
    for one in document:
        match = joined.match(int(amount(one["start"])), int(amount(one["end"])))
        yield Concern(word(one["entity_type"]), amount(one["score"]), (match,))


def _guardrails_ai(matter: Matter) -> list[dict[str, Any]]:
    return [{"llmOutput": text.value} for text in matter.texts]


def _read_guardrails_ai(document: Any, matter: Matter, index: int) -> Iterable[Concern]:
    if not flag(document["validationPassed"]):
        yield Concern("flagged", 1.0, matter.whole(index))


def _said(matter: Matter) -> list[dict[str, str]]:
    """One message: these services look at the last one."""
    role = "assistant" if matter.exchange.answered else "user"
    return [{"role": role, "content": Joined(matter.texts).value}]


def _dynamo(matter: Matter) -> list[dict[str, Any]]:
    return [{"messages": _said(matter)}]


def _read_dynamo(document: Any, matter: Matter, index: int) -> Iterable[Concern]:
    del matter, index
    action = document["finalAction"]
    if action in {"BLOCK", "REDACT", "SANITIZE"}:  # what it would change cannot leave as it is
        for one in document.get("appliedPolicies", ()):
            said = one.get("action") or (one.get("outputs") or {}).get("action")
            if said == action:
                yield Concern(word(one["policy"].get("method") or one["policy"]["name"]))
        yield Concern("flagged")
    elif action not in {"NONE", "WARN"}:
        raise ValueError


def _lakera(matter: Matter) -> list[dict[str, Any]]:
    return [{"messages": _said(matter), "breakdown": True}]


def _read_lakera(document: Any, matter: Matter, index: int) -> Iterable[Concern]:
    del matter, index
    if flag(document["flagged"]):
        for one in document.get("breakdown", ()):
            if flag(one["detected"]):
                yield Concern(word(one["detector_type"]))
        yield Concern("flagged")


SERVICES: Final[Mapping[str, Service]] = {
    "webhook": Service(_webhook, _read_webhook),
    "openai-moderation": Service(
        _openai, _read_openai, home="https://api.openai.com", path="/v1/moderations", needs_key=True
    ),
    "azure-content-safety": Service(
        _azure,
        _read_azure,
        path="/contentsafety/text:analyze?api-version=2024-09-01",
        header="ocp-apim-subscription-key",
        prefix="",
        needs_key=True,
    ),
    "bedrock-apply-guardrail": Service(_bedrock, _read_bedrock, needs_key=True),
    "presidio": Service(_presidio, _read_presidio, path="/analyze"),
    "guardrails-ai": Service(_guardrails_ai, _read_guardrails_ai),
    "dynamo-ai": Service(
        _dynamo, _read_dynamo, home="https://api.dynamo.ai", path="/v1/moderation/analyze/", needs_key=True
    ),
    "lakera": Service(_lakera, _read_lakera, home="https://api.lakera.ai", path="/v2/guard", needs_key=True),
}
"""By the name that the document gives. `embedding-endpoint` is asked like `embedding-detector` asks."""
