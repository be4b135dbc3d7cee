"""Questions of policies over real sockets: every answer, good or bad, comes back as data."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from keeptrusts.gateway.asking import Turns, ask_all
from keeptrusts.gateway.upstream import Pool
from keeptrusts.policy.asking import Answer, Credential, Question
from support.gateway_parts import Provider, Script, always, answer, provider, read_request, run_on_loop

JSON = b"content-type: application/json"


def put(
    script: Script,
    change: Callable[[Question], Question] = lambda question: question,
    *,
    times: int = 1,
    turns: Turns | None = None,
) -> tuple[list[Answer], Provider]:
    """Ask a server that follows the script, so many times at once."""

    async def scene() -> tuple[list[Answer], Provider]:
        pool = Pool()
        async with provider(script) as server:
            question = Question(url=f"http://127.0.0.1:{server.port}/ask?x=1", timeout_ms=5000, body=b"{}")
            answers = await ask_all(pool, turns or Turns(), [change(question) for _ in range(times)])
            pool.close()
            return list(answers), server

    return run_on_loop(scene())


def test_a_good_answer_comes_back_whole() -> None:
    """With its status, its type and how long it took."""
    (got,), _ = put(always(answer(b'{"a": 1}', JSON)))

    assert (got.status, got.body, got.media_type, got.failure) == (200, b'{"a": 1}', "application/json", None)
    assert got.latency_us > 0


def test_the_question_is_what_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Method, path, fields, body, and the secret of the environment in its field."""
    heads: list[bytes] = []
    monkeypatch.setenv("JUDGE_KEY", "s3cret\n")

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head, body = await read_request(reader)
        heads.append(head + body)
        writer.write(answer(b""))
        await writer.drain()

    credential = Credential("JUDGE_KEY", "x-key", "Key ")
    put(script, lambda one: replace(one, credential=credential, headers=(("content-type", "application/json"),)))

    (sent,) = heads
    assert sent.startswith(b"POST /ask?x=1 HTTP/1.1\r\nhost: 127.0.0.1:")
    assert b"\r\nx-key: Key s3cret\r\n" in sent
    assert b"\r\ncontent-type: application/json\r\n" in sent
    assert sent.endswith(b"\r\n\r\n{}")


@pytest.mark.parametrize("status", [b"302 Found", b"404 Not Found", b"500 Oops"])
def test_a_status_is_an_answer_and_a_redirect_is_not_followed(status: bytes) -> None:
    """What it means is for the kind to say."""
    reply = answer(b"no", b"location: http://127.0.0.1:1/").replace(b"200 OK", status)
    (got,), server = put(always(reply))

    assert (got.status, got.body, got.failure) == (int(status[:3]), b"no", None)
    assert server.connections == 1


def test_what_is_larger_than_allowed_is_not_read() -> None:
    """Exactly the limit is still an answer."""
    (got,), _ = put(always(answer(b"x" * 101)), lambda one: replace(one, max_bytes=100))
    (just,), _ = put(always(answer(b"x" * 100)), lambda one: replace(one, max_bytes=100))

    assert (got.failure, got.body) == ("too_large", b"")
    assert (just.failure, len(just.body)) == (None, 100)


@pytest.mark.parametrize(
    ("bytes_", "failure"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf", "lost"),
        (b"", "lost"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "garbled"),
        (answer(b"\x1f\x8b", b"content-encoding: gzip"), "garbled"),
    ],
)
def test_half_an_answer_is_none(bytes_: bytes, failure: str) -> None:
    """A server that hangs up, or speaks something else."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(bytes_)
        await writer.drain()

    (got,), _ = put(script)
    assert (got.failure, got.body) == (failure, b"")


@pytest.mark.parametrize("begins", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n1"])
def test_the_time_out_is_for_all_of_it(begins: bytes) -> None:
    """A server that says nothing, and one that says it too slowly."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(begins)
        await writer.drain()
        await reader.read()

    (got,), _ = put(script, lambda one: replace(one, timeout_ms=100))
    assert got.failure == "timeout"
    assert 90_000 < got.latency_us < 4_000_000


def test_a_slow_answer_within_its_time_is_one() -> None:
    """In pieces."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        for piece in (b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n", b"sl", b"ow"):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01)

    (got,), _ = put(script)
    assert got.body == b"slow"


def test_nobody_there_is_told() -> None:
    """A port at which nobody listens."""

    async def scene() -> tuple[Answer, ...]:
        async with provider(always(b"")) as server:
            port = server.port
        return await ask_all(Pool(), Turns(), [Question(url=f"http://127.0.0.1:{port}/", timeout_ms=5000)])

    (got,) = run_on_loop(scene())
    assert got.failure == "unreachable"


@pytest.mark.parametrize("value", [None, "", "  ", "two\nlines", "schlüssel"])
def test_without_its_secret_nothing_is_sent(value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor with one that no field can carry."""
    monkeypatch.delenv("JUDGE_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("JUDGE_KEY", value)
    (got,), server = put(always(answer(b"{}")), lambda one: replace(one, credential=Credential("JUDGE_KEY")))

    assert (got.failure, server.connections) == ("credential", 0)


def test_too_many_at_a_time_wait_and_give_up() -> None:
    """Within their own time-out: those that had no turn are `busy`."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    patience = iter([1000, 1000, 100])
    got, server = put(script, lambda one: replace(one, timeout_ms=next(patience)), times=3, turns=Turns(2))

    assert [one.failure for one in got] == ["timeout", "timeout", "busy"]
    assert server.connections == 2


def test_turns_are_given_back() -> None:
    """One at a time, all of them get an answer, over one connection."""
    got, server = put(always(answer(b"ok")), times=5, turns=Turns(1))

    assert [one.body for one in got] == [b"ok"] * 5
    assert server.connections == 1


@pytest.mark.parametrize(("named", "failure"), [((), "refused_address"), (("127.0.0.1",), None)])
def test_a_url_of_others_leads_to_no_network_of_ours(named: tuple[str, ...], failure: str | None) -> None:
    """Unless the operator named the very address."""
    (got,), server = put(always(answer(b"ok")), lambda one: replace(one, public=True, named=named, method="GET"))

    assert got.failure == failure
    assert server.connections == (0 if failure else 1)


@pytest.mark.parametrize(
    "host", ["localhost", "127.1", "2130706433", "0x7f000001", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "10.0.0.1"]
)
def test_no_spelling_gets_past_the_check(host: str) -> None:
    """It is the address that is judged, however it was written."""

    def elsewhere(one: Question) -> Question:
        return replace(one, url=one.url.replace("127.0.0.1", host), public=True, method="GET")

    (got,), server = put(always(answer(b"ok")), elsewhere)

    assert got.failure in {"refused_address", "unreachable"}
    assert server.connections == 0


def test_a_line_break_in_a_question_is_not_sent() -> None:
    """What cannot be said in HTTP is not said."""
    (got,), server = put(always(answer(b"ok")), lambda one: replace(one, headers=(("x", "a\r\ny: b"),)))

    assert (got.failure, server.connections) == ("garbled", 0)


def test_connections_to_hosts_of_others_are_not_kept() -> None:
    """There may be as many hosts as somebody names."""

    async def scene() -> int:
        pool = Pool()
        async with provider(always(answer(b"ok"))) as server:
            question = Question(
                url=f"http://127.0.0.1:{server.port}/", timeout_ms=5000, public=True, named=("127.0.0.1",)
            )
            for _ in range(2):
                await ask_all(pool, Turns(), [question])
            pool.close()
            return server.connections

    assert run_on_loop(scene()) == 2


@pytest.mark.parametrize(("variable", "failure"), [("socks5://127.0.0.1:1", "unreachable"), ("", None)])
def test_a_proxy_that_cannot_be_used_is_a_failure(
    variable: str, failure: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not a bug in the middle of a request."""
    monkeypatch.setenv("http_proxy", variable)
    monkeypatch.delenv("no_proxy", raising=False)
    (got,), _ = put(always(answer(b"ok")))

    assert got.failure == failure


def test_a_question_goes_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one of the environment, with the whole URL; a link of others never does."""
    heads: list[bytes] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head, _ = await read_request(reader)
        heads.append(head)
        writer.write(answer(b"ok"))
        await writer.drain()

    def through(one: Question) -> Question:
        monkeypatch.setenv("http_proxy", one.url.replace("http://", "http://user:pass@").partition("/ask")[0])
        monkeypatch.delenv("no_proxy", raising=False)
        return replace(one, url="http://judge.example:8080/ask")

    (got,), _ = put(script, through)
    assert got.body == b"ok"
    assert heads[0].startswith(b"POST http://judge.example:8080/ask HTTP/1.1\r\nhost: judge.example:8080\r\n")
    assert b"proxy-authorization: Basic " in heads[0]

    (other,), _ = put(script, lambda one: replace(through(one), public=True, url="http://127.0.0.1:9/x"))
    assert other.failure == "refused_address"
    assert len(heads) == 1


@pytest.mark.parametrize(("known", "sent"), [({"judge": "k3y"}, b"authorization: Bearer k3y"), ({}, b"")])
def test_a_key_of_the_control_plane_goes_along(
    monkeypatch: pytest.MonkeyPatch, known: dict[str, str], sent: bytes
) -> None:
    """By its name there, never a variable of the environment of that name; without it nobody is asked."""
    monkeypatch.setenv("judge", "other")
    heads: list[bytes] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await read_request(reader))[0])
        writer.write(answer(b"{}"))
        await writer.drain()

    async def scene() -> Answer:
        pool = Pool()
        async with provider(script) as server:
            url = f"http://127.0.0.1:{server.port}/"
            question = Question(url=url, timeout_ms=5000, credential=Credential("store:judge"))
            (got,) = await ask_all(pool, Turns(), [question], known)
            pool.close()
            return got

    got = run_on_loop(scene())
    assert got.failure == (None if known else "credential")
    assert sent in b"".join(heads)
    assert b"other" not in b"".join(heads)
