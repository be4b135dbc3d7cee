"""
`@transactional`: one route, one thread, one transaction.

The route names `tx: Tx` among its parameters. It commits before the answer goes out and rolls back when the route
raises. A POST with an `Idempotency-Key` has its answer kept in the same transaction (see `idempotency`).
A dependency with `yield` would hold the writer's turn while the request waits for a free thread: threads that wait for
the turn could then starve the one that has it.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from fastapi import Request

from keeptrusts.control.idempotency import Replay
from keeptrusts.control.problem import ProblemError, allow_words, require_unicode
from keeptrusts.control.services import services_of
from keeptrusts.store.transaction import Tx

SAFE = frozenset({"GET", "HEAD"})
_REQUEST = "transaction_request"


def transactional(route: Callable[..., Any]) -> Callable[..., Any]:
    """Give `route` its `tx`."""
    signature = inspect.signature(route, eval_str=True)
    kept = [one for one in signature.parameters.values() if one.name != "tx"]
    asked = inspect.Parameter(_REQUEST, inspect.Parameter.KEYWORD_ONLY, annotation=Request)
    allow_words([one.name for one in kept])

    @functools.wraps(route)
    def run(**given: Any) -> Any:
        request: Request = given.pop(_REQUEST)
        _refuse_unstorable(given)
        services = services_of(request)
        if request.method in SAFE:
            with services.store.read() as tx:
                return route(tx=tx, **given)
        with services.store.write() as tx:
            return _write(request, tx, given, functools.partial(route, tx=tx, **given))

    run.__signature__ = signature.replace(parameters=[*kept, asked])  # type: ignore[attr-defined]
    return run


def _write(request: Request, tx: Tx, given: dict[str, Any], route: Callable[[], Any]) -> Any:
    replay = Replay.of(request, tx) if request.method == "POST" else None
    if replay is None:
        return route()
    if (answer := replay.earlier()) is not None:
        return answer
    content = route()
    replay.keep(content, given.get("response"))
    return content


def _refuse_unstorable(value: Any) -> None:
    """PostgreSQL stores no U+0000 in text, and half a character nobody does; both engines refuse them alike."""
    match value:
        case str():
            if "\x00" in value:
                raise ProblemError(422, "invalid_input", "text may not contain the character U+0000")
            require_unicode(value)
        case dict():
            for name, inner in value.items():
                _refuse_unstorable(name)
                _refuse_unstorable(inner)
        case list():
            for inner in value:
                _refuse_unstorable(inner)
        case _:
            pass
