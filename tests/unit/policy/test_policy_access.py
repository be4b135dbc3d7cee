"""What lint says of addresses and origins, and what they compile to."""

from __future__ import annotations

import pytest

from keeptrusts.policy.compiled import Cors, IpAllowlist
from keeptrusts.policy.document import compile_document
from keeptrusts.policy.lint import lint_document

GOOD = """
pack: {name: p, version: 1.0.0, enabled: true}
policies: {chain: [audit-logger]}
policy: {audit-logger: {}}
"""


@pytest.mark.parametrize(
    ("section", "code", "path"),
    [
        ("ip_allowlist: {cidrs: []}", "E003", "ip_allowlist.cidrs"),
        ("ip_allowlist: {enabled: true}", "E004", "ip_allowlist.cidrs"),
        ("ip_allowlist: {cidrs: [10.0.0.1/8]}", "E003", "ip_allowlist.cidrs[0]"),
        ("ip_allowlist: {cidrs: [10.0.0.0/8, office]}", "E003", "ip_allowlist.cidrs[1]"),
        ("ip_allowlist: {cidrs: [10.0.0.0/8], trust_proxy_depth: -1}", "E003", "ip_allowlist.trust_proxy_depth"),
        ("cors: {enabled: true}", "E004", "cors.allow_origins"),
        ("cors: {allow_origins: [https://a.example/]}", "E003", "cors.allow_origins[0]"),
        ("cors: {allow_origins: [a.example]}", "E003", "cors.allow_origins[0]"),
        ("cors: {allow_origins: ['https://a.example:x']}", "E003", "cors.allow_origins[0]"),
        ("cors: {allow_origins: ['https://u@a.example']}", "E003", "cors.allow_origins[0]"),
        ("cors: {allow_origins: ['*'], credentials: true}", "E003", "cors.credentials"),
        ("cors: {allow_origins: ['*'], allow_methods: [post]}", "E003", "cors.allow_methods[0]"),
        ("cors: {allow_origins: ['*'], allow_headers: ['a b']}", "E003", "cors.allow_headers[0]"),
    ],
)
def test_faults(section: str, code: str, path: str) -> None:
    """Networks and origins are what they look like."""
    assert [(one.code, one.path) for one in lint_document(f"{GOOD}{section}\n").errors] == [(code, path)]


def test_the_network_that_was_meant_is_told() -> None:
    """An address with the mask of its network is the usual slip."""
    (finding,) = lint_document(f"{GOOD}ip_allowlist: {{cidrs: [10.1.2.3/8]}}\n").errors

    assert finding.suggestion == "write `10.0.0.0/8`"


def test_what_they_become() -> None:
    """A section is on unless it says otherwise."""
    on = compile_document(
        f"{GOOD}ip_allowlist: {{cidrs: ['::1']}}\ncors: {{allow_origins: ['http://localhost:3000']}}\n"
    )
    off = compile_document(
        f"{GOOD}ip_allowlist: {{cidrs: ['::1'], enabled: false}}\ncors: {{allow_origins: ['*'], enabled: false}}\n"
    )

    assert on.ip_allowlist == IpAllowlist(("::1",))
    assert isinstance(on.cors, Cors)
    assert "ratelimit-remaining" in on.cors.expose_headers
    assert (off.ip_allowlist, off.cors) == (None, None)
