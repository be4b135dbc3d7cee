"""
Every failure as one form: RFC 9457 `application/problem+json`, which never holds what the caller sent.

Names of unknown fields are the caller's text too: a path shows only names of the contract, and `*` for the rest.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from keeptrusts import api
from keeptrusts.api.problem import MEDIA_TYPE, Problem, ProblemItem
from keeptrusts.control.methods import methods_of
from keeptrusts.core.errors import InputError, KeeptrustsError, NotAuthorisedError, NotFoundError, VersionConflictError
from keeptrusts.store.errors import ConflictError, StoreUnavailableError

TYPE_BASE: Final = "https://keeptrusts.dev/problems/"
RETRY_AFTER_S: Final = 2

CODES: Final[Mapping[int, str]] = {
    400: "malformed_request",
    401: "missing_api_key",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    409: "conflict",
    412: "version_conflict",
    413: "body_too_large",
    415: "unsupported_media_type",
    422: "invalid_input",
    429: "rate_limited",
    503: "store_unavailable",
}
DETAILS: Final[Mapping[int, str]] = {
    400: "the request could not be read",
    404: "there is nothing at this address; see /openapi.json for the routes",
    405: "this address does not take this method; see the `Allow` header",
}


class ProblemError(HTTPException):
    """A refusal with its whole form. Any route, dependency or middleware may raise it."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[ProblemItem] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.code = code
        self.errors = tuple(errors)


def problem(
    request_id: str,
    status: int,
    code: str,
    detail: str,
    *,
    errors: Sequence[ProblemItem] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """The answer itself."""
    body: Problem = {
        "type": TYPE_BASE + code.replace("_", "-"),
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": request_id,
    }
    if errors:
        body["errors"] = list(errors)
    return JSONResponse(body, status, dict(headers or {}), MEDIA_TYPE)


def require_unicode(text: str) -> None:
    """
    JSON can spell half of a surrogate pair, which is no text.

    Raises:
        ProblemError: 422.
    """
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ProblemError(422, "invalid_input", "text must be Unicode; it has half of a surrogate pair") from None


def request_id_of(request: Request) -> str:
    """As `middleware.Envelope` made it."""
    return str(request.scope["state"]["request_id"])


async def on_http_error(request: Request, raised: Exception) -> JSONResponse:
    """Our own refusals, and the framework's (404, 405, a body that is no JSON)."""
    assert isinstance(raised, HTTPException)
    code = raised.code if isinstance(raised, ProblemError) else CODES.get(raised.status_code, "refused")
    own = isinstance(raised, ProblemError)
    detail = raised.detail if own else DETAILS.get(raised.status_code, "the request was refused")
    errors = raised.errors if isinstance(raised, ProblemError) else ()
    headers = dict(raised.headers or {})
    if raised.status_code == 405:
        headers["Allow"] = methods_of(request.app, request.scope["path"])
    return problem(request_id_of(request), raised.status_code, code, detail, errors=errors, headers=headers)


async def on_validation_error(request: Request, raised: Exception) -> JSONResponse:
    """What does not fit the contract: 422, one item for each fault; JSON that cannot be read: 400; no JSON: 415."""
    assert isinstance(raised, RequestValidationError)
    faults = raised.errors()
    if any(fault["loc"] == ("body",) for fault in faults) and await _says_it_is_no_json(request):
        detail = "the body is not called JSON; send it with `Content-Type: application/json`"
        return problem(request_id_of(request), 415, "unsupported_media_type", detail)
    if any(fault["type"] == "json_invalid" for fault in faults):
        return problem(request_id_of(request), 400, "malformed_json", "the body is not JSON")
    items = [_item(fault) for fault in faults[:100]]
    count = "a field is" if len(faults) == 1 else f"{len(faults)} fields are"
    detail = f"{count} not as required; see `errors`"
    return problem(request_id_of(request), 422, "invalid_input", detail, errors=items)


async def _says_it_is_no_json(request: Request) -> bool:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return media_type != "application/json" and not media_type.endswith("+json") and bool(await request.body())


async def on_own_error(request: Request, raised: Exception) -> JSONResponse:
    """What `core.errors` and `store.errors` name."""
    assert isinstance(raised, KeeptrustsError)
    status = _status(raised)
    headers = {"Retry-After": str(RETRY_AFTER_S)} if status == 503 else {}
    detail = "the database is full, locked or away; nothing was changed, try again" if status == 503 else str(raised)
    if status == 500:
        raise raised
    return problem(request_id_of(request), status, raised.code, detail, headers=headers)


_STATUSES: Final[tuple[tuple[type[KeeptrustsError], int], ...]] = (
    (NotFoundError, 404),
    (VersionConflictError, 412),
    (ConflictError, 409),
    (InputError, 422),
    (NotAuthorisedError, 403),
    (StoreUnavailableError, 503),
)
"""The first that fits counts."""


def _status(raised: KeeptrustsError) -> int:
    return next((status for kind, status in _STATUSES if isinstance(raised, kind)), 500)


def _item(fault: Mapping[str, Any]) -> ProblemItem:
    kind = str(fault["type"])
    where = list(fault["loc"])
    if kind == "extra_forbidden":
        where[-1] = "*"
    code = _FAULTS.get(kind, "invalid_value")
    return {"path": _path(where), "code": code, "message": _message(kind, fault.get("ctx") or {})}


def _path(where: Sequence[int | str]) -> str:
    """`labels.*` or `scopes[2]`: only words of the contract, never a key the caller chose."""
    shown = ""
    for step in where[1:] if where and where[0] in {"body", "query", "path", "header"} else where:
        if isinstance(step, int):
            shown += f"[{step}]"
        else:
            shown += ("." if shown else "") + (step if step in _words() else "*")
    return shown


_FAULTS: Final[Mapping[str, str]] = {"missing": "required", "extra_forbidden": "unknown_field"}


_BOUNDS: Final = {
    "min_length": "have a length of at least {}",
    "max_length": "have a length of at most {}",
    "ge": "be at least {}",
    "le": "be at most {}",
    "gt": "be more than {}",
    "lt": "be less than {}",
}


def _message(kind: str, context: Mapping[str, Any]) -> str:
    bounds = [words.format(context[name]) for name, words in _BOUNDS.items() if name in context]
    match kind:
        case "missing":
            return "this field is required"
        case "extra_forbidden":
            return "there is no such field; see /openapi.json for those there are"
        case "literal_error":
            return f"it must be {context.get('expected', 'one of the listed values')}"
        case _ if bounds:
            return "it must " + " and ".join(bounds)
        case _:
            wanted = kind.removesuffix("_type").removesuffix("_parsing").replace("_", " ")
            return f"it must be a valid {wanted}" if kind.endswith(("_type", "_parsing")) else "it is not valid here"


_WORDS: set[str] = set()


def _words() -> set[str]:
    """Field names of the contract, and the names of parameters (which routes add through `allow_words`)."""
    if not _WORDS:
        _WORDS.update(_field_names())
    return _WORDS


def allow_words(names: Sequence[str]) -> None:
    """Parameter names of routes, which a problem's path may show."""
    _words().update(names)


def _field_names() -> set[str]:
    import importlib
    import pkgutil

    found: set[str] = set()
    for module in pkgutil.iter_modules(api.__path__):
        for value in vars(importlib.import_module(f"keeptrusts.api.{module.name}")).values():
            if typing.is_typeddict(value) or hasattr(value, "__required_keys__"):
                found.update(value.__annotations__)
    return found
