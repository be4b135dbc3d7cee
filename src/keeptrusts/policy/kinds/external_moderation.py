"""A moderation service of somebody else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any, ClassVar, Final, Literal
from urllib.parse import urlsplit

from keeptrusts.core.exchange import Exchange, Phase
from keeptrusts.core.verdict import Allow, Block, Match, Verdict
from keeptrusts.policy.asking import Answer, Ask, Question, understood, word
from keeptrusts.policy.checks import base_url
from keeptrusts.policy.endpoints import credential_of, missing_endpoint, post, secrets_of
from keeptrusts.policy.joined import Joined
from keeptrusts.policy.kind import Policy
from keeptrusts.policy.moderators import SERVICES, Concern, Matter, Service
from keeptrusts.policy.schema import Attr, Fault
from keeptrusts.policy.secret_refs import SecretRef
from keeptrusts.policy.vectors import cosine, pieces_of, question, vectors_of

EMBEDDING: Final = "embedding-endpoint"


@dataclass(frozen=True)
class ExternalModeration(Policy):
    """
    Ask a moderation service about requests and answers, and refuse what it objects to.

    The service is sent every text of the request, or of the answer, as the kinds before this one left it: put
    `pii-detector` first when it may not see personal data. Nothing is allowed without its word: a service that is not
    there, is late, answers with another status than 2xx or with something else than its documented form counts as an
    objection, `external_moderation.error`, unless `fail_open` says otherwise; then the record says `degraded`.

    | provider | endpoint |
    |---|---|
    | `webhook` | the URL itself |
    | `openai-moderation` | the root, default `https://api.openai.com` |
    | `azure-content-safety` | the root of the resource; a severity of 0-7 counts as a score of 0-1 |
    | `bedrock-apply-guardrail` | the URL of the guardrail's `apply` |
    | `embedding-endpoint` | the URL of an OpenAI-compatible `/embeddings`; texts are compared with `categories` |
    | `presidio` | the root of a Presidio Analyzer; it is asked for English |
    | `guardrails-ai` | the URL of the guard's `validate` |
    | `dynamo-ai` | the root, default `https://api.dynamo.ai`; `BLOCK`, `REDACT` and `SANITIZE` object |
    | `lakera` | the root, default `https://api.lakera.ai` |

    The key goes along as `authorization: Bearer`, to Azure as `ocp-apim-subscription-key`. For Bedrock it is a Bedrock
    API key: requests are not signed with AWS credentials.

    A `webhook` gets `{"phase": "input" or "output", "model", "categories", "texts": [{"text", "role", "part"}]}` and
    answers `{"flagged": true or false, "categories": {NAME: SCORE}, "matches": [{"text": INDEX, "start", "end",
    "category"}]}`; `categories` and `matches` may be left out. `start` and `end` count characters. It objects when
    `flagged` is true, when a score reaches `threshold`, and when there is a match.

    With `categories` only those count, named as the service names them; `flagged` without a category counts always.
    """

    kind: ClassVar[str] = "external-moderation"
    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.INPUT, Phase.OUTPUT})
    example: ClassVar[str] = """
        provider: webhook
        endpoint: https://moderation.example.com/check
        secret_key_ref: {env: MODERATION_KEY}
        timeout_ms: 800
    """

    provider: Annotated[
        Literal[
            "webhook",
            "openai-moderation",
            "azure-content-safety",
            "bedrock-apply-guardrail",
            "embedding-endpoint",
            "presidio",
            "guardrails-ai",
            "dynamo-ai",
            "lakera",
        ],
        Attr("Which service, and so which form of question and answer.", stronger="unclear"),
    ] = "webhook"
    endpoint: Annotated[str | None, Attr("Where to ask, see above.", check=base_url, stronger="unclear")] = None
    secret_key_ref: Annotated[SecretRef | None, Attr("The service's key.", stronger="neutral")] = None
    categories: Annotated[
        tuple[Annotated[str, Attr(minimum=1, maximum=200)], ...],
        Attr("What counts; empty means everything.", stronger="unclear"),
    ] = ()
    threshold: Annotated[float, Attr("Score from which a category counts.", minimum=0, maximum=1, stronger="lower")] = (
        0.5
    )
    timeout_ms: Annotated[
        int, Attr("How long to wait for the whole answer.", minimum=1, maximum=60_000, stronger="neutral")
    ] = 2000
    fail_open: Annotated[bool, Attr("Let pass what could not be decided.", stronger="off")] = False

    def faults(self) -> Iterable[Fault]:
        service = SERVICES.get(self.provider)
        if self.endpoint is None and not (service and service.home):
            yield missing_endpoint(f"`{self.provider}` has no public address")
        if service and service.needs_key and self.secret_key_ref is None:
            message = f"`secret_key_ref` is missing: `{self.provider}` answers nobody without a key"
            yield Fault("E004", ("secret_key_ref",), message, "add `secret_key_ref: {env: NAME}`")
        if self.provider == EMBEDDING and not self.categories:
            message = "`categories` is missing: texts are compared with them"
            yield Fault("E004", ("categories",), message, "add a list of categories")

    def secrets(self) -> tuple[str, ...]:
        return secrets_of(self.secret_key_ref)

    def fails_open(self) -> bool:
        return self.fail_open

    def judge(self, exchange: Exchange) -> Verdict | Ask:
        texts = tuple(text for text in exchange.texts if text.value.strip())
        if not texts:
            return Allow()
        matter = Matter(exchange, texts, self.categories, self.threshold)
        if self.provider == EMBEDDING:
            return self._compare(matter)
        service = SERVICES[self.provider]
        questions = tuple(self._put(service, body) for body in service.bodies(matter))
        return Ask(questions, partial(self._conclude, service, matter))

    def _put(self, service: Service, body: dict[str, object]) -> Question:
        credential = credential_of(self.secret_key_ref, service.header, service.prefix)
        return post(self._url(service), body, timeout_ms=self.timeout_ms, credential=credential)

    def _url(self, service: Service) -> str:
        root = (self.endpoint or service.home).rstrip("/")
        has_path = bool(urlsplit(root).path)
        return root if has_path or not service.path else root + service.path

    def _conclude(self, service: Service, matter: Matter, answers: tuple[Answer, ...]) -> Verdict:
        concerns: list[Concern] = []
        for index, answer in enumerate(answers):
            concerns += understood(answer, partial(_concerns, service, matter, index))
        return self._say(concerns)

    def _compare(self, matter: Matter) -> Ask:
        text = Joined(matter.texts).value
        pieces = [text[start:end] for start, end in pieces_of(len(text))]
        credential = credential_of(self.secret_key_ref)
        texts = [*self.categories, *pieces]
        asked = question(self.endpoint or "", texts, timeout_ms=self.timeout_ms, credential=credential)
        return Ask((asked,), partial(self._alike, len(pieces)))

    def _alike(self, pieces: int, answers: tuple[Answer, ...]) -> Verdict:
        count = len(self.categories)
        vectors = understood(answers[0], lambda document: vectors_of(document, count + pieces))
        return self._say(
            [
                Concern(word(category), max(cosine(vector, piece) for piece in vectors[count:]))
                for category, vector in zip(self.categories, vectors[:count], strict=True)
            ]
        )

    def _say(self, concerns: Iterable[Concern]) -> Verdict:
        counting = [concern for concern in concerns if self._counts(concern)]
        if not counting:
            return Allow()
        first = min(counting, key=lambda concern: concern.category == "flagged")
        code = f"external_moderation.{first.category}"
        return Block(code, "a moderation service objects to the text", tuple(_matches(counting)))

    def _counts(self, concern: Concern) -> bool:
        if concern.score < self.threshold:
            return False
        wanted = {word(category) for category in self.categories}
        return not wanted or concern.category in wanted or concern.category == "flagged"


def _concerns(service: Service, matter: Matter, index: int, document: Any) -> list[Concern]:
    return list(service.read(document, matter, index))


def _matches(concerns: Iterable[Concern]) -> Iterator[Match]:
    for concern in concerns:
        yield from (replace(match, category=concern.category) for match in concern.matches)
