"""
Writes that lose nothing: a create that can be repeated, and a change of exactly what was planned.

A create carries a key made of what it creates, so that one which died half-way finds its own object again. The control
plane keeps such a key for a day, and by then the object may have been deleted, changed, or taken by a like resource;
each of these is noticed, and the next key is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from keeptrusts.core.errors import ApiError
from keeptrusts.terraform.diagnostics import Diagnostics
from keeptrusts.terraform.session import Session

TYPE_CHECKING = False
if TYPE_CHECKING:  # at run time they cost more than all the rest of this module
    from keeptrusts.client import Fetched

KEYS: Final = 8
PASSING: Final = frozenset({0, 429, 502, 503, 504})
AGAIN_S: Final = 1.0
TAKEN_OVER: Final = (
    "An earlier try to create it had made `{id}`, and its answer was lost, so that one is used. If another resource "
    "block is written exactly like this one, both have the same object now: change one of them."
)


def create(session: Session, diagnostics: Diagnostics, collection: Any, draft: Mapping[str, Any]) -> Any:
    """
    Make the object of `draft`, or take over the one that an earlier, lost create made.

    Raises:
        ApiError: The control plane refused.
    """
    for key in _keys(collection.path, draft):
        made = collection.make(draft, idempotency_key=key)
        if made.replayed and not _still_new(collection, made.value):
            continue
        if not session.claim(made.value["id"]):
            continue
        if made.replayed:
            diagnostics.warn("An object was taken over", TAKEN_OVER.format(id=made.value["id"]))
        return made.value
    return collection.create(draft)


def _still_new(collection: Any, made: Mapping[str, Any]) -> bool:
    """Whether it is as it was made: one that was changed since has found its owner."""
    now = _fetch(collection, made["id"])
    return now is not None and now.value["updated_at"] == made["updated_at"]


def fetch_unchanged(
    session: Session, collection: Any, identifier: str, is_prior: Callable[[Any], bool]
) -> Fetched[Any] | None:
    """
    The object, if it is still what the state says; None when it is gone.

    Raises:
        ApiError: 412, somebody changed it; the message says who and when.
    """
    found = _fetch(collection, identifier)
    if found is not None and not is_prior(found.value) and not is_prior(_composed(found.value)):
        raise conflict(session, found.value)
    return found


def _composed(value: Any) -> Any:
    """As Terraform holds texts: in Unicode's form NFC, whatever the API was told."""
    import unicodedata

    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    if isinstance(value, Mapping):
        return {_composed(name): _composed(held) for name, held in value.items()}
    return [_composed(one) for one in value] if isinstance(value, list) else value


def conflict(session: Session, now: Mapping[str, Any]) -> ApiError:
    """What to say when somebody else wrote first."""
    who, when = _last_writer(session, now)
    return ApiError(
        f"`{now['id']}` was changed by `{who}` at {when}, after it was last read; that change was kept",
        code="version_conflict",
        status=412,
    )


def _last_writer(session: Session, now: Mapping[str, Any]) -> tuple[str, str]:
    """From the audit log where the key may read it."""
    try:
        last = next(session.client.audit.each({"object_id": now["id"]}), None)
    except ApiError:
        last = None
    if last is not None:
        return last["actor"], last["at"]
    return str(now.get("updated_by") or "somebody else"), str(now["updated_at"])


def update(session: Session, collection: Any, found: Fetched[Any], patch: Mapping[str, Any]) -> Any:
    """
    Change what was fetched, and nothing that was written since.

    An answer that got lost is looked into: when the object is what it was to become, it was done.
    """
    identifier = found.value["id"]
    try:
        return collection.update(identifier, patch, if_match=found.etag)
    except ApiError as error:
        if error.status == 412:
            raise conflict(session, collection.get(identifier)) from None
        if error.status != 0:
            raise
        now = collection.get(identifier)
        visible = {name: value for name, value in patch.items() if name in now}
        if now["updated_at"] == found.value["updated_at"] or any(now[name] != value for name, value in visible.items()):
            raise
        return now


def delete(
    session: Session, collection: Any, identifier: str, is_prior: Callable[[Any], bool], *, patience_s: float = 0.0
) -> None:
    """
    Delete the object if it is still what the state says; one that is gone already is no error.

    What a like resource of this run has taken over stays: a block that was renamed is created and deleted at once.

    Args:
        patience_s: How long to go on trying while the control plane is busy or away.

    Raises:
        ApiError: 412, somebody changed it; the message says who and when.
    """
    if not session.claim(identifier):
        return
    import time

    until = time.monotonic() + patience_s
    while True:
        try:
            _delete(session, collection, identifier, is_prior)
        except ApiError as error:
            if error.status not in PASSING or time.monotonic() >= until or session.stopping.wait(AGAIN_S):
                raise
        else:
            return


def _delete(session: Session, collection: Any, identifier: str, is_prior: Callable[[Any], bool]) -> None:
    found = fetch_unchanged(session, collection, identifier, is_prior)
    if found is None:
        return
    try:
        collection.delete(identifier, if_match=found.etag)
    except ApiError as error:
        if error.status == 412:
            raise conflict(session, collection.get(identifier)) from None
        raise


def _fetch(collection: Any, identifier: str) -> Fetched[Any] | None:
    try:
        found: Fetched[Any] = collection.fetch(identifier)
    except ApiError as error:
        if error.status == 404:
            return None
        raise
    return found


def _keys(path: str, draft: Mapping[str, Any]) -> Iterator[str]:
    import json
    from hashlib import sha256

    body = json.dumps([path, draft], sort_keys=True, default=str)
    for number in range(KEYS):
        yield "tf-" + sha256(f"{number} {body}".encode()).hexdigest()
