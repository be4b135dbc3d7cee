"""Several statements at once, and COPY with its COMMIT: what comes back, and what a failure leaves behind."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DataError, DBAPIError

from keeptrusts.store.engine import open_engine
from keeptrusts.store.errors import StoreUnavailableError
from keeptrusts.store.round_trip import RoundTrip
from keeptrusts.store.transaction import Store, Tx

COPY = "COPY trips (number, said) FROM STDIN"
TEXTS = ["", "'", "\\", "a'; DROP TABLE trips; --", "E'\\n'", '$$"', "é\u2028\U0001f600"]


@pytest.fixture
def store(postgres_url: str) -> Iterator[Store]:
    """On a server with an empty table `trips`."""
    found = Store(open_engine(postgres_url))
    with found.write() as tx:
        tx.connection.execute(text("DROP TABLE IF EXISTS trips"))
        tx.connection.execute(text("CREATE TABLE trips (number integer PRIMARY KEY, said text)"))
    yield found
    found.close()


def _numbers(store: Store) -> list[int]:
    with store.read() as tx:
        return list(tx.connection.execute(text("SELECT number FROM trips ORDER BY 1")).scalars())


def _killed(store: Store, tx: Tx) -> None:
    (((pid,),),) = RoundTrip(tx.connection).ask(["SELECT pg_backend_pid()"])
    with store.write() as other:
        other.connection.execute(text("SELECT pg_terminate_backend(:pid, 10000)"), {"pid": int(str(pid))})


def test_each_statement_gives_its_rows(store: Store) -> None:
    """Texts come back as they went, whatever is in them."""
    with store.write() as tx:
        trip = RoundTrip(tx.connection)
        asked = [f"SELECT {trip.quoted(one)}, NULL, {number}" for number, one in enumerate(TEXTS)]
        assert trip.ask(asked) == [[(one, None, str(number))] for number, one in enumerate(TEXTS)]
        assert trip.ask(["SELECT 1 WHERE false", "SELECT number FROM trips"]) == [[], []]


def test_rows_are_there_when_it_returns(store: Store) -> None:
    """Others see them before the transaction is left; what was done before COPY is committed with it."""
    with store.write() as tx:
        trip = RoundTrip(tx.connection)
        trip.ask(["INSERT INTO trips VALUES (1, 'first')"])
        trip.copy_and_commit(COPY, ["2\ta\n", "3\t\\N\n"])
        assert _numbers(store) == [1, 2, 3]


MANY = [f"{number}\t{'a' * 2000}\n" for number in range(1000, 4000)]


@pytest.mark.parametrize(
    "lines", [["2\ta\n", "1\tb\n"], ["2\ta\n", "x\tb\n"], ["2\ta\n", "3\n"], ["1\tb\n", *MANY], [*MANY, "1\tb\n"]]
)
def test_one_bad_row_leaves_none(store: Store, lines: list[str]) -> None:
    """Nor anything of what was done before it; the connection goes on to be good."""
    with store.write() as tx:
        RoundTrip(tx.connection).copy_and_commit(COPY, ["1\tthere\n"])
    with pytest.raises(DBAPIError):
        _copied(store, lines)
    assert _numbers(store) == [1]


def test_many_rows_are_all_there(store: Store) -> None:
    """More than the connection takes at once."""
    _copied(store, iter(MANY))
    assert len(_numbers(store)) == len(MANY) + 1


def test_rows_that_cannot_be_written_leave_none(store: Store) -> None:
    """What fails while others are sent already is raised, and the next transaction finds a good connection."""
    with pytest.raises(ZeroDivisionError):
        _copied(store, (f"{1 // (2900 - number)}\ta\n" for number in range(3000)))
    assert _numbers(store) == []


def test_a_failure_is_that_of_the_library(store: Store) -> None:
    """Whoever catches SQLAlchemy's errors catches these; statements behind the one that failed are not run."""
    with pytest.raises(DataError), store.write() as tx:
        RoundTrip(tx.connection).ask(["INSERT INTO trips VALUES (1, 'a')", "SELECT 1 / 0", "COMMIT"])
    assert _numbers(store) == []


def test_a_connection_that_is_lost(store: Store) -> None:
    """Before a question or before the rows: the database did not answer, and nothing was stored."""
    with pytest.raises(StoreUnavailableError):
        _asked_in_vain(store)
    with pytest.raises(StoreUnavailableError):
        _copied_in_vain(store)
    assert _numbers(store) == []


def _copied(store: Store, lines: Iterable[str]) -> None:
    with store.write() as tx:
        trip = RoundTrip(tx.connection)
        trip.ask(["INSERT INTO trips VALUES (7, 'before')"])
        trip.copy_and_commit(COPY, lines)


def _asked_in_vain(store: Store) -> None:
    with store.write() as tx:
        _killed(store, tx)
        RoundTrip(tx.connection).ask(["SELECT 1"])


def _copied_in_vain(store: Store) -> None:
    with store.write() as tx:
        _killed(store, tx)
        RoundTrip(tx.connection).copy_and_commit(COPY, ["1\ta\n"])


def test_a_server_that_is_gone_without_a_word_is_given_up(postgres_url: str) -> None:
    """After a minute, not after the hours that the system would wait; the address may say otherwise."""
    for url, expected in ((postgres_url, 50_000), (f"{postgres_url}?tcp_user_timeout=7000", 7000)):
        engine = open_engine(url)
        with engine.connect() as connection:
            number = connection.connection.driver_connection.pgconn.socket  # type: ignore[union-attr]
            with socket.socket(fileno=os.dup(number)) as line:
                assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == expected
                assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 20
        engine.dispose()
