"""
Several statements in one round trip to PostgreSQL, and COPY with the COMMIT right behind it, through libpq itself.

For ingest, of whose transactions there are thousands: a statement that walks through the layers of libraries costs as
much as storing several events. What is sent is one text with its values in it, each quoted by libpq, and nothing is
prepared: pgbouncer may be in between. Failures are what SQLAlchemy would raise.
"""

from __future__ import annotations

import select
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, Final, TypeAlias, cast

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

Rows: TypeAlias = list[tuple[str | None, ...]]
"""Of one statement; each value as PostgreSQL writes it."""

_AT_ONCE: Final = 20
"""Lines that are sent together."""
_COMES: Final = select.POLLIN
_GOES: Final = select.POLLIN | select.POLLOUT


class RoundTrip:
    """Sends on the connection of a transaction, begun or not."""

    def __init__(self, connection: Connection) -> None:
        self._dialect = connection.dialect
        driver = cast("Any", connection.connection.driver_connection)
        self._link: Any = driver.pgconn
        self._encoding: str = driver.info.encoding
        self._pq: Any = self._dialect.loaded_dbapi.pq

    def quoted(self, value: str) -> str:
        """As a literal of SQL."""
        literal: bytes = self._pq.Escaping(self._link).escape_literal(value.encode(self._encoding))
        return literal.decode(self._encoding)

    def ask(self, statements: Sequence[str]) -> list[Rows]:
        """What each of the statements gives."""
        begins = self._link.transaction_status == self._pq.TransactionStatus.IDLE
        results = self._send(";".join(["BEGIN", *statements] if begins else statements))
        return [self._rows(one) for one in results[begins:]]

    def copy_and_commit(self, copy: str, lines: Iterable[str]) -> None:
        """Rows by this COPY statement; behind it the transaction is over, and durable."""
        self._send(f"{copy};COMMIT")
        try:
            self._put(copy, lines)
        except DBAPIError:
            raise
        except BaseException:
            # nothing else can be said on this connection before, not even ROLLBACK
            self._link.put_copy_end(b"a row could not be made")
            with suppress(DBAPIError):
                self._finish(copy)
            raise
        self._finish(copy)

    def _put(self, copy: str, lines: Iterable[str]) -> None:
        """The first are stored while the others are written."""
        left = iter(lines)
        try:
            while some := "".join(islice(left, _AT_ONCE)):
                self._link.put_copy_data(some.encode(self._encoding))
            self._link.put_copy_end()
        except self._dialect.loaded_dbapi.Error as failed:
            raise self._translated(copy, failed) from None

    def _send(self, script: str) -> list[Any]:
        failure = self._dialect.loaded_dbapi.Error
        try:
            self._link.send_query(script.encode(self._encoding))
        except failure as failed:
            raise self._translated(script, failed) from None
        return self._finish(script)

    def _finish(self, script: str) -> list[Any]:
        """All results there are, or until rows are waited for."""
        errors = self._dialect.loaded_dbapi.errors
        failure = self._dialect.loaded_dbapi.Error
        try:
            found = list(self._results())
        except failure as failed:
            raise self._translated(script, failed) from None
        bad = {self._pq.ExecStatus.FATAL_ERROR, self._pq.ExecStatus.BAD_RESPONSE}
        for one in found:
            if one.status in bad:
                raise self._translated(script, errors.error_from_result(one, self._encoding))
        return found

    def _results(self) -> Iterator[Any]:
        poll = select.poll()
        poll.register(self._link.socket, _GOES)
        while self._link.flush():
            poll.poll()
            self._link.consume_input()
        poll.modify(self._link.socket, _COMES)
        while True:
            while self._link.is_busy():
                poll.poll()
                self._link.consume_input()
            result = self._link.get_result()
            if result is None:
                return
            yield result
            if result.status == self._pq.ExecStatus.COPY_IN:
                return

    def _rows(self, result: Any) -> Rows:
        every = range(result.nfields)
        return [tuple(self._text(result.get_value(row, column)) for column in every) for row in range(result.ntuples)]

    def _text(self, value: bytes | None) -> str | None:
        return None if value is None else value.decode(self._encoding)

    def _translated(self, script: str, failed: Exception) -> BaseException:
        module = self._dialect.loaded_dbapi
        return DBAPIError.instance(script.partition(" ")[0], None, failed, module.Error, dialect=self._dialect)
