"""Lint: each code, with its path, its place and what to write instead."""

from __future__ import annotations

import pytest

from keeptrusts.policy.findings import Finding, Report
from keeptrusts.policy.lint import lint_document

HEAD = 'pack: {name: p, version: "1.0.0", enabled: true}\n'
GOOD = HEAD + "policies: {chain: [token-limit]}\npolicy: {token-limit: {}}\n"


def errors(text: str) -> list[tuple[str, str]]:
    return [(one.code, one.path) for one in lint_document(text).errors]


def only(text: str) -> Finding:
    (finding,) = lint_document(text).errors
    return finding


def test_a_sound_document() -> None:
    """It is valid, and the report names pack and chain."""
    assert lint_document(GOOD) == Report({"name": "p", "version": "1.0.0"}, ("token-limit",))


def test_the_report_as_json_has_the_published_fields() -> None:
    """What `--format json` prints."""
    assert lint_document(GOOD).as_json("x.yaml") == {
        "valid": True,
        "file": "x.yaml",
        "pack": {"name": "p", "version": "1.0.0"},
        "chain": ["token-limit"],
        "policy_count": 1,
        "errors": [],
        "warnings": [],
    }


def test_a_finding_has_place_and_suggestion() -> None:
    """Code, dotted path, line, column, message, suggestion."""
    assert only(GOOD.replace("token-limit: {}", "token-limit: {max_token: 1}")) == Finding(
        "E002",
        "policy.token-limit.max_token",
        3,
        24,
        "unknown key `max_token`",
        "did you mean `max_tokens`?",
    )


def test_what_is_close_to_nothing_gets_the_list() -> None:
    """The valid keys, when none is close."""
    finding = only(GOOD.replace("token-limit: {}", "token-limit: {zzz: 1}"))
    assert finding.suggestion == "valid keys: `max_tokens`, `on_exceed`, `max_input_tokens`, `max_messages`"


def test_a_flag_with_one_choice_is_told_as_yaml_has_it() -> None:
    """`false`, and not what Python calls it."""
    finding = only(
        GOOD.replace("[token-limit]", "[audit-logger]").replace("token-limit: {}", "audit-logger: {immutable: no}")
    )
    assert (finding.message, finding.suggestion) == ("`immutable` cannot be `false`", "valid values: `true`")


@pytest.mark.parametrize(
    ("old", "new", "code", "path"),
    [
        ("[token-limit]", "[token-limt]", "E001", "policies.chain[0]"),
        ("policy: {", "policy: {token-limt: {}, ", "E001", "policy.token-limt"),
        ("policies:", "extra: 1\npolicies:", "E002", "extra"),
        ("name: p", "name: p, nam: q", "E002", "pack.nam"),
        ("name: p", "name: 3", "E003", "pack.name"),
        ("name: p", "name: ''", "E003", "pack.name"),
        ('"1.0.0"', '"1.0"', "E003", "pack.version"),
        ('"1.0.0"', "1.0", "E003", "pack.version"),
        ("enabled: true", "enabled: 'yes'", "E003", "pack.enabled"),
        ("[token-limit]", "[]", "E003", "policies.chain"),
        ("[token-limit]", "token-limit", "E003", "policies.chain"),
        ("token-limit: {}", "token-limit: []", "E003", "policy.token-limit"),
        ("token-limit: {}", "token-limit: {on_exceed: clmp}", "E003", "policy.token-limit.on_exceed"),
        ("token-limit: {}", "token-limit: {max_tokens: true}", "E003", "policy.token-limit.max_tokens"),
        ("name: p, ", "", "E004", "pack.name"),
        (", enabled: true", "", "E004", "pack.enabled"),
        ("policies: {chain: [token-limit]}\n", "policies: {}\n", "E004", "policies.chain"),
        ("[token-limit]", "[token-limit, token-limit]", "E005", "policies.chain[1]"),
        ("name: p", "name: p, name: q", "E005", "pack.name"),
        ("{chain", "{rollout: {token-limt: {}}, chain", "E001", "policies.rollout.token-limt"),
        ("{chain", "{rollout: {rbac: {mode: shadow}}, chain", "E006", "policies.rollout.rbac"),
        ("{chain", "{rollout: {token-limit: {mode: dark}}, chain", "E003", "policies.rollout.token-limit.mode"),
        ("{chain", "{rollout: {token-limit: {percent: 0}}, chain", "E003", "policies.rollout.token-limit.percent"),
        ("{chain", "{rollout: {token-limit: {percent: 101}}, chain", "E003", "policies.rollout.token-limit.percent"),
        (
            "{chain",
            '{rollout: {token-limit: {mode: "off", percent: 5}}, chain',
            "E009",
            "policies.rollout.token-limit.percent",
        ),
        ("{chain", "{rollout: {token-limit: {share: 5}}, chain", "E002", "policies.rollout.token-limit.share"),
        ("{chain", "{rollout: [token-limit], chain", "E003", "policies.rollout"),
        ("policies:", "callbacks: [{type: webhook}]\npolicies:", "E004", "callbacks[0].url"),
        ("policies:", "callbacks: [{type: helicone}]\npolicies:", "E003", "callbacks[0].type"),
        ("policies:", "callbacks: [{type: prometheus, tags: [a]}]\npolicies:", "E003", "callbacks[0].tags"),
        ("policies:", "callbacks: [{type: otlp, endpoint: 'x'}]\npolicies:", "E003", "callbacks[0].endpoint"),
        (
            "policies:",
            "callbacks: [{type: webhook, url: 'https://x.example', headers: {Authorization: k}}]\npolicies:",
            "E008",
            "callbacks[0].headers.Authorization",
        ),
        (
            "policies:",
            "callbacks: [{type: webhook, url: 'https://x.example', headers: {'a b': k}}]\npolicies:",
            "E003",
            "callbacks[0].headers.a b",
        ),
    ],
)
def test_one_fault_one_finding(old: str, new: str, code: str, path: str) -> None:
    """Each fault is named once, by code and path."""
    assert old in GOOD
    assert errors(GOOD.replace(old, new)) == [(code, path)]


@pytest.mark.parametrize(
    ("target", "code", "path"),
    [
        ("{id: a, provider: opnai}", "E003", "provider"),
        ("{id: a, provider: bedrock}", "E004", "aws_region"),
        ("{id: a, provider: 'openai:image:x'}", "E003", "provider"),
        ("{id: a, provider: 'openai:chat:x', model: y}", "E003", "model"),
        ("{id: a, provider: openai-compatible}", "E004", "base_url"),
        ("{id: a, provider: openai, base_url: ftp://x}", "E003", "base_url"),
        ("{id: a, provider: openai, base_url: 'https://x/?k=v'}", "E003", "base_url"),
        ("{id: a, provider: openai, base_url: 'https://u:p@x'}", "E008", "base_url"),
        ("{id: a, provider: openai, api_key: sk-1}", "E008", "api_key"),
        ("{id: a, provider: openai, headers: {Authorization: x}}", "E008", "headers.Authorization"),
        ("{id: a, provider: openai, headers: {Host: x}}", "E003", "headers.Host"),
        ("{id: a, provider: openai, headers: {transfer-encoding: chunked}}", "E003", "headers.transfer-encoding"),
        ("{id: a, provider: openai, api_key_header: content-length}", "E003", "api_key_header"),
        ("{id: a, provider: openai, secret_key_ref: {env: A, store: B}}", "E003", "secret_key_ref"),
        ("{id: a, provider: openai, secret_key_ref: {}}", "E003", "secret_key_ref"),
        ("{id: a, provider: openai, secret_key_ref: {env: 'a b'}}", "E003", "secret_key_ref.env"),
        ("{id: a, provider: openai, mock: {}}", "E003", "mock"),
        ("{id: a, provider: mock, base_url: 'https://x'}", "E003", "base_url"),
        ("{id: a, provider: mock, zdr: true, data_policy: {zero_data_retention: false}}", "E003", "zdr"),
        ("{id: a, provider: mock, escalation_routing: {}}", "E003", "escalation_routing"),
        ("{id: a, provider: mock, escalation_routing: {team_id: t, user_id: u}}", "E003", "escalation_routing"),
        ("{id: a, provider: mock, escalation_routing: {email: ada}}", "E003", "escalation_routing.email"),
        ("{id: a, provider: mock, timeout_seconds: 0}", "E003", "timeout_seconds"),
        ("{provider: mock}", "E004", "id"),
    ],
)
def test_targets(target: str, code: str, path: str) -> None:
    """What may be wrong with a target."""
    assert errors(f"{GOOD}providers: {{targets: [{target}]}}\n") == [(code, f"providers.targets[0].{path}")]


def test_target_ids_are_unique() -> None:
    """Two targets of one id are a fault of the second."""
    targets = "[{id: a, provider: mock}, {id: a, provider: mock}]"
    assert errors(f"{GOOD}providers: {{targets: {targets}}}\n") == [("E005", "providers.targets[1].id")]


@pytest.mark.parametrize(
    ("providers", "code", "path"),
    [
        ("{routing: {strategy: orderd}}", "E003", "providers.routing.strategy"),
        ("{strategy: single}", "E003", "providers.strategy"),
        ("{retry: {max_attempts: 0}}", "E003", "providers.retry.max_attempts"),
        ("{retry: {initial_delay_ms: 9000}}", "E003", "providers.retry.initial_delay_ms"),
        ("{circuit_breaker: {failure_treshold: 3}}", "E002", "providers.circuit_breaker.failure_treshold"),
        ("{fallback: {triggers: [rate_limt]}}", "E003", "providers.fallback.triggers[0]"),
    ],
)
def test_providers(providers: str, code: str, path: str) -> None:
    """What may be wrong beside the targets."""
    assert errors(f"{GOOD}providers: {providers}\n") == [(code, path)]


def test_a_literal_secret_may_be_tolerated() -> None:
    """`--allow-literal-secrets` lets it stand."""
    text = f"{GOOD}providers: {{targets: [{{id: a, provider: openai, api_key: sk-1}}]}}\n"
    assert lint_document(text, allow_literal_secrets=True).errors == ()


def test_a_secret_is_not_repeated() -> None:
    """The finding does not say what the secret is."""
    finding = only(f"{GOOD}providers: {{targets: [{{id: a, provider: openai, api_key: sk-verysecret}}]}}\n")
    assert "verysecret" not in str(finding)


def test_a_chain_entry_without_a_block_is_a_warning() -> None:
    """W001, at the entry."""
    report = lint_document(GOOD.replace("policy: {token-limit: {}}\n", ""))
    assert [(one.code, one.path, one.severity) for one in report.warnings] == [("W001", "policies.chain[0]", "warning")]
    assert report.valid


def test_a_block_that_is_not_chained_is_a_warning() -> None:
    """W002, at the block."""
    report = lint_document(GOOD.replace("policy: {", "policy: {rbac: {}, "))
    assert [(one.code, one.path) for one in report.warnings] == [("W002", "policy.rbac")]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('version: "1"\npolicies: [{name: a}]\n', "policies"),
        ("input_policies: []\n", "input_policies"),
        ("output_policies: []\n", "output_policies"),
        ("gateway: {listen_port: 1}\n", "gateway"),
        (f"gateway: {{listen_port: 1}}\n{GOOD}", "gateway"),
    ],
)
def test_an_older_shape_is_named_once(text: str, path: str) -> None:
    """E010, and what to write instead."""
    finding = only(text)
    assert (finding.code, finding.path) == ("E010", path)
    assert finding.suggestion


def test_a_single_policy_document_is_a_chain_of_one() -> None:
    """By its sections, or by its name."""
    by_sections = "policy: {name: x, version: 1.0.0, enabled: true}\nblocked_tools: [rm]\n"
    by_name = "policy: {name: prompt-injection, version: 1.0.0, enabled: true}\n"
    assert lint_document(by_sections).chain == ("agent-firewall",)
    assert lint_document(by_name).chain == ("prompt-injection",)


def test_a_single_policy_document_that_says_nothing() -> None:
    """It cannot be told which kind it is of."""
    assert errors("policy: {name: x, version: 1.0.0, enabled: true}\n") == [("E004", "policy")]


def test_findings_of_a_single_policy_document_have_its_own_paths() -> None:
    """As its author wrote them."""
    text = (
        "policy: {name: x, version: one, enabled: true}\nblocked_tools: [rm]\n"
        "kill_switches: {halt: true}\nblocked_tool: 1\n"
    )
    assert errors(text) == [
        ("E003", "policy.version"),
        ("E002", "kill_switches.halt"),
        ("E002", "blocked_tool"),
    ]


def test_an_unsafe_pattern() -> None:
    """E007, with the reason."""
    text = HEAD + "policies: {chain: [dlp-filter]}\npolicy: {dlp-filter: {detect_patterns: ['(a+)+$', '(?=b)']}}\n"
    finding = only(text)
    assert (finding.code, finding.path) == ("E007", "policy.dlp-filter.detect_patterns[1]")
    assert finding.message == "the pattern is refused: look-around is not supported"


def test_an_unbounded_chain_on_a_stream_that_rejects() -> None:
    """E009, at the kind that needs the whole answer."""
    text = (
        HEAD
        + "policies: {chain: [human-oversight]}\npolicy: {human-oversight: {}}\nstreaming: {on_unbounded: reject}\n"
    )
    finding = only(text)
    assert (finding.code, finding.path) == ("E009", "policies.chain[0]")


def test_a_chain_that_holds_back_too_much() -> None:
    """The widths of a chain add up."""
    chain = "policies: {chain: [pii-detector, secret-scanner]}\npolicy: {pii-detector: {}, secret-scanner: {}}\n"
    streaming = "streaming: {on_unbounded: reject, max_holdback_chars: %d}\n"
    assert lint_document(HEAD + chain + streaming % 512).valid
    assert errors(HEAD + chain + streaming % 200) == [("E009", "policies.chain[1]")]


def test_text_that_is_no_document() -> None:
    """One finding, no chain."""
    report = lint_document("[")
    assert (report.pack, report.chain, [one.code for one in report.errors]) == (None, (), ["E000"])


def test_a_document_that_is_a_list() -> None:
    """It must be a mapping."""
    assert errors("- a\n") == [("E003", "")]


def test_findings_come_in_the_order_of_the_document() -> None:
    """Top to bottom."""
    text = GOOD.replace("name: p", "nam: p").replace("token-limit: {}", "token-limit: {max_tokens: 0}")
    lines = [one.line for one in lint_document(text).errors]
    assert lines == sorted(lines)
    assert len(lines) == 3
