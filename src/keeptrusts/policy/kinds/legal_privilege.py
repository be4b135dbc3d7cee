"""Communications with counsel, and their work."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, ClassVar

from keeptrusts.core.exchange import Exchange, Phase
from keeptrusts.core.verdict import Verdict
from keeptrusts.policy.checks import Phrase
from keeptrusts.policy.kind import Policy
from keeptrusts.policy.schema import Attr
from keeptrusts.policy.wordlist import Wordlist, block_or_escalate


@dataclass(frozen=True)
class LegalPrivilege(Policy):
    """
    Refuse texts that are marked as privileged: disclosing them to a third party can waive the privilege.

    Built in are markers of the categories `attorney_client`, `work_product`, `litigation` and `marking`. The reason
    names the category. A privileged text without a marker is not told from any other.
    """

    kind: ClassVar[str] = "legal-privilege"
    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.INPUT, Phase.OUTPUT})
    example: ClassVar[str] = """
        privilege_markers: [prepared for the general counsel]
    """

    privilege_markers: Annotated[
        tuple[Phrase, ...], Attr("Markers besides the built-in ones; their category is `marker`.", stronger="more")
    ] = ()

    def judge(self, exchange: Exchange) -> Verdict:
        found = self._words.matches(exchange)
        return block_or_escalate("block", "legal_privilege", "the text is marked as privileged", found)

    @cached_property
    def _words(self) -> Wordlist:
        from keeptrusts.detect.wordlists.privilege import PRIVILEGE

        return Wordlist({"marker": self.privilege_markers}, PRIVILEGE)

    def holdback(self) -> int | None:
        return self._words.width
