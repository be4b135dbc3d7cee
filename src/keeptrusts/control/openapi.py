"""`/openapi.json` as it is: one error form for every route, and a bearer token but for health."""

from __future__ import annotations

import json
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter

from keeptrusts.api.problem import MEDIA_TYPE, Problem

_REFERENCE: Final = "#/components/schemas/{model}"
_PROBLEM: Final = {
    "description": "A problem (RFC 9457). `code` says which; `errors` says where.",
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_OPEN: Final = ("/v1/providers/", "/v1/provider-mirror/")
"""Terraform asks there before it has a key."""
_FRAMEWORKS_OWN: Final = ("HTTPValidationError", "ValidationError")


def describe_api(app: FastAPI) -> dict[str, Any]:
    """The document (OpenAPI 3.1), made once."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            summary=app.summary,
            openapi_version=app.openapi_version,
            routes=app.routes,
        )
        _add_problem(document["components"])
        for path, operations in document["paths"].items():
            for operation in operations.values():
                _finish(operation, needs_key=path.startswith("/v1/") and not path.startswith(_OPEN))
        app.openapi_schema = _with_named_pages(document)
    return app.openapi_schema


def _add_problem(components: dict[str, Any]) -> None:
    schema = TypeAdapter(Problem).json_schema(ref_template=_REFERENCE)
    schemas = components["schemas"]
    schemas |= schema.pop("$defs", {})
    schemas["Problem"] = schema
    for name in _FRAMEWORKS_OWN:
        schemas.pop(name, None)
    components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer", "description": "`kt_...`"}}


def _with_named_pages(document: dict[str, Any]) -> dict[str, Any]:
    """Pages are named after what is on them: generators make classes of titles, and all of these are titled `Page`."""
    schemas: dict[str, Any] = document["components"]["schemas"]
    names = {name: f"{_of_what(name)}Page" for name in schemas if name.startswith("Page_")}
    for old, new in names.items():
        schemas[old]["title"] = new
    text = json.dumps(document)
    for old, new in names.items():
        text = text.replace(json.dumps(_REFERENCE.format(model=old)), json.dumps(_REFERENCE.format(model=new)))
    named: dict[str, Any] = json.loads(text)
    found = named["components"]["schemas"]
    named["components"]["schemas"] = {names.get(name, name): schema for name, schema in found.items()}
    return named


def _of_what(name: str) -> str:
    inner = name.removeprefix("Page_").strip("_")
    return inner if inner.isalnum() else "Item"


def _finish(operation: dict[str, Any], *, needs_key: bool) -> None:
    operation["responses"].pop("422", None)
    operation["responses"]["default"] = _PROBLEM
    if needs_key:
        operation["security"] = [{"key": []}]
