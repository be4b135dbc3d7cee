"""What may stand behind the `?` of a list: a misspelt filter would show too much, so it is refused."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import Request
from fastapi.dependencies.models import Dependant

from keeptrusts.control.problem import ProblemError


def refuse_unknown(request: Request, prefix: str | None = None) -> None:
    """
    Refuse a parameter that the route of this request does not know.

    Args:
        prefix: Of those that may have any name behind it.

    Raises:
        ProblemError: 422 `unknown_parameter`.
    """
    known = set(_names(request.scope["route"].dependant))
    if all(name in known or (prefix and name.startswith(prefix)) for name in request.query_params):
        return
    names = ", ".join(f"`{name}`" for name in sorted(known)) + (f" and `{prefix}<key>`" if prefix else "")
    raise ProblemError(422, "unknown_parameter", f"what can be asked here is {names}")


def _names(dependant: Dependant) -> Iterator[str]:
    for one in dependant.query_params:
        yield one.alias
    for inner in dependant.dependencies:
        yield from _names(inner)
