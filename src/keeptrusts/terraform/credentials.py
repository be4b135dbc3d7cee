"""
What the credentials that Terraform makes have alike.

Their secret is shown once, so each is made with a key of its own that no later run repeats: a create that died half-way
leaves a credential that nobody knows, and never one that two believe to be theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Literal, TypeAlias

from keeptrusts.core.errors import ApiError
from keeptrusts.terraform.checks import life_seconds, life_text
from keeptrusts.terraform.planning import Change

Role: TypeAlias = Literal["viewer", "auditor", "editor", "admin"]
PURPOSE: Final = "What it is for."
ROLE: Final = "`viewer`, `auditor`, `editor` or `admin`."
SCOPES: Final = "Narrow the role: `configurations:read`, ... Absent: all that the role may."
GATEWAY: Final = "The gateway it is for."
PREFIX: Final = "How it begins, which may be shown."
RENEWED: Final = "Length of time, like `90d` or `12h`; absent: no end. Once it is over, the next apply makes a new one."
ROTATED: Final = "Any texts; a change of one makes a new credential. Use it with `create_before_destroy`."
PASSING: Final = "Length of time, like `30m`; an hour when absent. It is revoked when the run is over."


def once() -> str:
    """An idempotency key for one call and its retries."""
    import uuid

    return f"tf-{uuid.uuid4()}"


def plan_rotation(change: Change, secret: str) -> None:
    """The triggers of an imported credential are only known to the module: the first ones are noted."""
    if change.prior is not None and change.prior[secret] is None and change.prior["rotate_when"] is None:
        change.noted.add("rotate_when")


def lifetime_of(text: str | None) -> dict[str, int]:
    """The part of a draft that says when it ends."""
    total = life_seconds(text) if text is not None else None
    return {} if total is None else {"expires_in": total}


def key_draft(name: str, role: str, scopes: Iterable[str] | None, lifetime: Mapping[str, int]) -> Any:
    """What an API key is made of."""
    return {"name": name, "role": role, "scopes": sorted(scopes or ()), **lifetime}


@contextmanager
def revoking() -> Iterator[None]:
    """One that is gone already is revoked."""
    try:
        yield
    except ApiError as error:
        if error.status != 404:
            raise


def is_over(key: Mapping[str, Any]) -> bool:
    """Whether it was revoked or has expired."""
    from datetime import UTC, datetime

    ends = key["expires_at"]
    return bool(key["revoked_at"]) or (ends is not None and datetime.fromisoformat(ends) <= datetime.now(UTC))


def lifetime_from(key: Mapping[str, Any]) -> str | None:
    """What `expires_in` was when it was made."""
    from datetime import datetime

    if key["expires_at"] is None:
        return None
    lived = datetime.fromisoformat(key["expires_at"]) - datetime.fromisoformat(key["created_at"])
    return life_text(round(lived.total_seconds()))


def passing_lifetime(text: str | None) -> dict[str, int]:
    """Of one that is made for a run, in case the run dies before it revokes it."""
    return lifetime_of(text or "1h")
