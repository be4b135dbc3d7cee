"""`kt bench`: load on a gateway, over real sockets; nothing here says how long anything may take."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from keeptrusts.cli.bench_figures import added, spread
from keeptrusts.cli.bench_load import Answers, Load, body_of, measure, side_at
from keeptrusts.cli.bench_stage import layer_for
from keeptrusts.core.errors import InputError
from support.certificates import certificate
from support.dev import KT, until
from support.served import run_kt

PERCENTILES = ["p50", "p90", "p99", "max"]
ANSWER = b'{"choices": []}'
Seen = list[tuple[str, dict[str, str], dict[str, Any]]]

POLICY = """\
pack: {name: bench, version: 1.0.0, enabled: true}
policies: {chain: [pii-detector]}
policy: {pii-detector: {action: redact}}
providers:
  targets:
    - {id: one, provider: openai, secret_key_ref: {env: NOT_SET_ANYWHERE}}
    - {id: two, provider: azure, base_url: "https://example.invalid", azure_deployment: chat, region: eu}
    - {id: three, provider: "anthropic:chat:claude", headers: {x-team: search}}
"""

LIMITS = """\
global_rate_limit: {max_requests: 2, window_seconds: 60}
user_rate_limit: {max_requests: 2, window_seconds: 60}
ip_rate_limit: {max_requests: 2, window_seconds: 60}
token_rate_limit: {max_tokens: 2, window_seconds: 60}
ip_allowlist: {cidrs: [10.0.0.0/8]}
"""


@contextmanager
def provider(
    status: Callable[[int], int], *, keeps: bool = True, waits: float = 0, secure: ssl.SSLContext | None = None
) -> Iterator[tuple[str, Seen]]:
    """A server and what it was sent; `status` by the number of the request, the first of which `waits` seconds."""
    seen: Seen = []
    numbers = count()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            number = next(numbers)
            seen.append((self.path, {name.lower(): value for name, value in self.headers.items()}, json.loads(body)))
            if number == 0 and waits:
                time.sleep(waits)
            self.send_response(status(number))
            self.send_header("content-length", str(len(ANSWER)))
            if not keeps:
                self.send_header("connection", "close")
            self.end_headers()
            self.wfile.write(ANSWER)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that is overridden
            """Nothing is said."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if secure is not None:
            server.socket = secure.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", seen
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in, and one for temporary files."""
    (tmp_path / "temporary").mkdir()
    (tmp_path / "stand").mkdir()
    monkeypatch.chdir(tmp_path / "stand")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    return tmp_path


def bench(*arguments: str, **env: str) -> Result:
    return run_kt("bench", *arguments, env=env)


def test_closed_loop_with_targets_of_many_kinds(here: Path) -> None:
    """Whatever targets and limits there are, only the mock provider is asked, nothing fails, and no file is left."""
    policy = here / "policy.yaml"
    policy.write_text(POLICY + LIMITS, encoding="utf-8")
    done = bench("--policy-config", str(policy), "--seconds", "1", "--concurrency", "2", "--json")
    assert done.exit_code == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["loop"], told["concurrency"], told["rate_per_second"]) == ("closed", 2, None)
    for side in (told["direct"], told["gateway"]):
        assert (side["requests"] >= 10, side["failed"], side["failures"]) == (True, 0, {})
        assert list(side["latency_ms"]) == list(side["first_byte_ms"]) == PERCENTILES
        assert side["latency_ms"]["p50"] <= side["latency_ms"]["p99"] <= side["latency_ms"]["max"]
    assert told["overhead_ms"] == added(told["direct"]["latency_ms"], told["gateway"]["latency_ms"])
    assert list((here / "temporary").iterdir()) == list((here / "stand").iterdir()) == []


def test_open_loop_of_streams_with_the_policy_in_the_folder(here: Path) -> None:
    """So many requests are sent as the rate says, and a stream has rows to its first byte."""
    (here / "stand" / "policy-config.yaml").write_text(POLICY, encoding="utf-8")
    done = bench("--seconds", "1", "--rate", "50", "--stream", "--format", "csv")
    assert done.exit_code == 0, done.stderr
    head, *lines = done.stdout.splitlines()
    assert head == "side,requests,failed,per_second,p50_ms,p90_ms,p99_ms,max_ms"
    assert [line.split(",")[:3] for line in lines[:3]] == [["direct", "50", "0"], ["gateway", "50", "0"],
                                                           ["overhead", "", ""]]  # fmt: skip
    assert [line.split('"')[1] for line in lines[3:]] == [
        "direct, first byte", "gateway, first byte", "overhead, first byte",
    ]  # fmt: skip


def test_a_policy_that_blocks_is_told_before_the_load(here: Path) -> None:
    """Exit status 1, and the reason, when no request gets through; nothing is left."""
    policy = here / "policy.yaml"
    blocked = "policies: {chain: [topic-filter]}\npolicy: {topic-filter: {blocked_topics: [library]}}\n"
    policy.write_text("pack: {name: bench, version: 1.0.0, enabled: true}\n" + blocked, encoding="utf-8")
    done = bench("--policy-config", str(policy), "--seconds", "1")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "(gateway) answers no request: status 409" in done.stderr
    assert "the policy blocks such a request" in done.stderr
    assert list((here / "temporary").iterdir()) == []


def test_a_running_gateway_beside_what_is_behind_it() -> None:
    """With `--gateway` the key is shown to the gateway alone, every text is a new one, and its size is as asked."""
    with provider(lambda _: 200) as (gateway, asked), provider(lambda _: 200) as (upstream, behind):
        done = bench("--gateway", f"{gateway}/v1/", "--upstream", upstream, "--key-env", "CALLER", "--seconds", "0.5",
                     "--json", CALLER="kt-secret")  # fmt: skip
    assert done.exit_code == 0, done.stderr
    assert {path for path, _, _ in asked + behind} == {"/v1/chat/completions"}
    assert {headers.get("authorization") for _, headers, _ in asked} == {"Bearer kt-secret"}
    assert {headers.get("authorization") for _, headers, _ in behind} == {None}
    assert {headers["content-length"] for _, headers, _ in asked} == {"1500"}
    assert len({body["messages"][0]["content"] for _, _, body in asked}) == len(asked)
    assert "kt-secret" not in done.output


def test_a_gateway_alone_has_no_overhead() -> None:
    """What was not measured is null, and the table has one line."""
    with provider(lambda _: 200, keeps=False) as (gateway, _):
        told = json.loads(bench("--gateway", gateway, "--seconds", "0.3", "--json").stdout)
        table = bench("--gateway", gateway, "--seconds", "0.3").stdout.splitlines()
    assert (told["direct"], told["overhead_ms"], told["policy"]) == (None, None, None)
    # though the server closes each connection, none is lost: it is opened again
    assert (told["gateway"]["failed"], [line.split()[0] for line in table]) == (0, ["SIDE", "gateway"])


def test_requests_that_fail_are_counted_by_reason() -> None:
    """Exit status 1 after the figures; a limit is named with the way around it."""
    with provider(lambda number: 429 if number % 2 else 200) as (gateway, _):
        done = bench("--gateway", gateway, "--rate", "40", "--seconds", "1", "--concurrency", "1", "--json")
    told = json.loads(done.stdout)["gateway"]
    assert (done.exit_code, told["requests"], told["failed"]) == (1, 40, told["failures"]["status 429"])
    assert 15 <= told["failed"] <= 25
    assert "requests failed: status 429; a limit of the policy" in done.stderr


@pytest.mark.parametrize(("status", "expected"), [(401, 4), (500, 1)])
def test_a_gateway_that_answers_nothing(status: int, expected: int) -> None:
    """It is not asked for long; a wrong key is an exit status of its own."""
    with provider(lambda _: status) as (gateway, _):
        done = bench("--gateway", gateway, "--seconds", "0.5")
    assert (done.exit_code, done.stdout) == (expected, "")
    assert f"answers no request: status {status}" in done.stderr


def test_a_gateway_over_tls(tmp_path: Path) -> None:
    """Its certificate has to be trusted, and one that is not is told from a gateway that is not there."""
    chain, key = certificate(tmp_path, "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    with provider(lambda _: 200, secure=context) as (gateway, _):
        url = gateway.replace("http://127.0.0.1", "https://localhost")
        trusted = bench("--gateway", url, "--seconds", "0.3", "--json", SSL_CERT_FILE=str(chain))
        strange = bench("--gateway", url, "--seconds", "0.3")
    assert (trusted.exit_code, json.loads(trusted.stdout)["gateway"]["failed"]) == (0, 0)
    assert (strange.exit_code, "its certificate is not trusted" in strange.stderr) == (1, True)
    assert "`SSL_CERT_FILE`" in strange.stderr


def test_a_gateway_that_is_not_there() -> None:
    """Exit status 1 and what to look at."""
    done = bench("--gateway", "http://127.0.0.1:1", "--seconds", "0.5")
    assert (done.exit_code, "answers no request: not reachable" in done.stderr) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--upstream", "http://127.0.0.1:1"], "`--upstream` goes with `--gateway`"),
        (["--key-env", "HOME"], "`--key-env` goes with `--gateway`"),
        (["--gateway", "http://127.0.0.1:1", "--key-env", "NOT_SET_ANYWHERE"], "has no key"),
        (["--gateway", "ftp://127.0.0.1"], "`gateway` is no URL"),
        (["--gateway", "http://127.0.0.1:1", "--policy-config", __file__], "has its own"),
        (["--body-bytes", "20"], "`--body-bytes` must be at least"),
        (["--rate", "0"], "--rate"),
        (["--seconds", "0"], "--seconds"),
        (["--json", "--format", "csv"], "two different answers"),
        (["--policy-config", __file__], "is not valid"),
    ],
)
def test_wrong_usage(arguments: list[str], said: str) -> None:
    """Exit status 2, and nothing is started."""
    done = bench(*arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr


def test_a_request_that_waits_for_another_waits_in_its_latency() -> None:
    """In the open loop latency counts from when a request was due, not from when a connection was free for it."""
    with provider(lambda _: 200, waits=0.6) as (gateway, _):
        load = Load(concurrency=1, rate=10, seconds=0.2)
        answers = measure(side_at("gateway", gateway), body_of(200, "m", stream=False), load, lambda: False)
    # both were due in the first 100 ms, and the only connection was taken for 600 ms
    assert (answers.whole.total(), answers.failures.total()) == (2, 0)
    assert min(answers.whole) >= 450_000


def test_percentiles_are_times_that_were_measured() -> None:
    """By nearest rank, so that none lies between two; of nothing there is none."""
    hundreds = Counter({1000 * number: 3 for number in range(200, 0, -1)})
    assert spread(hundreds) == {"p50": 100, "p90": 180, "p99": 198, "max": 200}
    assert spread(Counter([1000] * 9 + [2500])) == {"p50": 1, "p90": 1, "p99": 2.5, "max": 2.5}
    assert (spread(Counter()), added({}, spread(Counter([7])))) == ({}, {})


def test_rounds_are_put_together() -> None:
    """Times, failures and seconds of all rounds count."""
    every = Answers(Counter([1]), Counter([2]), seconds=1.0)
    every.add(Answers(Counter([1]), Counter([4]), Counter({"status 500": 2}), seconds=0.5))
    assert (every.first, every.whole, every.failures, every.seconds) == ({1: 2}, {2: 1, 4: 1}, {"status 500": 2}, 1.5)


@pytest.mark.parametrize("size", [130, 1500, 100_000])
@pytest.mark.parametrize("stream", [False, True])
def test_a_request_has_the_size_that_was_asked_for(size: int, stream: bool) -> None:
    """To the byte."""
    body = body_of(size, "gpt-4o", stream=stream)
    assert (len(body), json.loads(body).get("stream", False)) == (size, stream)


@pytest.mark.parametrize(
    ("url", "host", "port", "path", "tls"),
    [
        ("http://127.0.0.1:41002", "127.0.0.1", 41002, "/v1/chat/completions", False),
        ("https://ai.example.com/team/v1/", "ai.example.com", 443, "/team/v1/chat/completions", True),
        ("http://[::1]:8000/", "::1", 8000, "/v1/chat/completions", False),
    ],
)
def test_addresses(url: str, host: str, port: int, path: str, tls: bool) -> None:
    """The root of an API, with or without `/v1`."""
    side = side_at("gateway", url)
    assert (side.host, side.port, side.path, side.tls) == (host, port, path, tls)


@pytest.mark.parametrize("url", ["", "127.0.0.1:41002", "http://a:b", "http://key@host", "http://host/?key=1"])
def test_what_is_no_address_is_not_repeated(url: str) -> None:
    """It may have a key in it."""
    with pytest.raises(InputError, match=r"^the address of `gateway` is no URL such as `http://127.0.0.1:41002`$"):
        side_at("gateway", url)


def test_targets_lose_where_they_are_and_keep_what_they_are(tmp_path: Path) -> None:
    """Ids, models and regions stay, so that routing does what it would; addresses, keys and headers do not."""
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY, encoding="utf-8")
    at = {"base_url": "http://127.0.0.1:9", "format": "openai"}
    layer = layer_for(policy, "http://127.0.0.1:9")
    assert layer["providers"]["targets"] == [
        {"id": "one", "provider": "openai", "model": "", **at},
        {"id": "two", "region": "eu", "provider": "openai-compatible", "model": "chat", **at},
        {"id": "three", "provider": "anthropic", "model": "claude", **at},
    ]
    assert list(layer) == ["providers"]


@contextmanager
def running(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A long run of its own process, once its gateway is being started."""
    environment = {**os.environ, "TMPDIR": str(folder), "NO_COLOR": "1"}
    with subprocess.Popen([KT, "bench", "--seconds", "300"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          env=environment, cwd=folder) as process:  # fmt: skip
        try:
            until(lambda: list(folder.glob("kt-bench-*/spool")) or None)
            yield process
        finally:
            process.kill()


def children_of(process: subprocess.Popen[str]) -> list[str]:
    """The mock provider and the gateway."""
    return Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii").split()


def test_ctrl_c_ends_everything(tmp_path: Path) -> None:
    """Exit status 1 without figures; the mock provider, the gateway and their files are gone."""
    with running(tmp_path) as process:
        started = children_of(process)
        process.send_signal(signal.SIGINT)
        told, talk = process.communicate(timeout=60)
    assert (process.returncode, told, len(started)) == (1, "", 2)
    assert "error[stopped]: stopped before" in talk
    assert list(tmp_path.iterdir()) == []
    assert [pid for pid in started if Path(f"/proc/{pid}").exists()] == []


def test_a_gateway_that_dies_ends_the_run(tmp_path: Path) -> None:
    """Not at the end of a round, but as soon as it is seen; its last lines are told."""
    with running(tmp_path) as process:
        started = children_of(process)
        os.kill(int(started[-1]), signal.SIGKILL)
        told, talk = process.communicate(timeout=60)
    assert (process.returncode, told) == (1, "")
    assert "the gateway ended with status -9" in talk
    assert list(tmp_path.iterdir()) == []
