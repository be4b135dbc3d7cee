"""Requests out of bytes: what is taken, what is refused, however the bytes are cut."""

from __future__ import annotations

import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeptrusts.gateway.requests import RefusedRequestError, Request, RequestReader

POST = (
    b"POST /v1/chat/completions?a=b HTTP/1.1\r\nHost: gateway\r\nContent-Length: 5\r\nX-A: 1\r\nX-A: \xe9\r\n\r\nhello"
)
CHUNKED = (
    b"POST /x HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3;ext=1\r\nhel\r\n2\r\nlo\r\n0\r\nTrailer: x\r\n\r\n"
)
HOST = b"POST / HTTP/1.1\r\nHost: g\r\n"


def reader(max_body: int = 100, max_head: int = 1000) -> RequestReader:
    return RequestReader(lambda: max_body, max_head)


def read(data: bytes, **limits: int) -> Request | None:
    made = reader(**limits)
    made.feed(data)
    return made.next()


def test_request_is_read_whole() -> None:
    """Method, target, fields in lower case and in order, body."""
    fields = (("host", "gateway"), ("content-length", "5"), ("x-a", "1"), ("x-a", "é"))

    assert read(POST) == Request("POST", "/v1/chat/completions?a=b", fields, b"hello")


@given(st.sampled_from([POST, CHUNKED]), st.lists(st.integers(0, 200), max_size=8))
def test_any_cut_of_the_bytes_gives_the_same_request(data: bytes, cuts: list[int]) -> None:
    """Where packets end means nothing."""
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    made = reader()
    found = []
    for start, end in itertools.pairwise(places):
        made.feed(data[start:end])
        if (request := made.next()) is not None:
            found.append(request)

    assert found == [read(data)]
    assert found[0].body == b"hello"


def test_pipelined_requests_come_in_order() -> None:
    """One after the other, each whole, and nothing of the third before its bytes are here."""
    made = reader()
    made.feed(POST + b"GET /second HTTP/1.1\r\nHost: g\r\n\r\n" + POST[:40])
    targets = [request.target for request in (made.next(), made.next()) if request]

    assert targets == ["/v1/chat/completions?a=b", "/second"]
    assert made.next() is None
    assert made.is_in_head


def test_request_behind_a_chunked_one_is_not_trusted() -> None:
    """What the parser has already read of a next request is dropped and the connection closed after the answer."""
    made = read(CHUNKED + b"GET /smuggled HTTP/1.1\r\nHost: g\r\n\r\n")

    assert made is not None
    assert (made.target, made.body, made.keep_alive) == ("/x", b"hello", False)


def test_garbage_behind_a_chunked_one_closes() -> None:
    """The request itself was complete and is answered."""
    made = read(CHUNKED + b"\x00\x01garbage\r\n\r\n")

    assert made is not None
    assert (made.body, made.keep_alive) == (b"hello", False)


@pytest.mark.parametrize(
    "data",
    [
        HOST + b"X: a\r\n b\r\n\r\n",
        HOST + b"X: a\rb\r\n\r\n",
        b"POST / HTTP/1.1\nHost: g\n\n\r\n\r\n",
        HOST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\na",
        HOST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HOST + b"Transfer-Encoding: gzip\r\n\r\n",
        HOST + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
        HOST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\na\r\n0\r\n\r\n",
        HOST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
        HOST + b"Transfer-Encoding: chunked\r\n\r\n1\na\n0\n\n",
        HOST + b"Content-Length: -1\r\n\r\n",
        HOST + b"Content-Length: +1\r\n\r\n",
        HOST + b"Content-Length: 99999999999999999999999\r\n\r\n",
        HOST + b"X : a\r\n\r\n",
        HOST + b"X: a\x00b\r\n\r\n",
        b"FROB / HTTP/1.1\r\nHost: g\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: g\r\nHost: h\r\n\r\n",
        b"CONNECT example.com:443 HTTP/1.1\r\nHost: g\r\n\r\n",
        b"GET /a b HTTP/1.1\r\nHost: g\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
    ],
)
def test_what_two_servers_could_read_differently_is_refused(data: bytes) -> None:
    """Conflicting lengths, bad chunking, folds, bare line ends, broken tokens: 400, and nothing after it is read."""
    with pytest.raises(RefusedRequestError) as refused:
        read(data)

    assert refused.value.status == 400


@pytest.mark.parametrize("end", [b"\r\n\r\n", b""])
def test_large_head_is_refused(end: bytes) -> None:
    """Complete or not: 431 as soon as the limit is passed."""
    with pytest.raises(RefusedRequestError) as refused:
        read(HOST + b"X: " + b"a" * 1000 + end)

    assert (refused.value.status, refused.value.code) == (431, "headers_too_large")


def test_http2_preface_is_refused() -> None:
    """Another version of the protocol: 505."""
    with pytest.raises(RefusedRequestError) as refused:
        read(b"GET / HTTP/2.0\r\nHost: g\r\n\r\n")

    assert refused.value.status in {400, 505}


def test_declared_size_is_enough_to_stop() -> None:
    """A body announced as too large is not waited for."""
    made = read(HOST + b"Content-Length: 101\r\nExpect: 100-continue\r\n\r\n")

    assert made is not None
    assert (made.oversized, made.body, made.keep_alive) == (True, b"", False)


def test_chunked_body_stops_at_the_limit() -> None:
    """A body of unknown size is read up to the limit and no further."""
    made = read(HOST + b"Transfer-Encoding: chunked\r\n\r\n65\r\n" + b"a" * 101 + b"\r\n")

    assert made is not None
    assert (made.oversized, len(made.body), made.keep_alive) == (True, 0, False)


def test_body_of_exactly_the_limit_is_taken() -> None:
    """The limit itself is allowed."""
    made = read(HOST + b"Content-Length: 100\r\n\r\n" + b"a" * 100)

    assert made is not None
    assert (made.oversized, len(made.body)) == (False, 100)


def test_endless_trailers_are_refused() -> None:
    """A body of chunk overhead alone is bounded too."""
    with pytest.raises(RefusedRequestError) as refused:
        read(HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"T: x\r\n" * 500)

    assert refused.value.status == 400


def test_continue_is_asked_for_once() -> None:
    """The client waits before its body, and is told once to go on."""
    made = reader()
    made.feed(HOST + b"Content-Length: 5\r\nExpect: 100-Continue\r\n\r\n")

    assert made.next() is None
    assert (made.wants_continue, made.wants_continue) == (True, False)
    made.feed(b"hello")
    assert made.next() is not None


@pytest.mark.parametrize(
    ("head", "keeps", "http10"),
    [
        (b"GET / HTTP/1.1\r\nHost: g\r\n", True, False),
        (b"GET / HTTP/1.1\r\nHost: g\r\nConnection: Close\r\n", False, False),
        (b"GET / HTTP/1.1\r\nHost: g\r\nConnection: x, close\r\n", False, False),
        (b"GET / HTTP/1.0\r\n", False, True),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n", True, True),
    ],
)
def test_persistence_is_as_the_versions_have_it(head: bytes, keeps: bool, http10: bool) -> None:
    """HTTP/1.1 stays unless told, HTTP/1.0 goes unless told."""
    made = read(head + b"\r\n")

    assert made is not None
    assert (made.keep_alive, made.http10) == (keeps, http10)


def test_offer_of_another_protocol_is_ignored() -> None:
    """Clients that offer HTTP/2 in clear text are served as if they had not; the body is still read."""
    made = read(HOST + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nContent-Length: 5\r\n\r\nhello")

    assert made is not None
    assert (made.body, made.header("upgrade")) == (b"hello", None)


def test_empty_lines_before_a_request_are_skipped() -> None:
    """Some clients send one after a body."""
    made = read(b"\r\n\r\n" + POST)

    assert made is not None
    assert made.body == b"hello"


@given(st.binary(max_size=300))
def test_garbage_is_refused_or_waited_for(data: bytes) -> None:
    """No bytes make the reader fail in any other way."""
    with contextlib.suppress(RefusedRequestError):
        read(data + b"\r\n\r\n")
