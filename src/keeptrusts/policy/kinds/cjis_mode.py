"""Criminal justice information: whoever asks is known, and every access is on record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from keeptrusts.core.exchange import Exchange, Phase
from keeptrusts.core.verdict import Allow, Block, Verdict
from keeptrusts.policy.kind import Policy
from keeptrusts.policy.schema import Attr


@dataclass(frozen=True)
class CjisMode(Policy):
    """
    Refuse callers that are not known, and mark every access in the record (CJIS Security Policy, areas Access
    Control, Identification and Authentication, and Auditing and Accountability).

    With `require_auth` a request needs a gateway key: start the gateway with client keys. With `access_logging` the
    record of each request that passes says `cjis_mode.access`, and a request that nobody can be held accountable for,
    without key and without user, is refused. It is a part of what that policy asks for, not all of it.
    """

    kind: ClassVar[str] = "cjis-mode"
    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.INPUT})
    example: ClassVar[str] = """
        require_auth: true
        access_logging: true
    """

    require_auth: Annotated[bool, Attr("Refuse a request without a gateway key.", stronger="on")] = True
    access_logging: Annotated[
        bool, Attr("Mark each access in its record; refuse one that names nobody.", stronger="on")
    ] = True

    def judge(self, exchange: Exchange) -> Verdict:
        caller = exchange.caller
        if self.require_auth and caller.key_id is None:
            return Block("cjis_mode.unauthenticated", "a gateway key is needed")
        if not self.access_logging:
            return Allow()
        if caller.key_id is None and not caller.user_id:
            return Block("cjis_mode.unattributed", "the request must name its user in the header `x-user-id`")
        return Allow(code="cjis_mode.access")
