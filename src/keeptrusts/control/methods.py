"""The methods of an address: several routes share one, and the framework's refusal names those of the first alone."""

from __future__ import annotations

import re
from functools import lru_cache

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.routing import Route, compile_path


def methods_of(app: FastAPI, path: str) -> str:
    """As an `Allow` header says it."""
    fitting = [one for one in _routes(app) if one[1].match(path)]
    # a word of the address, such as `validate`, is no id
    named = [one for one in fitting if one[0] == path] or fitting
    return ", ".join(sorted(frozenset[str]().union(*(methods for _, _, methods in named))))


@lru_cache(maxsize=8)
def _routes(app: FastAPI) -> tuple[tuple[str, re.Pattern[str], frozenset[str]], ...]:
    contexts = [one for one in iter_route_contexts(app.routes) if isinstance(one.original_route, Route)]
    return tuple(
        (one.path or "", compile_path(one.path or "")[0], frozenset(getattr(one.original_route, "methods", None) or ()))
        for one in contexts
    )
