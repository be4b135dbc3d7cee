"""`?label.<key>=<value>` of lists; several must all fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import Depends, Request

from keeptrusts.control.problem import ProblemError

PREFIX = "label."


def read_labels(request: Request) -> Mapping[str, str]:
    """
    The dependency, beside that of a list.

    Raises:
        ProblemError: 422.
    """
    wanted = {name: value for name, value in request.query_params.items() if name.startswith(PREFIX)}
    if any("\x00" in text for pair in wanted.items() for text in pair):
        raise ProblemError(422, "invalid_input", "text may not contain the character U+0000")
    return {name.removeprefix(PREFIX): value for name, value in wanted.items()}


LabelFilter = Annotated[Mapping[str, str], Depends(read_labels)]
