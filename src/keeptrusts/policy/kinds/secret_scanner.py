"""Credentials out of requests and answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from keeptrusts.core.exchange import Exchange, Phase
from keeptrusts.core.verdict import Verdict
from keeptrusts.policy.checks import Regex
from keeptrusts.policy.kind import Policy
from keeptrusts.policy.redaction import LABELS, block_or_redact, edits_for, matches_in
from keeptrusts.policy.schema import Attr

if TYPE_CHECKING:
    from keeptrusts.detect.scan import Hit
    from keeptrusts.detect.tenant import TenantPatterns


@dataclass(frozen=True)
class SecretScanner(Policy):
    """
    Redact or refuse credentials: keys and tokens in the formats of their issuers, private keys, passwords that are
    assigned to a name, credentials in URLs, and tokens that look random.

    Random by their nature are also digests (Subresource Integrity, lock files, HTTP fields), certificates, public keys
    and embedded pictures. Requests and tool results may hold them; in an answer, which is judged piece by piece, those
    in base64 count as random. They count everywhere behind a name like `token=`.
    """

    kind: ClassVar[str] = "secret-scanner"
    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.INPUT, Phase.TOOL, Phase.OUTPUT})
    example: ClassVar[str] = """
        action: block
    """

    action: Annotated[
        Literal["redact", "block"], Attr("Put a marker in its place, or refuse.", stronger=("redact", "block"))
    ] = "redact"
    detect_patterns: Annotated[
        tuple[Regex, ...], Attr("Further patterns; their category is `custom`.", stronger="more")
    ] = ()
    entropy: Annotated[
        bool, Attr("Look for tokens that are too random for prose, of 32 characters and more.", stronger="on")
    ] = True

    def judge(self, exchange: Exchange) -> Verdict:
        found = matches_in(exchange.texts, lambda text: self._find(text, answered=exchange.answered))
        edits = edits_for(found, LABELS)
        return block_or_redact(self.action, "secret_scanner", "credentials may not be sent", edits)

    def is_silent(self, text: str) -> bool:
        if self.detect_patterns:
            return False
        from keeptrusts.detect.secret import secret_rules

        return secret_rules(entropy=self.entropy).is_silent(text)

    def _find(self, text: str, *, answered: bool) -> list[Hit]:
        found = self._find_secrets(text, entropy=self.entropy, limited=answered)
        if not self.detect_patterns:
            return found
        found += self._patterns.find(text, limited=answered)
        return sorted(found, key=lambda hit: (hit.start, -hit.end))

    @cached_property
    def _find_secrets(self) -> Callable[..., list[Hit]]:
        from keeptrusts.detect.secret import find_secrets

        return find_secrets

    @cached_property
    def _patterns(self) -> TenantPatterns:
        from keeptrusts.detect.tenant import TenantPatterns

        return TenantPatterns(self.detect_patterns)

    def holdback(self) -> int | None:
        from keeptrusts.detect.pattern import widest
        from keeptrusts.detect.secret import secret_rules

        own = widest(self.detect_patterns)
        return None if own is None else max(own, secret_rules(entropy=self.entropy).width)
