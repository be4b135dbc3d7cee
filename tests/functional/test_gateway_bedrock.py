"""A gateway before a server that speaks as Bedrock does: signatures are checked, frames come in pieces."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from keeptrusts.flow.chat import serve
from keeptrusts.policy.document import compile_document
from keeptrusts.wire.event_stream import MEDIA_TYPE
from support import bedrock
from support.flows import HELLO, STREAM, said
from support.gateway_parts import CLOSE, Script, fields, gateway, post, provider, read_request, run_on_loop, unchunked
from support.policy_cases import document

STREAMED = bedrock.stream(["Write to ada@", "example.com", " please."])


def is_signed(head: bytes, body: bytes) -> bool:
    """Whether the key that the gateway was given signed this, as Amazon's own SDK would have."""
    line, *lines = head.decode().strip().split("\r\n")
    named = {name: value for name, _, value in (one.partition(": ") for one in lines)}
    request = AWSRequest("POST", f"https://{named['host']}{line.split(' ')[1]}", {}, body)
    request.context["timestamp"] = named["x-amz-date"]
    for name in ("host", "content-type", "x-amz-date", "x-amz-security-token"):
        request.headers[name] = named[name]
    auth = SigV4Auth(Credentials("AKID", "secret", "lent"), "bedrock", "eu-west-1")
    wanted = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    return named["authorization"].endswith(f"Signature={wanted}")


def answers(stream: bytes) -> Script:
    """Answers who signs; the others are refused."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head, body = await read_request(reader)
        if not is_signed(head, body):
            writer.write(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")
            return
        whole = bedrock.answer("Write to ada@example.com.")
        kind, told = (MEDIA_TYPE, stream) if b"/converse-stream " in head else ("application/json", whole)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ncontent-length: %d\r\n\r\n" % (kind.encode(), len(told)))
        for at in range(0, len(told), 37):
            writer.write(told[at : at + 37])
            await writer.drain()

    return script


def asked(directory: Path, stream: bytes, request: bytes) -> tuple[int, bytes]:
    """Status and body that a client gets of a governed gateway before it."""

    async def scene() -> tuple[int, bytes]:
        async with provider(answers(stream)) as up:
            target = {"id": "up", "provider": "bedrock", "aws_region": "eu-west-1", "model": "eu.some.model-v1:0"}
            target["base_url"] = f"http://127.0.0.1:{up.port}"
            policy = compile_document(document({"pii-detector": {}}, providers={"targets": [target]}))
            async with gateway(directory, policy, serve=serve) as rig:
                status, _, body = fields(await rig.ask(post(request, CLOSE)))
                return status, body

    return run_on_loop(scene())


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Amazon's own tools find it."""
    for name, value in {"ACCESS_KEY_ID": "AKID", "SECRET_ACCESS_KEY": "secret", "SESSION_TOKEN": "lent"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.delenv("AWS_BEARER_TOKEN_BEDROCK", raising=False)


def test_a_whole_answer(tmp_path: Path) -> None:
    """What the policy takes out does not arrive."""
    status, body = asked(tmp_path, STREAMED, HELLO)

    assert status == 200
    assert b"Write to " in body
    assert b"ada@" not in body


def test_a_stream(tmp_path: Path) -> None:
    """In the client's own form, without what the policy takes out."""
    status, body = asked(tmp_path, STREAMED, STREAM)
    text = said(unchunked(body))

    assert status == 200
    assert (text.startswith("Write to "), text.endswith(" please."), "ada@" in text) == (True, True, False)
    assert unchunked(body).endswith(b"data: [DONE]\n\n")


def test_a_stream_that_ends_within_a_frame(tmp_path: Path) -> None:
    """The provider was lost, and as nothing had been sent the client gets a plain error."""
    status, body = asked(tmp_path, STREAMED[: STREAMED.index(b"please")], STREAM)

    assert (status, json.loads(body)["error"]["code"]) == (502, "upstream_lost")


def test_another_key_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told as what it is: not the client's fault."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "other")
    status, body = asked(tmp_path, STREAMED, HELLO)

    assert (status, json.loads(body)["error"]["code"]) == (502, "upstream_credential")
