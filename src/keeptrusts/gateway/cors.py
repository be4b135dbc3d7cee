"""What pages of browsers are told: whether they may call, and what of an answer they may read (Fetch, section 3.2)."""

from __future__ import annotations

from collections.abc import Mapping

from keeptrusts.flow.effects import Headers
from keeptrusts.policy.compiled import Cors

_VARY: Headers = (("vary", "origin"),)


def is_preflight(method: str, fields: Mapping[str, str]) -> bool:
    """A browser asks whether a page may send a request."""
    return method == "OPTIONS" and "origin" in fields and "access-control-request-method" in fields


def preflight(cors: Cors, fields: Mapping[str, str]) -> Headers | None:
    """The answer to a preflight; None when this page may not send this request."""
    origin = _origin(cors, fields)
    if origin is None or fields["access-control-request-method"] not in cors.allow_methods:
        return None
    asked = _names(fields.get("access-control-request-headers", ""))
    allowed = {name.lower() for name in cors.allow_headers}
    if allowed and not allowed.issuperset(asked):
        return None
    headers: Headers = (
        ("access-control-allow-origin", origin),
        ("access-control-allow-methods", ", ".join(cors.allow_methods)),
        ("access-control-max-age", str(cors.max_age)),
        ("vary", "origin, access-control-request-method, access-control-request-headers"),
    )
    if asked:
        headers = (*headers, ("access-control-allow-headers", ", ".join(asked)))
    return (*headers, *_credentials(cors))


def readable(cors: Cors | None, fields: Mapping[str, str]) -> Headers:
    """What every answer to a page carries, so that the page may read it."""
    if cors is None:
        return ()
    origin = _origin(cors, fields)
    if origin is None:
        return _VARY
    exposed: Headers = (
        (("access-control-expose-headers", ", ".join(cors.expose_headers)),) if cors.expose_headers else ()
    )
    return (("access-control-allow-origin", origin), *exposed, *_credentials(cors), *_VARY)


def _origin(cors: Cors, fields: Mapping[str, str]) -> str | None:
    said = fields.get("origin")
    if said is not None and said in cors.allow_origins:
        return said
    return "*" if said is not None and "*" in cors.allow_origins else None


def _credentials(cors: Cors) -> Headers:
    return (("access-control-allow-credentials", "true"),) if cors.credentials else ()


def _names(listed: str) -> list[str]:
    """Names of fields, in lower case; what is no name is dropped, for it would go into the answer."""
    names = (name.strip().lower() for name in listed.split(","))
    return [name for name in names if name and all(letter.isalnum() or letter in "-_" for letter in name)]
