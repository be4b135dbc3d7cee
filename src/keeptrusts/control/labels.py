"""`?label.<key>=<value>` of lists; several must all fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import Depends, Request

from keeptrusts.control.problem import ProblemError

PREFIX = "label."


def read_labels(request: Request) -> Mapping[str, str]:
    """
    The dependency. It also refuses a parameter the route does not know: a misspelt filter would show too much.

    Raises:
        ProblemError: 422.
    """
    route = request.scope["route"]
    known = {one.alias for one in route.dependant.query_params}
    for dependency in route.dependant.dependencies:
        known |= {one.alias for one in dependency.query_params}
    wanted = {name: value for name, value in request.query_params.items() if name.startswith(PREFIX)}
    if set(request.query_params) - known - set(wanted):
        names = ", ".join(f"`{name}`" for name in sorted(known))
        raise ProblemError(422, "unknown_parameter", f"this list knows {names} and `label.<key>`")
    if any("\x00" in text for pair in wanted.items() for text in pair):
        raise ProblemError(422, "invalid_input", "text may not contain the character U+0000")
    return {name.removeprefix(PREFIX): value for name, value in wanted.items()}


LabelFilter = Annotated[Mapping[str, str], Depends(read_labels)]
