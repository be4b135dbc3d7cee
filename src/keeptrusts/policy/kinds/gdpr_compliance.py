"""Consent to the processing of personal data, asked for before a model sees it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, ClassVar, Final, Literal

from keeptrusts.core.exchange import Exchange, Phase
from keeptrusts.core.verdict import Allow, Block, Match, Verdict
from keeptrusts.policy.asking import Answer, Ask, body_of, flag, understood
from keeptrusts.policy.checks import base_url, header_name
from keeptrusts.policy.endpoints import post
from keeptrusts.policy.kind import Policy
from keeptrusts.policy.kinds.audit_logger import AuditLogger
from keeptrusts.policy.reading import suggest
from keeptrusts.policy.schema import Attr, Fault

GROUPS: Final = ("pii", "financial", "health")
TIMEOUT_MS: Final = 2000
KEEPS_TEXTS: Final = frozenset({"redacted", "full"})


@dataclass(frozen=True)
class GdprCompliance(Policy):
    """
    Refuse requests without the consent that the processing of personal data needs (Art. 6 and 7).

    The caller shows the consent as a token in a header. Without `data_categories` every request needs one; with them
    only a request in which such data are found: `pii`, `financial` and `health`, as `human-oversight` knows them.

    With `consent_verification_endpoint` the token is verified: the service is sent `{"token", "user_id",
    "data_categories"}`, the categories being those that were found, and answers `{"valid": true or false}` within two
    seconds. Without a usable answer the request is refused, `gdpr_compliance.error`. The token is sent to nobody else
    and is in no record.

    The service may add `"withdrawn": true` to a token that is not valid. The request is then refused as
    `gdpr_compliance.consent_withdrawn`, and `erasure_webhook` is sent `{"event": "consent_withdrawn", "user_id",
    "data_categories"}` (Art. 17), each time; where that fails the reason is `gdpr_compliance.error`. A request
    without a user sends nothing, for nobody could tell whose data to erase.

    `retention_days` is the longest that texts may be kept: a document whose `audit-logger` keeps them for longer does
    not lint. Whether a purpose is lawful, a gateway cannot tell.
    """

    kind: ClassVar[str] = "gdpr-compliance"
    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.INPUT})
    example: ClassVar[str] = """
        consent_header: x-consent-token
        consent_verification_endpoint: https://consent.example.com/verify
        data_categories: [pii, health]
    """

    consent_required: Annotated[
        bool,
        Attr("A request without a token is refused. False: only a token that is shown is verified.", stronger="on"),
    ] = True
    consent_header: Annotated[str, Attr("Header that holds the token.", check=header_name, stronger="unclear")] = (
        "x-consent-token"
    )
    consent_verification_endpoint: Annotated[
        str | None,
        Attr("Who says whether a token is valid; absent: any token will do.", check=base_url, stronger="unclear"),
    ] = None
    erasure_webhook: Annotated[
        str | None,
        Attr("Who is told that a consent was withdrawn.", check=base_url, stronger="neutral"),
    ] = None
    data_categories: Annotated[
        tuple[str, ...], Attr("Data that need consent; empty means every request does.", stronger="among")
    ] = ()
    retention_days: Annotated[
        int, Attr("Longest that texts may be kept.", minimum=1, maximum=36_500, stronger="lower")
    ] = 30

    def faults(self) -> Iterable[Fault]:
        if self.erasure_webhook is not None and self.consent_verification_endpoint is None:
            message = "`consent_verification_endpoint` is missing: nobody else says that a consent was withdrawn"
            yield Fault("E004", ("consent_verification_endpoint",), message, "add it, or remove `erasure_webhook`")
        for index, name in enumerate(self.data_categories):
            if name not in GROUPS:
                message = f"`{name[:60]}` is not a category that this version recognises"
                yield Fault("E009", ("data_categories", index), message, suggest(name, GROUPS, "categories"))

    def faults_beside(self, chain: Mapping[str, Policy]) -> Iterable[Fault]:
        logger = chain.get("audit-logger")
        if not isinstance(logger, AuditLogger) or logger.content not in KEEPS_TEXTS:
            return
        if logger.kept_hours() > self.retention_days * 24:
            message = f"`audit-logger` keeps texts for longer than {self.retention_days} days"
            hint = f"write `retention_days: {self.retention_days}` or `content: digest` for `audit-logger`"
            yield Fault("E009", ("retention_days",), message, hint)

    def judge(self, exchange: Exchange) -> Verdict | Ask:
        found = self._found(exchange)
        if self.data_categories and not found:
            return Allow()
        matches = tuple(match for group in found.values() for match in group)
        token = exchange.caller.headers.get(self.consent_header.lower(), "").strip()
        if not token:
            if not self.consent_required:
                return Allow()
            message = f"the header `{self.consent_header}` must show consent to the processing of personal data"
            return Block("gdpr_compliance.consent_missing", message, matches)
        if self.consent_verification_endpoint is None:
            return Allow()
        said = {"token": token, "user_id": exchange.caller.user_id, "data_categories": list(found)}
        question = post(self.consent_verification_endpoint, said, timeout_ms=TIMEOUT_MS)
        return Ask((question,), partial(self._conclude, said, matches))

    def _conclude(
        self, said: Mapping[str, Any], matches: tuple[Match, ...], answers: tuple[Answer, ...]
    ) -> Verdict | Ask:
        told = understood(answers[0], _told)
        if told == "valid":
            return Allow()
        verdict = Block(f"gdpr_compliance.consent_{told}", "the consent that was shown is not valid", matches)
        if told == "invalid" or self.erasure_webhook is None or said["user_id"] is None:
            return verdict
        letter = {"event": "consent_withdrawn", **{name: said[name] for name in ("user_id", "data_categories")}}
        return Ask((post(self.erasure_webhook, letter, timeout_ms=TIMEOUT_MS),), partial(_delivered, verdict))

    def _found(self, exchange: Exchange) -> Mapping[str, list[Match]]:
        from keeptrusts.detect.topics import recognise

        found: dict[str, list[Match]] = {}
        for name in self.data_categories:
            for text in exchange.texts:
                for hit in recognise(name, text.value):
                    match = Match(text.place, hit.start, hit.end, hit.category)
                    found.setdefault(name, []).append(match)
        return found


def _delivered(verdict: Block, answers: tuple[Answer, ...]) -> Verdict:
    body_of(answers[0])
    return verdict


def _told(document: Any) -> Literal["valid", "withdrawn", "invalid"]:
    if flag(document["valid"]):
        return "valid"
    return "withdrawn" if flag(document.get("withdrawn", False)) else "invalid"
