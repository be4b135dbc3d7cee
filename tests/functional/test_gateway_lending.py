"""Keys for Amazon that are lent, over real sockets: by containers, machines and the service for roles."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from keeptrusts.core.errors import UpstreamUnreachableError
from keeptrusts.flow.chat import serve
from keeptrusts.gateway.amazon_sources import Container, Machine, Profile, Role, Source, WebIdentity
from keeptrusts.gateway.lending import Lender, Lenders
from keeptrusts.gateway.signatures import AccessKey
from keeptrusts.gateway.upstream import Pool
from keeptrusts.policy.document import compile_document
from support import bedrock
from support.flows import HELLO
from support.gateway_parts import CLOSE, answer, fields, gateway, post, provider, read_request, run_on_loop
from support.policy_cases import document

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

BEGAN = 1_800_000_000.0
HOUR = 3600.0


@dataclass
class Bank:
    """Who lends, and what it was asked. `status` is what it answers instead when it is not 200."""

    port: int = 0
    status: int = 200
    asked: list[tuple[str, dict[str, str], str]] = field(default_factory=list)
    now: float = BEGAN
    number: int = 0
    garbled: bool = False

    def key(self) -> dict[str, str]:
        self.number += 1
        ends = datetime.fromtimestamp(self.now + HOUR, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        names = {"AccessKeyId": f"AK{self.number}", "SecretAccessKey": "lent/secret", "Expiration": ends}
        return names | ({} if self.garbled else {"Token": "lent-token"})

    def says(self, line: str) -> bytes:
        if "/api/token " in line:
            return b"a-token"
        if line.startswith("GET ") and "/security-credentials/ " in line:
            return b"the-role"
        if line.startswith("POST / "):
            said = {"SessionToken" if name == "Token" else name: value for name, value in self.key().items()}
            inner = "".join(f"<{name}>{value}</{name}>" for name, value in said.items())
            return f"<R xmlns='urn:x'><Credentials>{inner}</Credentials></R>".encode()
        return json.dumps({"Code": "Success", **self.key()}).encode()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head, body = await read_request(reader)
            line, *lines = head.decode().strip().split("\r\n")
            named = {name.lower(): value for name, _, value in (one.partition(": ") for one in lines)}
            self.asked.append((line, named, body.decode()))
            if self.status == 200:
                writer.write(answer(self.says(line)))
            else:
                writer.write(b"HTTP/1.1 %d No\r\ncontent-length: 6\r\n\r\nsecret" % self.status)
            await writer.drain()


@asynccontextmanager
async def lending() -> AsyncIterator[tuple[Bank, Pool]]:
    bank, pool = Bank(), Pool()
    async with provider(bank.serve) as server:
        bank.port = server.port
        try:
            yield bank, pool
        finally:
            pool.close()


def lender(bank: Bank, source: Source, **environment: str) -> Lender:
    named = {"AWS_ENDPOINT_URL_STS": f"http://127.0.0.1:{bank.port}", **environment}
    return Lender(source, "eu-west-1", named, lambda: bank.now)


def signed_with(borrowing: Lender) -> AccessKey:
    return borrowing.signer.key


def run(scene: Callable[[Bank, Pool], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with lending() as (bank, pool):
            await scene(bank, pool)

    run_on_loop(whole())


def test_a_container(tmp_path: Path) -> None:
    """By its address, with the token that stands in the file now."""
    (tmp_path / "token").write_text("pod-token\n", encoding="utf-8")

    async def scene(bank: Bank, pool: Pool) -> None:
        source = Container(f"http://127.0.0.1:{bank.port}/v1/credentials", token_file=tmp_path / "token")
        borrowing = lender(bank, source)
        await borrowing.ready(pool)

        assert signed_with(borrowing) == AccessKey("AK1", "lent/secret", "lent-token")
        ((line, named, _),) = bank.asked
        assert (line, named["authorization"]) == ("GET /v1/credentials HTTP/1.1", "pod-token")

    run(scene)


def test_a_machine() -> None:
    """First a token of the session, with which the rest is asked (IMDSv2)."""

    async def scene(bank: Bank, pool: Pool) -> None:
        borrowing = lender(bank, Machine(f"http://127.0.0.1:{bank.port}"))
        await borrowing.ready(pool)
        place = "/latest/meta-data/iam/security-credentials/"

        assert signed_with(borrowing).token == "lent-token"
        assert [line.rpartition(" ")[0] for line, _, _ in bank.asked] == [
            "PUT /latest/api/token", f"GET {place}", f"GET {place}the-role"
        ]  # fmt: skip
        assert bank.asked[0][1]["x-aws-ec2-metadata-token-ttl-seconds"] == "300"
        assert {named.get("x-aws-ec2-metadata-token") for _, named, _ in bank.asked[1:]} == {"a-token"}

    run(scene)


def test_a_pod(tmp_path: Path) -> None:
    """Its role is taken on with the token of the file, which is read again for the next key."""
    token = tmp_path / "token"

    async def scene(bank: Bank, pool: Pool) -> None:
        borrowing = lender(bank, WebIdentity("arn:aws:iam::1:role/pod", token))
        for number in (1, 2):
            token.write_text(f"jwt-{number}", encoding="utf-8")
            await borrowing.ready(pool)
            assert signed_with(borrowing).id == f"AK{number}"
            bank.now += HOUR
        said = [parse_qs(body) for _, _, body in bank.asked]

        assert [one["WebIdentityToken"] for one in said] == [["jwt-1"], ["jwt-2"]]
        assert (said[0]["Action"], said[0]["RoleArn"]) == (["AssumeRoleWithWebIdentity"], ["arn:aws:iam::1:role/pod"])
        assert "authorization" not in bank.asked[0][1]

    run(scene)


def test_a_role() -> None:
    """It is asked for as whoever takes it on, signed as Amazon's own SDK signs."""

    async def scene(bank: Bank, pool: Pool) -> None:
        source = Role("arn:aws:iam::1:role/r", AccessKey("AKBASE", "base-secret"), "nightly", "x-1")
        await (borrowing := lender(bank, source)).ready(pool)
        ((line, named, body),) = bank.asked
        request = AWSRequest("POST", f"http://{named['host']}/", {}, body.encode())
        request.context["timestamp"] = named["x-amz-date"]
        for name in ("host", "content-type", "x-amz-date"):
            request.headers[name] = named[name]
        auth = SigV4Auth(Credentials("AKBASE", "base-secret"), "sts", "eu-west-1")
        wanted = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)

        assert signed_with(borrowing).id == "AK1"
        assert line == "POST / HTTP/1.1"
        assert named["authorization"].endswith(f"Signature={wanted}")
        assert {name: value for name, (value,) in parse_qs(body).items()} == {
            "Action": "AssumeRole", "Version": "2011-06-15", "RoleArn": "arn:aws:iam::1:role/r",
            "RoleSessionName": "nightly", "ExternalId": "x-1",
        }  # fmt: skip

    run(scene)


def test_a_profile_is_read_again(tmp_path: Path) -> None:
    """Somebody may rotate what stands in the file; requests do not wait for that."""
    path = tmp_path / "credentials"

    async def scene(bank: Bank, pool: Pool) -> None:
        borrowing = lender(bank, Profile("default", path, tmp_path / "none"))
        for name, shown in (("AK1", "AK1"), ("AK2", "AK1")):
            path.write_text(f"[default]\naws_access_key_id={name}\naws_secret_access_key=s\n", encoding="utf-8")
            await borrowing.ready(pool)
            assert signed_with(borrowing).id == shown
            bank.now += 61
        assert await until(lambda: signed_with(borrowing).id == "AK2")

    run(scene)


async def until(happened: Callable[[], bool]) -> bool:
    """Whether it does, within some seconds."""
    for _ in range(400):
        if happened():
            return True
        await asyncio.sleep(0.01)
    return False


def test_many_ask_for_one_key() -> None:
    """It is fetched once, and kept until it is about to end; then the next is fetched beside."""

    async def scene(bank: Bank, pool: Pool) -> None:
        borrowing = lender(bank, Container(f"http://127.0.0.1:{bank.port}/c"))
        await asyncio.gather(*(borrowing.ready(pool) for _ in range(20)))
        bank.now += HOUR - 601
        await borrowing.ready(pool)
        assert len(bank.asked) == 1
        bank.now += 300
        await borrowing.ready(pool)
        assert signed_with(borrowing).id == "AK1"
        assert await until(lambda: signed_with(borrowing).id == "AK2")
        assert len(bank.asked) == 2

    run(scene)


def test_who_lends_is_away(caplog: pytest.LogCaptureFixture) -> None:
    """What is at hand is used to its end; then requests are refused, and work again soon after. It is logged once."""

    async def scene(bank: Bank, pool: Pool) -> None:
        borrowing = lender(bank, Container(f"http://127.0.0.1:{bank.port}/c"))
        await borrowing.ready(pool)
        bank.status = 500
        bank.now += HOUR - 30
        await borrowing.ready(pool)
        bank.now += 31
        for _ in range(3):
            with pytest.raises(UpstreamUnreachableError) as refused:
                await borrowing.ready(pool)
            assert refused.value.code == "credential_missing"
            bank.now += 6
        asked, bank.status = len(bank.asked), 200
        bank.now += 1
        await borrowing.ready(pool)

        assert (asked, len(bank.asked), signed_with(borrowing).id) == (5, 6, "AK2")

    with caplog.at_level(logging.INFO, "keeptrusts.gateway.lending"):
        run(scene)
    assert [record.message for record in caplog.records] == [
        "no key for Amazon is lent", "keys for Amazon are lent again"
    ]  # fmt: skip
    assert "secret" not in repr([vars(record) for record in caplog.records])


def test_nobody_is_asked_for_each_request() -> None:
    """A lender that fails is left alone for a few seconds."""

    async def scene(bank: Bank, pool: Pool) -> None:
        bank.status = 404
        borrowing = lender(bank, Container(f"http://127.0.0.1:{bank.port}/c"))
        for _ in range(5):
            with pytest.raises(UpstreamUnreachableError):
                await borrowing.ready(pool)
        assert len(bank.asked) == 1

    run(scene)


@pytest.mark.parametrize("kind", ["container", "role"])
def test_what_is_no_key(kind: str) -> None:
    """Whatever else comes is not signed with."""

    async def scene(bank: Bank, pool: Pool) -> None:
        bank.garbled = True
        role = Role("arn:aws:iam::1:role/r", AccessKey("A", "s"))
        borrowing = lender(bank, role if kind == "role" else Container(f"http://127.0.0.1:{bank.port}/c"))
        with pytest.raises(UpstreamUnreachableError):
            await borrowing.ready(pool)
        with pytest.raises(UpstreamUnreachableError):
            _ = borrowing.signer

    run(scene)


def test_lenders_outlive_a_reload() -> None:
    """The same source in the same region is the same lender; another region has its own."""
    lenders, source = Lenders(), Machine()

    assert lenders.of(source, "eu-west-1", {}) is lenders.of(Machine(), "eu-west-1", {})
    assert lenders.of(source, "us-east-1", {}) is not lenders.of(source, "eu-west-1", {})


def test_a_request_with_a_lent_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the gateway: the first request fetches it, the second is signed with the same one."""
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "BEARER_TOKEN_BEDROCK", "PROFILE"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    seen: list[str] = []

    async def model(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head, _ = await read_request(reader)
        seen.extend(line for line in head.decode().split("\r\n") if line.startswith(("authorization", "x-amz-sec")))
        writer.write(answer(bedrock.answer("hello"), b"content-type: application/json"))

    async def scene() -> list[tuple[int, Any]]:
        async with lending() as (bank, _), provider(model) as up:
            bank.now = datetime.now(UTC).timestamp()
            monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"http://127.0.0.1:{bank.port}/c")
            target = {"id": "up", "provider": "bedrock", "aws_region": "eu-west-1", "model": "m"}
            target["base_url"] = f"http://127.0.0.1:{up.port}"
            policy = compile_document(document({"audit-logger": {}}, providers={"targets": [target]}))
            async with gateway(tmp_path / "spool", policy, serve=serve) as rig:
                told = [fields(await rig.ask(post(HELLO, CLOSE))) for _ in range(2)]
                assert len(bank.asked) == 1
                assert rig.holder.active is not None
                assert "lent/secret" not in repr(rig.holder.active)
            bank.status = 500
            async with gateway(tmp_path / "other", replace(policy, digest="sha256:o"), serve=serve) as rig:
                told.append(fields(await rig.ask(post(HELLO, CLOSE))))
        return [(status, json.loads(body)) for status, _, body in told]

    *good, (status, refused) = run_on_loop(scene())

    assert [one for one, _ in good] == [200, 200]
    assert (status, refused["error"]["code"]) == (502, "credential_missing")
    assert [line.partition("Credential=")[2][:4] for line in seen if "Credential" in line] == ["AK1/", "AK1/"]
    assert seen.count("x-amz-security-token: lent-token") == 2
