"""What may be asked of an export. A refusal says what to write instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches
from importlib.util import find_spec
from typing import Final, get_args

from keeptrusts.api.escalations import EscalationState, Outcome
from keeptrusts.api.events import Verdict
from keeptrusts.api.exports import EXPORT_CONTENTS, EXPORT_FORMATS, EXPORT_TYPES
from keeptrusts.control.event_filters import read_time
from keeptrusts.control.ocsf import TRANSLATORS
from keeptrusts.control.problem import ProblemError
from keeptrusts.control.windows import read_window
from keeptrusts.core.errors import InputError
from keeptrusts.store.archive_rows import AUDIT_FILTERS, AuditSource, EscalationSource, EventSource, Source
from keeptrusts.store.escalations import FILTERS as ESCALATION_FILTERS
from keeptrusts.store.events import EXACT, Filters
from keeptrusts.store.exports import NewExport
from keeptrusts.store.sealing import Sealer
from keeptrusts.store.transaction import Tx

FILTERS: Final[Mapping[str, Sequence[str]]] = {
    "events": (*EXACT, "policy", "q"),
    "audit-log": AUDIT_FILTERS,
    "escalations": ESCALATION_FILTERS,
}

_VALUES: Final[Mapping[str, Sequence[str]]] = {
    "verdict": get_args(Verdict),
    "state": get_args(EscalationState),
    "outcome": get_args(Outcome),
}
"""Of filters that have few: an archive of a misspelt one is empty, and looks like evidence that there was nothing."""


def read_export(
    *,
    kind: str | None,
    written_as: str,
    window: str | None,
    start: str | None,
    end: str | None,
    filters: Mapping[str, str],
    content: str | None,
    now: datetime,
) -> NewExport:
    """
    In the store's terms.

    Raises:
        ProblemError: 422 `invalid_type`, `invalid_format`, `invalid_window`, `invalid_time`, `invalid_content`,
            `unknown_filter` or `invalid_filter`.
    """
    chosen = kind or "events"
    _word("type", chosen, EXPORT_TYPES)
    _word("format", written_as, EXPORT_FORMATS)
    _form(chosen, written_as)
    _filters(chosen, filters)
    _content(chosen, content)
    try:
        covered = read_window(window, read_time("from", start), read_time("to", end), now)
    except InputError as refused:
        field = "window" if window is not None else "from"
        raise _refused(field, refused.code, str(refused)) from None
    return NewExport(
        type=chosen,
        format=written_as,
        window_from=covered.start,
        window_to=covered.end,
        filters=dict(filters),
        content=(content or "sealed") if chosen == "events" else None,
    )


def source_of(tx: Tx, org: str, wanted: NewExport, sealer: Sealer) -> Source:
    """The rows that are there now. `sealer` opens contents, where they are to be in the clear."""
    if wanted.type == "audit-log":
        return AuditSource(org, wanted.filters, wanted.window_from, wanted.window_to)
    if wanted.type == "escalations":
        return EscalationSource(org, wanted.filters, wanted.window_from, wanted.window_to)
    exact = {name: value for name, value in wanted.filters.items() if name in EXACT}
    filters = Filters(exact=exact, policy=wanted.filters.get("policy"), search=wanted.filters.get("q"))
    within = filters.within(wanted.window_from, wanted.window_to)
    return EventSource.begin(tx.events, org, within, sealer if wanted.content == "clear" else None)


def _form(kind: str, written_as: str) -> None:
    if written_as == "ocsf" and kind not in TRANSLATORS:
        raise _refused("format", "invalid_format", f"`{kind}` have no form in OCSF; use `jsonl` or `csv`")
    if written_as == "parquet" and find_spec("pyarrow") is None:
        message = "`parquet` needs the extra of the control plane: `pip install 'keeptrusts[archive]'`"
        raise _refused("format", "invalid_format", message)


def _content(kind: str, given: str | None) -> None:
    if given is None:
        return
    if kind != "events":
        raise _refused("content", "invalid_content", "only events have content; leave `content` out")
    _word("content", given, EXPORT_CONTENTS)


def _word(field: str, given: str, known: Sequence[str]) -> None:
    if given in known:
        return
    listed = " or ".join(f"`{one}`" for one in known)
    close = get_close_matches(given.lower(), known, n=1)
    message = f"`{field}` must be {listed}" + (f"; did you mean `{close[0]}`?" if close else "")
    raise _refused(field, f"invalid_{field}", message)


def _filters(kind: str, filters: Mapping[str, str]) -> None:
    known = FILTERS[kind]
    for name, value in filters.items():
        if name in _VALUES and name in known and value not in _VALUES[name]:
            listed = " or ".join(f"`{one}`" for one in _VALUES[name])
            raise _refused(f"filters.{name}", "invalid_filter", f"`{name}` must be {listed}")
        if name not in known:
            close = get_close_matches(name.lower(), known, n=1)
            listed = ", ".join(f"`{one}`" for one in known)
            meant = f"did you mean `{close[0]}`?" if close else f"the filters are {listed}"
            raise _refused("filters.*", "unknown_filter", f"there is no such filter; {meant}")


def _refused(path: str, code: str, message: str) -> ProblemError:
    return ProblemError(422, code, message, errors=[{"path": path, "code": code, "message": message}])
