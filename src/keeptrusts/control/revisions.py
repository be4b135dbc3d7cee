"""`ETag` on what is read, `If-Match` on what is written: nobody overwrites what they have not seen."""

from __future__ import annotations

import zlib
from typing import Annotated

from fastapi import Depends, Header, Response

from keeptrusts.api.tokens import Key
from keeptrusts.core.errors import VersionConflictError


def etag(revision: int) -> str:
    """A strong entity tag of this revision."""
    return f'"r{revision}"'


def show_revision(response: Response, revision: int) -> None:
    """Put the tag on the answer."""
    response.headers["ETag"] = etag(revision)


def revision_of(key: Key) -> int:
    """Of what has no count of its changes: from what can change of it, which is when it ends."""
    return zlib.crc32(f"{key['expires_at']} {key['revoked_at']}".encode())


class Precondition:
    """What the caller last saw; without the header, anything."""

    def __init__(self, if_match: Annotated[str | None, Header(max_length=1000)] = None) -> None:
        self._tags = None if if_match is None else [tag.strip() for tag in if_match.split(",")]

    def check(self, revision: int) -> None:
        """
        Compare with what is stored, in the transaction that will change it.

        Raises:
            VersionConflictError: It was changed since.
        """
        if self._tags is None or "*" in self._tags or etag(revision) in self._tags:
            return
        raise VersionConflictError("it was changed since you read it; read it again and repeat your change")


IfMatch = Annotated[Precondition, Depends(Precondition)]
