"""Providers that a target may name: where each is asked, how it gets its key, and what it is sent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from keeptrusts.gateway.targets import routes_of
from keeptrusts.policy.compiled import CompiledPolicy
from keeptrusts.policy.document import compile_document
from keeptrusts.policy.lint import lint_document
from keeptrusts.wire.strict_json import parse_object
from support.flows import Provider, Seen, answer, play
from support.messages import PATH, request
from support.policy_cases import document

RESOURCE = "https://acme.openai.azure.com"
AZURE_DATED = {"provider": "azure", "base_url": RESOURCE, "azure_api_version": "2024-10-21", "azure_deployment": "chat"}


def compiled(**target: Any) -> CompiledPolicy:
    declared = {"id": "up", "secret_key_ref": {"env": "KEY"}, **target}
    return compile_document(document({"audit-logger": {}}, providers={"targets": [declared]}))


def asked(policy: CompiledPolicy, body: bytes, path: str) -> Seen:
    return play(policy, body, Provider([answer("hi")]), path=path)


@pytest.mark.parametrize(
    ("target", "host", "path", "key"),
    [
        ({"provider": "openai"}, "api.openai.com", "/v1/chat/completions", "authorization: Bearer k"),
        ({"provider": "azure", "base_url": RESOURCE}, "acme.openai.azure.com", "/openai/v1/chat/completions",
         "api-key: k"),
        ({"provider": "azure-openai", "base_url": f"{RESOURCE}/openai/v1/"}, "acme.openai.azure.com",
         "/openai/v1/chat/completions", "api-key: k"),
        (AZURE_DATED, "acme.openai.azure.com", "/openai/deployments/chat/chat/completions?api-version=2024-10-21",
         "api-key: k"),
        ({"provider": "google"}, "generativelanguage.googleapis.com", "/v1beta/openai/chat/completions",
         "authorization: Bearer k"),
        ({"provider": "groq:chat:llama"}, "api.groq.com", "/openai/v1/chat/completions", "authorization: Bearer k"),
        ({"provider": "mistral"}, "api.mistral.ai", "/v1/chat/completions", "authorization: Bearer k"),
        ({"provider": "ollama"}, "127.0.0.1:11434", "/v1/chat/completions", "authorization: Bearer k"),
        ({"provider": "ollama", "base_url": "http://box:11434/v1"}, "box:11434", "/v1/chat/completions",
         "authorization: Bearer k"),
        ({"provider": "openai-compatible", "base_url": "http://box/v1", "format": "anthropic"}, "box", "/v1/messages",
         "x-api-key: k"),
        ({"provider": "azure", "base_url": RESOURCE, "path_template": "/gate/{model}", "model": "m"},
         "acme.openai.azure.com", "/gate/m", "api-key: k"),
    ],
)  # fmt: skip
def test_the_bytes_that_each_gets(target: dict[str, Any], host: str, path: str, key: str) -> None:
    """Request line, host and credential, as its API describes them."""
    policy = compiled(**target)
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hello"}]}).encode()
    told = b"{}" if path == "/v1/messages" else answer("hi")
    (opened,) = play(policy, body, Provider([told])).sent_upstream
    sent = routes_of(policy.targets, {"KEY": "k"})["up"].request(opened).decode()

    assert sent.startswith(f"POST {path} HTTP/1.1\r\n")
    assert f"\r\nhost: {host}\r\n" in sent
    assert f"\r\n{key}\r\n" in sent


def test_a_deployment_is_the_model() -> None:
    """Azure goes by it, whatever the client calls the model."""
    body = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}]}).encode()
    (sent,) = play(compiled(**AZURE_DATED), body, Provider([answer("hi")])).sent_upstream

    assert parse_object(sent.body)["model"] == "chat"


@pytest.mark.parametrize(
    ("provider", "absent", "present"),
    [
        ("mistral", {"stream_options", "user", "max_completion_tokens"}, {"max_tokens", "stream"}),
        ("groq", {"max_completion_tokens"}, {"max_tokens", "stream", "stream_options", "user"}),
        ("openai", {"max_tokens"}, {"max_completion_tokens", "stream_options"}),
    ],
)
def test_a_translation_holds_what_the_provider_takes(provider: str, absent: set[str], present: set[str]) -> None:
    """Mistral refuses fields that it does not know."""
    body = request(stream=True, metadata={"user_id": "u"})
    (sent,) = asked(compiled(provider=provider), body, PATH).sent_upstream
    names = parse_object(sent.body).keys()

    assert (names & absent, names & present) == (set(), present)


@pytest.mark.parametrize(
    ("target", "code", "path"),
    [
        ({"provider": "azure"}, "E004", "base_url"),
        ({"provider": "azure", "base_url": RESOURCE, "azure_api_version": "2024-10-21"}, "E004", "azure_deployment"),
        ({"provider": "azure", "base_url": RESOURCE, "azure_deployment": "a/b"}, "E003", "azure_deployment"),
        ({"provider": "azure", "base_url": RESOURCE, "azure_api_version": "1&x=2"}, "E003", "azure_api_version"),
        ({"provider": "groq", "azure_deployment": "chat"}, "E003", "azure_deployment"),
        ({"provider": "bedrock"}, "E004", "aws_region"),
        ({"provider": "aws-bedrock:chat:claude"}, "E004", "aws_region"),
        ({"provider": "bedrock", "aws_region": "s3"}, "E003", "aws_region"),
        ({"provider": "bedrock", "aws_region": "evil.example-1"}, "E003", "aws_region"),
        ({"provider": "bedrock", "aws_region": "us-east-1", "format": "openai"}, "E003", "format"),
        ({"provider": "groq", "aws_region": "us-east-1"}, "E003", "aws_region"),
        ({"provider": "gogle"}, "E003", "provider"),
    ],
)
def test_findings(target: dict[str, Any], code: str, path: str) -> None:
    """What a target of these lacks, or what does not go with it."""
    text = document({"audit-logger": {}}, providers={"targets": [{"id": "up", **target}]})

    assert (code, f"providers.targets[0].{path}") in [(one.code, one.path) for one in lint_document(text).errors]
