"""The conformance cases of the kinds, sent through a live gateway to a provider that shows what it received."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import urllib3

from keeptrusts.gateway.segments import read_events
from support.asked_server import AskedServer, asked_server
from support.gateway_process import gateway_process
from support.policy_cases import PACK, Case, cases, document
from support.webhooks import Receiver, Reply, receiver
from support.wire_cases import answer_of, answered, asked, headers_of, request_of, told

pytestmark = pytest.mark.acceptance

ALL = list(cases())
INVALID = [case for case in ALL if isinstance(case.want, dict) and "invalid" in case.want]
ROUTED = [case for case in ALL if "targets" in case.exchange]
REQUESTS = [case for case in ALL if case not in INVALID and case not in ROUTED and not case.exchange.get("answer")]
ANSWERS = [case for case in ALL if case not in INVALID and case not in ROUTED and case.exchange.get("answer")]
KEY = "kt_client_live"
NUMBERS = count()


def name_of(case: Case) -> str:
    return f"{case.kind}: {case.note}"


@dataclass(frozen=True)
class Got:
    """What came of a request: the answer, the record, and the body that the provider got, if it got any."""

    status: int
    body: bytes
    event: dict[str, Any]
    sent: bytes
    passed_on: bytes | None


@dataclass(frozen=True)
class Live:
    """A gateway whose policy is written anew for each case."""

    folder: Path
    url: str
    provider: Receiver
    asked: AskedServer
    http: urllib3.PoolManager

    def enforce(self, text: str) -> urllib3.BaseHTTPResponse:
        """Make this document the active one; the gateway's answer to that."""
        (self.folder / "policy.yaml").write_text(text, encoding="utf-8")
        return self.http.request("POST", f"{self.url}/keeptrusts/config/reload")

    def send(self, case: Case, *, streamed: bool = False) -> Got:
        request = json.dumps(request_of(case, streamed=streamed), ensure_ascii=False).encode()
        media_type = "text/event-stream" if streamed else "application/json"
        answer = answer_of(case, streamed=streamed)
        self.provider.letters.clear()
        self.asked.prepare(case.asked)
        self.provider.always = Reply(200, (("content-type", media_type),), answer)
        headers = {"content-type": "application/json", **headers_of(case)}
        if case.exchange.get("key_id"):
            headers["authorization"] = f"Bearer {KEY}"
        got = self.http.request("POST", f"{self.url}/v1/chat/completions", body=request, headers=headers)
        (event,) = [one for one in self.records() if one["id"] == got.headers["x-keeptrusts-event-id"]]
        letters = self.provider.letters
        return Got(got.status, got.data, event, request, letters[0].body if letters else None)

    def records(self) -> list[dict[str, Any]]:
        return list(read_events(self.folder / "spool"))


def start(folder: Path, *options: str | Path) -> Iterator[Live]:
    (folder / "policy.yaml").write_text(document({"audit-logger": {}}, providers=targets(1)))
    policy, spool = folder / "policy.yaml", folder / "spool"
    with ExitStack() as stack:
        provider = stack.enter_context(receiver())
        asked_by_kinds = stack.enter_context(asked_server())
        http = stack.enter_context(urllib3.PoolManager(retries=False, timeout=20))
        command = gateway_process("--policy-config", policy, "--spool-dir", spool, *options, ASKED_KEY="key")
        made = stack.enter_context(command)
        made.wait_until_ready()
        yield Live(folder, made.url, provider, asked_by_kinds, http)


def targets(port: int, price: float | None = None) -> dict[str, Any]:
    target = {"id": "up", "provider": "openai-compatible", "base_url": f"http://127.0.0.1:{port}/v1"}
    prices = {"input_usd_per_million_tokens": 1, "output_usd_per_million_tokens": price}
    return {"targets": [target if price is None else {**target, "pricing": prices}]}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    yield from start(tmp_path_factory.mktemp("live"))


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """One that asks its callers for a key: the cases of callers with a key need it."""
    folder = tmp_path_factory.mktemp("keyed")
    keys = folder / "keys"
    keys.write_text(f"key_1 sha256:{hashlib.sha256(KEY.encode()).hexdigest()}\n")
    yield from start(folder, "--client-keys", keys)


def through(case: Case, gateway: Live, *, streamed: bool = False) -> Got:
    port = int(gateway.provider.url.split(":")[2].partition("/")[0])
    # A name of its own, since what is counted is counted by it.
    pack = {**PACK, "name": f"{case.kind} {next(NUMBERS)}"}
    text = document(case.blocks, providers=targets(port, case.exchange.get("price")), pack=pack)
    reloaded = gateway.enforce(text)
    assert reloaded.status == 200, reloaded.data
    for _ in range(case.before):
        gateway.send(case, streamed=streamed)
    return gateway.send(case, streamed=streamed)


@pytest.mark.parametrize("case", REQUESTS, ids=name_of)
def test_request(case: Case, request: pytest.FixtureRequest) -> None:
    """The record and the provider tell what the case wants; what passes unchanged keeps its bytes."""
    gateway: Live = request.getfixturevalue("keyed" if case.exchange.get("key_id") else "live")
    case = case.at(gateway.asked.url)
    got = through(case, gateway)

    want: dict[str, Any] = {"allow": None} if case.want == "allow" else case.want
    match next(iter(want)):
        case "allow":
            assert got.passed_on == got.sent
            if case.kind != "human-oversight":  # which lets the request pass, and has its say of the answer
                assert_allowed(got)
        case "record" | "degraded" as word:
            assert_allowed(got)
            assert want[word] in [one["reason_code"] for one in got.event["policies"]]
            assert got.event["degraded"] == (word == "degraded")
        case "cap":
            assert_allowed(got)
            assert got.passed_on is not None
            assert json.loads(got.passed_on) == json.loads(got.sent) | {"max_tokens": want["cap"]}
        case "redact":
            assert (got.event["verdict"], got.event["reason_code"]) == ("redacted", want["redact"])
            assert got.passed_on is not None
            assert asked(got.passed_on, case) == want["texts"]
            assert told(got.passed_on, case) == want.get("told", [])
        case _:
            assert_refused(got, want, "input_blocked")
            assert got.passed_on is None


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("case", ANSWERS, ids=name_of)
def test_answer(case: Case, live: Live, *, streamed: bool) -> None:
    """The same of answers, whole and in small pieces; a streamed one may end with the refusal."""
    case = case.at(live.asked.url)
    got = through(case, live, streamed=streamed)

    if case.want == "allow" or "record" in case.want or "degraded" in case.want:
        assert_allowed(got)
        assert got.body == answer_of(case, streamed=streamed)
        assert got.event["degraded"] == ("degraded" in case.want)
    elif "redact" in case.want:
        assert (got.event["verdict"], got.event["reason_code"]) == ("redacted", case.want["redact"])
        assert answered(got.body, streamed=streamed) == case.want["texts"]
    else:
        assert_refused(got, case.want, "output_blocked")


def assert_allowed(got: Got) -> None:
    assert (got.status, got.event["verdict"]) == (200, "allowed"), got


def assert_refused(got: Got, want: dict[str, str], blocked: str) -> None:
    (word, code) = next(iter(want.items()))
    verdict = {"block": "blocked", "escalate": "escalated"}[word]
    assert (got.event["verdict"], got.event["reason_code"]) == (verdict, code)
    shown = got.body if got.status == 409 else got.body.removesuffix(b"data: [DONE]\n\n").rpartition(b"data: ")[2]
    assert json.loads(shown)["error"]["code"] == (blocked if word == "block" else "escalation_required")


@pytest.mark.parametrize("case", ROUTED, ids=name_of)
def test_targets(case: Case, live: Live) -> None:
    """The first target that is admitted serves; when none is, 503 and the reason in the record."""
    told = {"targets": case.exchange["targets"]}
    assert live.enforce(document({case.kind: case.config}, providers=told)).status == 200
    got = live.send(case)

    if case.want["targets"]:
        assert_allowed(got)
        assert got.event["target_id"] == case.want["targets"][0]
    else:
        assert (got.status, json.loads(got.body)["error"]["code"]) == (503, "no_compliant_provider")
        assert (got.event["verdict"], got.event["reason_code"]) == ("blocked", case.want["block"])


@pytest.mark.parametrize("case", INVALID, ids=name_of)
def test_invalid(case: Case, live: Live) -> None:
    """What does not lint does not become active, and the answer says why."""
    before = live.http.request("GET", f"{live.url}/health").json()["config_digest"]
    refused = live.enforce(document(case.at(live.asked.url).blocks))

    assert refused.status == 422, refused.data
    assert case.want["invalid"] in refused.json()["error"]["message"]
    assert live.http.request("GET", f"{live.url}/health").json()["config_digest"] == before


def test_every_case_is_sent() -> None:
    """None is left out."""
    assert len(INVALID) + len(ROUTED) + len(REQUESTS) + len(ANSWERS) == len(ALL)
