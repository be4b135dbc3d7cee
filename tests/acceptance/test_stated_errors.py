"""What goes wrong in daily life has its stated error, through the real processes."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args

import openai
import pytest
import urllib3

from keeptrusts.gateway.segments import read_events
from keeptrusts.trail.chain import verify
from support.control import POLICY
from support.gateway_process import KT, GatewayProcess, environment, gateway_process, run_gateway
from support.lost_provider import Death, lost_provider
from support.server import Server

pytestmark = pytest.mark.acceptance

GOOD, OLD, WRONG = "kt_client_good", "kt_client_old", "kt_client_wrong"
UNKNOWN_KIND = POLICY.replace("    - audit-logger\n", "    - audit-loger\n")
DUPLICATE_KEY = POLICY.replace("    max_tokens: 1000\n", "    max_tokens: 1000\n    max_tokens: 2000\n")
BROKEN_DOCUMENTS = {"E001": UNKNOWN_KIND, "E005": DUPLICATE_KEY}
"""Code of the finding -> a document with the fault: an unknown policy kind, a duplicate YAML key."""
HUGE = 50_000_000


def digest(key: str) -> str:
    return f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """One that asks its callers for a key."""
    folder = tmp_path_factory.mktemp("gateway")
    (folder / "policy.yaml").write_text(POLICY)
    (folder / "keys").write_text(f"app {digest(GOOD)}\nformer {digest(OLD)} expires 2026-01-01T00:00:00Z\n")
    options = ("--policy-config", folder / "policy.yaml", "--spool-dir", folder / "spool")
    with gateway_process(*options, "--client-keys", folder / "keys") as made:
        made.wait_until_ready()
        yield made


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("server")) as made:
        yield made


def client(gateway: GatewayProcess, key: str = GOOD) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=key, max_retries=0, timeout=20)


def ask(gateway: GatewayProcess, key: str = GOOD, text: str = "hello") -> str | None:
    with client(gateway, key) as asking:
        said = asking.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": text}])
    return said.choices[0].message.content


def post(url: str, body: bytes, key: str = "") -> tuple[int, Mapping[str, str], Any]:
    headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
    answer = urllib3.request("POST", url, body=body, headers=headers, retries=False, timeout=20)
    return answer.status, answer.headers, answer.json()


def kt(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    own = environment(**variables)
    command = [str(KT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=own)


@pytest.mark.parametrize(("key", "code"), [(WRONG, "invalid_api_key"), (OLD, "expired_api_key")])
def test_key_at_the_gateway(gateway: GatewayProcess, key: str, code: str) -> None:
    """401; a wrong key and an expired one are told apart, and a good one beside them works."""
    with pytest.raises(openai.AuthenticationError) as refused:
        ask(gateway, key)

    assert (refused.value.status_code, refused.value.code) == (401, code)
    assert refused.value.response.headers["www-authenticate"] == "Bearer"
    assert ask(gateway) == "hello"


def test_key_at_the_control_plane(server: Server) -> None:
    """The same of the control plane, and the same by `kt`, which exits with 4 and shows no key."""
    made = post(f"{server.url}/v1/tokens", b'{"name": "ci", "role": "viewer"}', server.admin_key)[2]
    assert post(f"{server.url}/v1/tokens/{made['id']}/rotate", b'{"overlap": 0}', server.admin_key)[0] == 201
    for key, code in (
        (made["key"], "expired_api_key"),
        (made["key"] + "x", "invalid_api_key"),
        ("", "missing_api_key"),
    ):
        status, headers, problem = post(f"{server.url}/v1/configurations", b"{}", key)
        assert (status, problem["code"], headers["content-type"]) == (401, code, "application/problem+json")
        if key:
            ended = kt("events", "tail", KEEPTRUSTS_API_URL=server.url, KEEPTRUSTS_API_TOKEN=key)
            assert (ended.returncode, f"error[{code}]" in ended.stderr) == (4, True), ended.stderr
            assert key not in ended.stdout + ended.stderr


def test_key_of_a_gateway(server: Server, tmp_path: Path) -> None:
    """A gateway whose token the control plane does not know does not start: exit status 4, and what to do."""
    ended = run_gateway(
        "--listen", "127.0.0.1:0", "--spool-dir", tmp_path,
        KEEPTRUSTS_API_URL=server.url, KEEPTRUSTS_GATEWAY_TOKEN="kt_gw_0_wrong",
    )  # fmt: skip
    assert (ended.returncode, "invalid_api_key" in ended.stderr) == (4, True), ended.stderr
    assert "kt gateway token create" in ended.stderr


@pytest.mark.parametrize("code", BROKEN_DOCUMENTS)
def test_document_at_lint(tmp_path: Path, code: str) -> None:
    """An unknown kind or a duplicate key: `kt policy lint` names code and place, and exits with 2."""
    path = tmp_path / "policy.yaml"
    path.write_text(BROKEN_DOCUMENTS[code])
    ended = kt("policy", "lint", "--file", path, "--json")
    report = json.loads(ended.stdout)
    (found,) = [one for one in report["errors"] if one["code"] == code]

    assert (ended.returncode, report["valid"]) == (2, False)
    assert found["line"] == line_of_fault(code)


@pytest.mark.parametrize("code", BROKEN_DOCUMENTS)
def test_document_at_the_control_plane(server: Server, code: str) -> None:
    """The same is 422 with the finding and its place, and nothing is kept."""
    draft = {"name": "broken", "policy_yaml": BROKEN_DOCUMENTS[code]}
    status, _, problem = post(f"{server.url}/v1/configurations", json.dumps(draft).encode(), server.admin_key)
    (found,) = [one for one in problem["errors"] if one["code"] == code]

    assert (status, problem["code"], found["line"]) == (422, "invalid_policy", line_of_fault(code))
    headers = {"authorization": f"Bearer {server.admin_key}"}
    assert urllib3.request("GET", f"{server.url}/v1/configurations", headers=headers).json()["data"] == []


@pytest.mark.parametrize("code", BROKEN_DOCUMENTS)
def test_document_at_the_gateway(tmp_path: Path, code: str) -> None:
    """The same is why a gateway does not start: exit status 2, the finding, and its line."""
    path = tmp_path / "policy.yaml"
    path.write_text(BROKEN_DOCUMENTS[code])
    ended = run_gateway("--listen", "127.0.0.1:0", "--policy-config", path, "--spool-dir", tmp_path / "spool")

    assert (ended.returncode, f"error[{code}]" in ended.stderr) == (2, True), ended.stderr
    assert f"line {line_of_fault(code)}," in ended.stderr
    assert "Traceback" not in ended.stderr


def line_of_fault(code: str) -> int:
    mark = {"E001": "audit-loger", "E005": "max_tokens: 2000"}[code]
    text = BROKEN_DOCUMENTS[code]
    return text[: text.index(mark)].count("\n") + 1


def refused_upload(url: str, head: bytes, piece: bytes) -> tuple[bytes, int, float]:
    """Send pieces until an answer is there: the answer, the bytes sent, the seconds it took."""
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        began = time.monotonic()
        connection.sendall(head)
        connection.settimeout(0.05)
        sent, answer = 0, b""
        while not answer and sent < HUGE:
            with suppress(TimeoutError):
                answer = connection.recv(65536)
            if not answer:
                connection.settimeout(20)
                connection.sendall(piece)
                sent += len(piece)
                connection.settimeout(0.001)
        return answer, sent, time.monotonic() - began


def head_for(path: str, key: str, framing: str) -> bytes:
    fields = f"host: x\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n{framing}"
    return f"POST {path} HTTP/1.1\r\n{fields}\r\n\r\n".encode()


@pytest.mark.parametrize("which", ["gateway", "control plane"])
def test_body_of_fifty_megabytes(gateway: GatewayProcess, server: Server, which: str) -> None:
    """413 as soon as its length is told or its bytes are too many; it is not read to its end."""
    at_gateway = which == "gateway"
    url, key = (gateway.url, GOOD) if at_gateway else (server.url, server.admin_key)
    path = "/v1/chat/completions" if at_gateway else "/v1/configurations"
    told, sent, took = refused_upload(url, head_for(path, key, f"content-length: {HUGE}"), bytes(1000))
    assert (told.split(b" ")[1], sent) == (b"413", 0), told
    assert took < 1
    piece = b"%x\r\n%b\r\n" % (1_000_000, bytes(1_000_000))
    untold, sent, _ = refused_upload(url, head_for(path, key, "transfer-encoding: chunked"), piece)
    assert untold.split(b" ")[1] == b"413", untold
    assert sent < HUGE / 2


def test_body_of_fifty_megabytes_by_a_client(gateway: GatewayProcess) -> None:
    """The official client, which sends before it looks, still gets the answer."""
    with pytest.raises(openai.APIStatusError) as refused:
        ask(gateway, text="x" * HUGE)

    assert (refused.value.status_code, refused.value.code) == (413, "body_too_large")
    assert ask(gateway) == "hello"


def test_broken_utf8(gateway: GatewayProcess, server: Server, tmp_path: Path) -> None:
    """422 of the gateway, 400 of the control plane, and a finding of lint; none shows what was sent."""
    body = b'{"model": "m", "messages": [{"role": "user", "content": "hush \xff"}]}'
    status, _, answer = post(f"{gateway.url}/v1/chat/completions", body, GOOD)
    assert (status, answer["error"]["type"]) == (422, "validation_error")
    assert "UTF-8" in answer["error"]["message"]
    assert "hush" not in json.dumps(answer)
    status, _, problem = post(f"{server.url}/v1/configurations", b'{"name": "hush \xff"}', server.admin_key)
    assert (status, "hush" in json.dumps(problem)) == (400, False)
    path = tmp_path / "policy.yaml"
    path.write_bytes(b"pack: hush \xff")
    ended = kt("policy", "lint", "--file", path)
    assert (ended.returncode, "error[E000]" in ended.stdout, "UTF-8" in ended.stdout) == (2, True, True), ended.stdout


@pytest.mark.parametrize("death", get_args(Death))
def test_provider_that_dies_in_the_middle_of_a_stream(tmp_path: Path, death: Death) -> None:
    """What came is passed on, then an error event and no `[DONE]`; the client raises, and the record says `failed`."""
    with lost_provider(death) as base_url:
        target = f"id: up\n      provider: openai-compatible\n      base_url: {base_url}"
        path = tmp_path / "policy.yaml"
        path.write_text(POLICY.replace("id: primary\n      provider: mock", target))
        with gateway_process("--policy-config", path, "--spool-dir", tmp_path / "spool") as gateway:
            gateway.wait_until_ready()
            body = b'{"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": true}'
            raw = urllib3.request("POST", f"{gateway.url}/v1/chat/completions", body=body, retries=False, timeout=20)
            with client(gateway) as asking, pytest.raises(openai.APIError) as failed:
                list(
                    asking.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}], stream=True)
                )
    text = raw.data.decode()
    assert (raw.status, "three" in text, "[DONE]" in text) == (200, True, False)
    error = json.loads(text.strip().rpartition("data: ")[2])["error"]
    assert (error["type"], failed.value.code) == ("upstream_error", error["code"])
    assert [event["verdict"] for event in read_events(tmp_path / "spool")] == ["failed", "failed"]


def spooled(tmp_path: Path, on_full: str, requests: int) -> tuple[list[tuple[int, str]], list[dict[str, Any]]]:
    """Status and event id (or error code) of each answer of a gateway with the smallest spool, and its records."""
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)
    spool = tmp_path / "spool"
    options = ("--policy-config", path, "--spool-dir", spool, "--spool-max-bytes", "65536", "--on-spool-full", on_full)
    body = b'{"model": "m", "messages": [{"role": "user", "content": "hello"}]}'
    answers = []
    with gateway_process(*options) as gateway, urllib3.PoolManager(retries=False, timeout=20) as pool:
        gateway.wait_until_ready()
        for _ in range(requests):
            got = pool.request("POST", f"{gateway.url}/v1/chat/completions", body=body)
            shown = got.headers["x-keeptrusts-event-id"] if got.status == 200 else got.json()["error"]["code"]
            answers.append((got.status, shown))
        assert gateway.end() == 0
    size = sum(one.stat().st_size for one in spool.glob("*.seg"))
    assert size <= 65536 + os.sysconf("SC_PAGE_SIZE"), "the spool has grown past its bound"
    return answers, list(read_events(spool))


def test_full_spool_refuses(tmp_path: Path) -> None:
    """503 `spool_full` from then on, and every answer before it has its record."""
    answers, events = spooled(tmp_path, "block", 150)

    answered = [shown for status, shown in answers if status == 200]
    assert answers[len(answered) :] == [(503, "spool_full")] * (150 - len(answered))
    assert 0 < len(answered) < 150
    assert [event["id"] for event in events] == answered
    assert verify(events) == []


def test_full_spool_drops_the_oldest(tmp_path: Path) -> None:
    """Every request is answered; the records that went are admitted by a gap record in a chain that verifies."""
    answers, events = spooled(tmp_path, "drop-oldest", 150)

    assert {status for status, _ in answers} == {200}
    newest = [event for event in events if event["event_type"] == "gap"][-1]
    kept = {event["id"] for event in events}
    lost = [shown for _, shown in answers if shown not in kept]
    gaps = sum(event["event_type"] == "gap" for event in events)
    assert 0 < len(lost) <= newest["count"] == newest["to_sequence"]
    assert (newest["from_sequence"], newest["reason"]) == (1, "spool_full")
    assert newest["to_sequence"] == events[0]["sequence"] - 1
    assert len(kept) - gaps + len(lost) == 150
    assert verify(events) == []
