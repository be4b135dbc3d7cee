"""Who may have events deleted earlier: evidence goes by no change that an editor makes alone."""

from __future__ import annotations

from keeptrusts.control import policies
from keeptrusts.control.auditing import record
from keeptrusts.control.auth import Actor
from keeptrusts.control.problem import ProblemError
from keeptrusts.control.scopes import RETENTION_WRITE
from keeptrusts.policy.compiled import Audit
from keeptrusts.store.transaction import Tx


def allow_shorter(tx: Tx, actor: Actor, configuration_id: str, before: str, after: str | None) -> None:
    """
    Note that events of a configuration are kept shorter from now on, if they are, and if the caller may do that.

    Args:
        before: The present document.
        after: The document to come; None: the configuration goes, and its events are kept as those of none are.

    Raises:
        ProblemError: 403 `retention_shortened`.
    """
    old = policies.kept_hours(before)
    new = Audit().retention_hours if after is None else policies.kept_hours(after)
    if new is None or (old is not None and new >= old):
        return
    if not actor.may(RETENTION_WRITE):
        kept = "for good, since its document does not lint any more" if old is None else f"for {old} hours"
        detail = (
            f"its events are kept {kept}, and would be for {new} hours: to delete what is older needs the "
            f"scope `{RETENTION_WRITE}`, of an admin"
        )
        raise ProblemError(403, "retention_shortened", detail)
    told = [{"retention_hours": hours} for hours in (old, new)]
    record(tx, actor, "configuration.shorten_retention", configuration_id, before=told[0], after=told[1])
