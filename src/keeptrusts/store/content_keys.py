"""
Contents of events, each encrypted with a key of its own: who destroys the key has erased the content everywhere.

What a record's hash leaves out (`trail.contents`) is never stored as it came. Its key is sealed with the secret key of
the installation, and lies in a table that can be kept, replaced and lost apart from everything else.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from sqlalchemy import ColumnElement, Connection, delete, insert, select, text

from keeptrusts.store.arrays import array_text, unnested
from keeptrusts.store.content_tables import content_keys
from keeptrusts.store.sealing import Sealer
from keeptrusts.trail.contents import decrypt, encrypt

KEY_BYTES: Final = 32
GONE: Final = ""
"""What is stored of a content that was erased; NULL is that of an event which never had one apart."""
_AT_ONCE: Final = 400
_COLUMN_TYPES: Final = {"org": "text", "event_id": "text", "sealed": "bytea"}
_INSERT: Final = text(
    f"INSERT INTO content_keys ({', '.join(_COLUMN_TYPES)}) SELECT * FROM {unnested(_COLUMN_TYPES)}"  # noqa: S608  names of ours
)


@dataclass(frozen=True, slots=True)
class Locked:
    """A content as it is stored: base64; and its key, sealed."""

    content: str
    key: bytes


def lock(content: bytes, org: str, event_id: str, sealer: Sealer) -> Locked:
    """Encrypt the content of an event with a new key."""
    key = os.urandom(KEY_BYTES)
    sealed = base64.b64encode(encrypt(content, key, org, event_id)).decode()
    return Locked(sealed, sealer.seal(key, _context(org, event_id)))


class ContentKeys:
    """The keys of one organisation."""

    def __init__(self, connection: Connection, org: str) -> None:
        self._connection = connection
        self._org = org

    def keep(self, new: Mapping[str, bytes]) -> None:
        """Those of events that this transaction stores, sealed, by the event's id."""
        if self._connection.dialect.name == "postgresql":
            columns = {
                "org": [self._org] * len(new),
                "event_id": new,
                "sealed": (f"\\x{key.hex()}" for key in new.values()),
            }
            self._connection.execute(_INSERT, {name: array_text(values) for name, values in columns.items()})
            return
        rows = [{"org": self._org, "event_id": one, "sealed": key} for one, key in new.items()]
        self._connection.execute(insert(content_keys), rows)

    def of(self, event_ids: Sequence[str], sealer: Sealer) -> dict[str, bytes]:
        """
        The keys that there are of these events.

        Raises:
            SealedError: They were sealed with another secret key.
        """
        found: dict[str, bytes] = {}
        for some in _split(event_ids):
            query = select(content_keys.c.event_id, content_keys.c.sealed).where(*self._mine(some))
            for row in self._connection.execute(query):
                found[row.event_id] = sealer.open(row.sealed, _context(self._org, row.event_id))
        return found

    def open(self, stored: Mapping[str, str], sealer: Sealer) -> dict[str, str]:
        """
        JSON texts of contents, by id. What has no key, or does not open with it, is not among them.

        Args:
            stored: As the events have it, by id.
        """
        wanted = [one for one, content in stored.items() if content]
        if not wanted:
            return {}
        opened = {one: unlock(stored[one], key, self._org, one) for one, key in self.of(wanted, sealer).items()}
        return {one: content.decode() for one, content in opened.items() if content is not None}

    def destroy(self, event_ids: Sequence[str]) -> None:
        """Their contents are erased from now on, wherever there is a copy."""
        for some in _split(event_ids):
            self._connection.execute(delete(content_keys).where(*self._mine(some)))

    def _mine(self, event_ids: Sequence[str]) -> tuple[ColumnElement[bool], ...]:
        return content_keys.c.org == self._org, content_keys.c.event_id.in_(event_ids)


def unlock(stored: str, key: bytes, org: str, event_id: str) -> bytes | None:
    """The JSON text of a content; None: it is not what this key is of."""
    try:
        return decrypt(base64.b64decode(stored, validate=True), key, org, event_id)
    except binascii.Error:
        return None


def destroy_within(connection: Connection, lowest: str, highest: str) -> None:
    """The keys of every event from `lowest`, inclusive, to `highest`, exclusive, of all organisations."""
    within = content_keys.c.event_id >= lowest, content_keys.c.event_id < highest
    connection.execute(delete(content_keys).where(*within))


def _split(event_ids: Sequence[str]) -> Iterator[list[str]]:
    left = iter(event_ids)
    while some := list(islice(left, _AT_ONCE)):
        yield some


def _context(org: str, event_id: str) -> str:
    return f"content_keys/{org}/{event_id}"
