"""Signatures as Amazon checks them: against its published vectors, and against its own SDK."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from keeptrusts.flow.effects import OpenUpstream
from keeptrusts.gateway import targets
from keeptrusts.gateway.signatures import AccessKey, Signer, from_environment, read_key
from keeptrusts.policy.compiled import CompiledPolicy
from keeptrusts.policy.document import compile_document
from support.flows import Provider, play
from support.policy_cases import document

AT = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
KEY = AccessKey("AKIDEXAMPLE", SECRET)
MODEL = "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-sonnet-4-5-20250929-v1:0"

CONTAINER = {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/keys"}


@pytest.mark.parametrize(
    ("body", "content_type", "signed", "signature"),
    [
        (b"", "", "host;x-amz-date", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        (
            b"Param1=value1",
            "application/x-www-form-urlencoded",
            "content-type;host;x-amz-date",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
    ],
)
def test_published_vectors(body: bytes, content_type: str, signed: str, signature: str) -> None:
    """`post-vanilla` and `post-x-www-form-urlencoded` of Amazon's test suite for signature version 4."""
    fields = [("host", "example.amazonaws.com"), *([("content-type", content_type)] if content_type else [])]
    made = dict(Signer(KEY, "us-east-1", "service", clock=lambda: AT).fields("/", body, tuple(fields)))

    assert made["x-amz-date"] == "20150830T123600Z"
    assert made["authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders={signed}, Signature={signature}"
    )


@pytest.mark.parametrize("token", ["", "FwoGZXIvYXdzEXAMPLE//token=="])
@pytest.mark.parametrize("model", [MODEL, "amazon.nova-lite-v1:0", "a b/ü~?&"])
@pytest.mark.parametrize("base_url", ["", "https://vpce-1.bedrock-runtime.eu-west-1.vpce.amazonaws.com:8443/root"])
def test_amazons_own_sdk_signs_alike(model: str, token: str, base_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The request as it is sent, signed again at the same second by botocore."""
    monkeypatch.setattr(targets, "Signer", lambda key, region: Signer(key, region, clock=lambda: AT))
    policy = compiled(secret_key_ref={"env": "K"}, **({"base_url": base_url} if base_url else {}))
    sent, body = request(policy, {"K": f"AKIDEXAMPLE:{SECRET}:{token}".rstrip(":")}, model)
    line, fields = head(sent)
    path = line.split(" ")[1]
    theirs = AWSRequest("POST", f"https://{fields['host']}{path}", {"content-type": "application/json"}, body)
    auth = SigV4Auth(Credentials("AKIDEXAMPLE", SECRET, token or None), "bedrock", "eu-west-1")
    theirs.context["timestamp"] = "20150830T123600Z"
    theirs.headers["X-Amz-Date"] = "20150830T123600Z"
    theirs.headers["host"] = fields["host"]
    if token:
        theirs.headers["X-Amz-Security-Token"] = token
    wanted = auth.signature(auth.string_to_sign(theirs, auth.canonical_request(theirs)), theirs)

    assert fields["authorization"].endswith(f"Signature={wanted}")
    assert fields.get("x-amz-security-token", "") == token


@pytest.mark.parametrize(
    ("target", "environment", "expected"),
    [
        ({"secret_key_ref": {"env": "K"}}, {"K": "ABSKexample"}, "Bearer ABSKexample"),
        ({}, {"AWS_BEARER_TOKEN_BEDROCK": "ABSKexample", "AWS_ACCESS_KEY_ID": "A"}, "Bearer ABSKexample"),
        ({}, {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "s"}, "AWS4-HMAC-SHA256 Credential=AKID/"),
        ({"secret_key_ref": {"env": "K"}}, {"K": "AKID:s"}, "AWS4-HMAC-SHA256 Credential=AKID/"),
    ],
)
def test_where_keys_are(target: dict[str, Any], environment: dict[str, str], expected: str) -> None:
    """What the document names, else what Amazon's own tools find in the environment; a caller's key never goes on."""
    sent, _ = request(compiled(**target), environment, "m", authorization="Bearer of-the-caller")
    line, fields = head(sent)

    assert line == "POST /model/m/converse HTTP/1.1"
    assert fields["host"] == "bedrock-runtime.eu-west-1.amazonaws.com"
    assert fields["authorization"].startswith(expected)
    assert b"of-the-caller" not in sent


@pytest.mark.parametrize(
    ("target", "environment", "missing"),
    [
        ({}, {}, "target `up` has no key: set `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`"),
        ({}, {"AWS_ACCESS_KEY_ID": "AKID"}, "target `up` has no key: set `AWS_ACCESS_KEY_ID`"),
        ({}, {"AWS_ACCESS_KEY_ID": "AKID", **CONTAINER}, "target `up` has no key: set `AWS_ACCESS_KEY_ID`"),
        ({}, {"AWS_PROFILE": "nightly", **CONTAINER}, "target `up` has no key: the profile `nightly` is in no file"),
        ({"secret_key_ref": {"env": "K"}}, CONTAINER, "target `up` has no key: set `K`"),
        ({"secret_key_ref": {"env": "K"}}, {"AWS_BEARER_TOKEN_BEDROCK": "x"}, "target `up` has no key: set `K`"),
        ({"secret_key_ref": {"env": "K"}}, {"K": "AKID:"}, "target `up`: an access key is `ID:SECRET`"),
    ],
)
def test_a_target_without_a_key(target: dict[str, Any], environment: dict[str, str], missing: str) -> None:
    """It says what to set, and repeats nothing of it."""
    elsewhere = {"AWS_EC2_METADATA_DISABLED": "true", **environment}
    route = targets.routes_of(compiled(**target).targets, elsewhere)["up"]

    assert route.missing.startswith(missing)
    assert route.lender is None
    assert route.signer is None


def test_secrets_are_not_shown() -> None:
    """In no representation of a key or of what signs with it."""
    assert SECRET not in repr(Signer(AccessKey("A", SECRET, "lent-token"), "eu-west-1"))
    assert "lent-token" not in repr(read_key(f"A:{SECRET}:lent-token"))
    assert from_environment({"AWS_SECRET_ACCESS_KEY": SECRET}, "up")[1].count(SECRET) == 0


def compiled(**target: Any) -> CompiledPolicy:
    declared = {"id": "up", "provider": "aws-bedrock", "aws_region": "eu-west-1", **target}
    return compile_document(document({"audit-logger": {}}, providers={"targets": [declared]}))


def request(policy: CompiledPolicy, environment: dict[str, str], model: str, **headers: str) -> tuple[bytes, bytes]:
    """The bytes that a question for this model becomes, and their body."""
    asked = json.dumps({"model": model, "messages": [{"role": "user", "content": "hello"}]}).encode()
    fields = tuple({"user-agent": "sdk", "openai-beta": "x", **headers}.items())
    seen = play(policy, asked, Provider([b"{}"]), headers=fields)
    opened: OpenUpstream = seen.sent_upstream[0]
    sent = targets.routes_of(policy.targets, environment)["up"].request(opened)
    assert b"openai-beta" not in sent
    return sent, opened.body


def head(sent: bytes) -> tuple[str, dict[str, str]]:
    line, *lines = sent.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    pairs = [one.partition(": ") for one in lines]
    assert len({name for name, _, _ in pairs}) == len(pairs)
    return line, {name: value for name, _, value in pairs}
