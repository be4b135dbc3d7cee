"""Lines of the gateway's log for what policies did, where a document asks for them. Never with text."""

from __future__ import annotations

import logging
from typing import Final

from keeptrusts.core.decision import Decision

_log = logging.getLogger(__name__)
_LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


def tell(decision: Decision) -> None:
    """One line for each kind that asks for one."""
    for said in decision.policies:
        if said.log_level is not None:
            shown = {
                "event_id": decision.id,
                "kind": said.kind,
                "phase": said.phase,
                "verdict": said.verdict,
                "reason_code": said.reason_code,
                "mode": said.mode,
                "agent_id": decision.agent_id,
                "session_id": decision.session_id,
            }
            _log.log(_LEVELS[said.log_level], "a policy acted", extra=shown)
