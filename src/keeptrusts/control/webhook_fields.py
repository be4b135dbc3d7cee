"""What a webhook's fields must be, beyond their types. Each fault is named; none is repeated to who made it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from keeptrusts.api.event_types import is_known, suggest_type
from keeptrusts.api.problem import ProblemItem
from keeptrusts.api.webhooks import EVENT_TYPES
from keeptrusts.control.outbound import OutboundRules, RefusedAddressError
from keeptrusts.control.problem import ProblemError
from keeptrusts.control.signatures import LONGEST_BYTES, SHORTEST_BYTES, is_secret

MOST_HEADERS: Final = 20
LONGEST_NAME: Final = 100
LONGEST_VALUE: Final = 4000
OWN_HEADERS: Final = frozenset({
    "connection", "content-encoding", "content-length", "content-type", "expect", "host", "keep-alive",
    "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "user-agent",
    "x-keeptrusts-signature",
})  # fmt: skip
"""Those that say what we send; and all that begin with `webhook-`."""
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?", re.ASCII)


def check_fields(
    rules: OutboundRules,
    *,
    url: str | None = None,
    event_types: Sequence[str] = (),
    headers: Mapping[str, str] | None = None,
    secret: str | None = None,
) -> None:
    """
    Those that are given.

    Raises:
        ProblemError: 422 with an item for each fault; `code` is that of the first.
    """
    found = [*_url(rules, url), *_event_types(event_types), *_headers(headers or {}), *_secret(secret)]
    if found:
        raise ProblemError(422, found[0]["code"], found[0]["message"], errors=found)


def event_type_help(pattern: str) -> str:
    """What to write instead of a type that there is not."""
    meant = suggest_type(pattern)
    if meant is not None:
        return f"there is no such event type; did you mean `{meant}`?"
    nouns = ", ".join(f"`{noun}.*`" for noun in dict.fromkeys(one.partition(".")[0] for one in EVENT_TYPES))
    return f"there is no such event type; use `*`, one of {nouns}, or a type by its whole name"


def _url(rules: OutboundRules, url: str | None) -> Iterable[ProblemItem]:
    if url is not None:
        try:
            rules.check_url(url)
        except RefusedAddressError as refused:
            yield _item("url", "invalid_url", str(refused))


def _event_types(patterns: Sequence[str]) -> Iterable[ProblemItem]:
    for index, pattern in enumerate(patterns):
        if not is_known(pattern):
            item = _item(f"event_types[{index}]", "unknown_event_type", event_type_help(pattern))
            yield {**item, "suggestion": suggest_type(pattern)}


def _headers(headers: Mapping[str, str]) -> Iterable[ProblemItem]:
    if len(headers) > MOST_HEADERS:
        yield _item("headers", "too_many_headers", f"a webhook has at most {MOST_HEADERS} headers")
    lower = [name.lower() for name in headers]
    if len(set(lower)) != len(lower):
        yield _item("headers", "invalid_header", "each header may be there once; upper and lower case are alike")
    for name, value in headers.items():
        if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME:
            yield _item("headers", "invalid_header", f"a header's name is an HTTP token of at most {LONGEST_NAME}")
        elif name.lower() in OWN_HEADERS or name.lower().startswith("webhook-"):
            yield _item("headers", "reserved_header", f"`{name.lower()}` is set by the delivery itself; leave it out")
        elif not _VALUE.fullmatch(value) or len(value) > LONGEST_VALUE:
            yield _item(
                "headers", "invalid_header", f"a header's value is 1 to {LONGEST_VALUE} visible ASCII characters"
            )


def _secret(secret: str | None) -> Iterable[ProblemItem]:
    if secret is not None and not is_secret(secret):
        detail = (
            f"a secret is `whsec_` and {SHORTEST_BYTES} to {LONGEST_BYTES} bytes in base64; leave it out and one is "
            'made, or use `echo "whsec_$(openssl rand -base64 32)"`'
        )
        yield _item("secret", "invalid_secret", detail)


def _item(path: str, code: str, message: str) -> ProblemItem:
    return {"path": path, "code": code, "message": message}
