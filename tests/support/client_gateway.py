"""The gateway that the tests of the official clients share: one policy, before a provider that echoes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.gateway_process import GatewayProcess, gateway_process

POLICY = """\
pack: {{name: client, version: 1.0.0, enabled: true}}
policies: {{chain: [topic-filter, secret-scanner, audit-logger]}}
policy:
  topic-filter: {{blocked_topics: [wolfram smuggling]}}
  secret-scanner: {{}}
  audit-logger: {{}}
providers:
  targets: [{target}]
"""
MOCK = "{id: mock, provider: mock}"
DYING = "{id: mock, provider: mock, mock: {reply: 'a long answer that is never finished', die_after_chars: 20}}"
ONE_A_MINUTE = "global_rate_limit: {max_requests: 1, window_seconds: 60}\n"
KEY = "kt_client_secret"
SECRET = "AKIAIOSFODNN7EXAMPLE"


@contextmanager
def client_gateway(
    folder: Path, *options: str | Path, target: str = MOCK, section: str = ""
) -> Iterator[GatewayProcess]:
    """A gateway that is ready, with `target` as its provider; its spool is `folder / "spool"`."""
    path = folder / "policy.yaml"
    path.write_text(POLICY.format(target=target) + section)
    with gateway_process("--policy-config", path, "--spool-dir", folder / "spool", *options) as made:
        made.wait_until_ready()
        yield made


def keys_of_clients(folder: Path) -> Path:
    """A file of client keys in which `KEY` is the one of `app`."""
    path = folder / "keys"
    path.write_text(f"app sha256:{hashlib.sha256(KEY.encode()).hexdigest()}\n")
    return path
