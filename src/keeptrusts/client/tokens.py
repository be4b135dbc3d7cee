"""`/v1/tokens`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from keeptrusts.client.calls import Calls
from keeptrusts.client.collection import at, each

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keeptrusts.api.tokens import Key, KeyDraft

PATH = "/v1/tokens"


class Tokens:
    """API keys."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def each(self) -> Iterator[Key]:
        """Every key without its secret, newest first; revoked ones too."""
        return each(self._calls, PATH)

    def create(self, draft: KeyDraft, *, idempotency_key: str | None = None) -> Key:
        """A new key; its `key` is shown this once."""
        return cast("Key", self._calls.post(PATH, draft, idempotency_key=idempotency_key).value)

    def get(self, identifier: str) -> Key:
        return cast("Key", self._calls.get(at(PATH, identifier)).value)

    def revoke(self, identifier: str) -> None:
        """From now on the key is refused."""
        self._calls.delete(at(PATH, identifier))

    def rotate(self, identifier: str, *, overlap_seconds: int | None = None, idempotency_key: str | None = None) -> Key:
        """A successor with the same rights; the old key lives on for the overlap."""
        body = {} if overlap_seconds is None else {"overlap": overlap_seconds}
        return cast(
            "Key", self._calls.post(at(PATH, identifier, "rotate"), body, idempotency_key=idempotency_key).value
        )
