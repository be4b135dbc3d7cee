"""Documents compiled: settings, defaults, digests."""

from __future__ import annotations

import pytest

from keeptrusts.core.exchange import Target
from keeptrusts.policy.compiled import (
    Audit,
    Fallback,
    MockCall,
    MockSettings,
    RateLimit,
    SizeLimits,
    Streaming,
    TargetSettings,
)
from keeptrusts.policy.document import compile_document, document_digest, normalise
from keeptrusts.policy.findings import InvalidPolicyError

HEAD = 'pack: {name: p, version: "1.0.0", enabled: true}\npolicies: {chain: [token-limit]}\npolicy: {token-limit: {}}\n'


def target(text: str) -> TargetSettings:
    (found,) = compile_document(f"{HEAD}providers: {{targets: [{text}]}}\n").targets
    return found


def test_a_small_document_has_every_default() -> None:
    """Nothing need be said that can be assumed."""
    compiled = compile_document(HEAD)
    assert (compiled.name, compiled.version, compiled.enabled, compiled.kinds) == ("p", "1.0.0", True, ("token-limit",))
    assert [policy.kind for policy in compiled.chain.policies] == ["token-limit"]
    assert (compiled.targets, compiled.rate_limits, compiled.warnings) == ((), (), ())
    assert compiled.size_limits == SizeLimits(10 * 1024 * 1024, None)
    assert compiled.streaming == Streaming(512, "buffer")
    assert compiled.fallback == Fallback()
    assert compiled.audit == Audit("none", 365 * 24)


def test_a_document_that_does_not_lint_is_not_compiled() -> None:
    """The error holds the findings, and names the first."""
    with pytest.raises(InvalidPolicyError) as caught:
        compile_document(HEAD.replace("token-limit: {}", "token-limit: {a: 1, b: 2}"))
    assert [one.path for one in caught.value.findings] == ["policy.token-limit.a", "policy.token-limit.b"]
    assert str(caught.value) == "E002 at `policy.token-limit.a`: unknown key `a` (and 1 more)"


def test_a_literal_secret_is_never_compiled() -> None:
    """Whatever lint may tolerate."""
    with pytest.raises(InvalidPolicyError):
        target("{id: a, provider: openai, api_key: sk-1}")


def test_an_openai_target() -> None:
    """Root, header and prefix by default; a composite provider names the model."""
    assert target("{id: a, provider: 'openai:chat:gpt-4o:x', secret_key_ref: {env: KEY}}") == TargetSettings(
        target=Target("a", "openai", "gpt-4o:x"),
        base_url="https://api.openai.com",
        format="openai",
        secret_env="KEY",
        api_key_header="authorization",
        api_key_prefix="Bearer ",
    )


def test_an_anthropic_target() -> None:
    """Its own header, without a prefix."""
    said = target("{id: a, provider: anthropic, secret_key_ref: {store: KEY}}")
    assert (said.base_url, said.format) == ("https://api.anthropic.com", "anthropic")
    assert (said.api_key_header, said.api_key_prefix, said.secret_store) == ("x-api-key", "", "KEY")


@pytest.mark.parametrize("url", ["https://x/api", "https://x/api/", "https://x/api/v1", "https://x/api/v1/"])
def test_a_root_may_be_given_with_or_without_its_version(url: str) -> None:
    """It always comes out without."""
    assert target(f"{{id: a, provider: openai-compatible, base_url: '{url}'}}").base_url == "https://x/api"


def test_how_a_target_handles_data() -> None:
    """The short forms mean what the long ones mean."""
    short = target("{id: a, provider: mock, zdr: true, data_collection: deny, region: eu, local: true}")
    long = target(
        "{id: a, provider: mock, region: eu, local: true,"
        " data_policy: {zero_data_retention: true, training_opt_out: true}}"
    )
    assert short == long
    assert short.target == Target(
        "a", "mock", "", zero_data_retention=True, training_opt_out=True, region="eu", local=True
    )


def test_a_mock_target() -> None:
    """What it answers is part of the settings."""
    said = target(
        "{id: a, provider: mock, mock: {reply: hi, chunk_chars: 3, tool_calls: [{name: f, arguments: {a: [1]}}]}}"
    )
    assert said.mock == MockSettings("hi", 3, tool_calls=(MockCall("f", {"a": [1]}),))


def test_limits() -> None:
    """Each has its name; header names are in lower case."""
    text = (
        "global_rate_limit: {max_requests: 1, window_seconds: 2}\n"
        "user_rate_limit: {max_requests: 3, window_seconds: 4, header_names: [X-A]}\n"
        "ip_rate_limit: {max_requests: 5, window_seconds: 6, trust_proxy_depth: 1}\n"
        "size_limits: {max_body_bytes: 7, max_response_bytes: 8}\n"
    )
    compiled = compile_document(HEAD + text)
    assert compiled.rate_limits == (
        RateLimit("global", 1, 2),
        RateLimit("user", 3, 4, ("x-a",)),
        RateLimit("ip", 5, 6, trust_proxy_depth=1),
    )
    assert compiled.size_limits == SizeLimits(7, 8)


def test_the_audit_settings_come_from_the_chained_logger() -> None:
    """A block that is not in the chain sets nothing."""
    block = "policy: {audit-logger: {retention_hours: 48, content: digest}}\n"
    chained = HEAD.replace("[token-limit]", "[audit-logger]").replace("policy: {token-limit: {}}\n", block)
    loose = HEAD.replace("policy: {token-limit: {}}\n", block)
    assert compile_document(chained).audit == Audit("digest", 48)
    assert compile_document(loose).audit == Audit()


def test_documents_that_mean_the_same_have_one_digest() -> None:
    """Order of keys, comments, quotes and written defaults do not matter."""
    other = (
        "# a comment\npolicy:\n  token-limit:\n    on_exceed: 'clamp'\n"
        "policies:\n  chain:\n  - token-limit\n"
        'pack:\n  enabled: yes\n  version: "1.0.0"\n  name: "p"\n'
        "streaming: {max_holdback_chars: 512}\n"
    )
    assert normalise(HEAD) == normalise(other)
    assert document_digest(HEAD) == document_digest(other) == compile_document(other).digest
    assert document_digest(HEAD).startswith("sha256:")


def test_documents_that_differ_have_two() -> None:
    """Any value counts."""
    assert document_digest(HEAD) != document_digest(HEAD.replace("token-limit: {}", "token-limit: {max_tokens: 1}"))


def test_sets_have_no_order() -> None:
    """Triggers in another order are the same document."""
    one = HEAD + "providers: {fallback: {triggers: [timeout, rate_limit]}}\n"
    two = HEAD + "providers: {fallback: {triggers: [rate_limit, timeout]}}\n"
    assert document_digest(one) == document_digest(two)


def test_fail_open_is_the_chain_s() -> None:
    """It is no part of the document."""
    assert compile_document(HEAD, fail_open=True).chain.fail_open
    assert not compile_document(HEAD).chain.fail_open
