"""The console's session: routes for browsers alone, no part of `/v1`."""

from __future__ import annotations

from typing import Annotated, NotRequired

from annotated_types import Len
from typing_extensions import TypedDict

from keeptrusts.api.forbid import FORBID


class SignIn(TypedDict):
    """POST: an API key, or the code of a link; one of them."""

    __pydantic_config__ = FORBID  # type: ignore[misc]
    key: NotRequired[Annotated[str, Len(1, 300)]]
    code: NotRequired[Annotated[str, Len(1, 100)]]


class SignedIn(TypedDict):
    """
    Who is signed in.

    Args:
        csrf_token: For the header `X-CSRF-Token` of all that changes something.
        scopes: All that may be done, never empty.
    """

    csrf_token: str
    ends_at: str
    key_id: str
    name: str
    role: str
    scopes: list[str]
    organisation_name: str
    version: str


class Link(TypedDict):
    """`path` signs in once, with the rights of the key that made it."""

    path: str
    expires_at: str
