"""What `kt bench` starts: the mock provider, and a gateway whose targets all lead to it."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from keeptrusts.cli.bench_load import Side
from keeptrusts.cli.dev import answers
from keeptrusts.policy.layers import read_layer, written
from keeptrusts.policy.sections import spoken

if TYPE_CHECKING:
    from keeptrusts.cli.children import Child, Children

READY_S: Final = 60.0
OUTSIDE: Final = frozenset({"azure", "bedrock", "mock"})
"""Asked in a way of their own, or part of the gateway: `openai-compatible` stands in for them."""
KEPT: Final = (
    "id", "pricing", "data_policy", "zdr", "data_collection", "region", "local", "weight", "timeout_seconds",
    "connect_timeout_seconds", "first_byte_timeout_seconds", "escalation_routing",
)  # fmt: skip
"""What of a target has nothing to do with where it is and how it is spoken to."""

LIMITS: Final = {
    "global_rate_limit": "max_requests",
    "user_rate_limit": "max_requests",
    "ip_rate_limit": "max_requests",
    "token_rate_limit": "max_tokens",
}
NEVER: Final = 10**12


def start(policy: Path, folder: Path, children: Children) -> tuple[list[Child], Side, Side]:
    """
    Start both, and wait until they answer.

    Raises:
        KeeptrustsError: One of them does not, with its last lines.
    """
    upstream, gateway = _free_ports()
    provider = children.start("mock-provider", ["bench", "--serve-upstream", str(upstream)], {})
    children.wait_until(lambda: _listens(upstream), "the mock provider listens", seconds=READY_S)
    overlay = folder / "layer.yaml"
    overlay.write_text(written(layer_for(policy, f"http://127.0.0.1:{upstream}")), encoding="utf-8")
    arguments = ["gateway", "run", "--listen", f"127.0.0.1:{gateway}", "--spool-dir", str(folder / "spool")]
    files = ["--policy-config", str(policy), "--policy-config", str(overlay)]
    # compiled patterns would stay in the user's cache folder
    process = children.start("gateway", [*arguments, *files, "--drain-seconds", "2"], {"KEEPTRUSTS_CACHE_DIR": ""})
    children.wait_until(lambda: answers(f"http://127.0.0.1:{gateway}", "/readyz"), "the gateway is ready",
                        seconds=READY_S)  # fmt: skip
    return [provider, process], Side("direct", "127.0.0.1", upstream), Side("gateway", "127.0.0.1", gateway)


def layer_for(policy: Path, url: str) -> dict[str, Any]:
    """
    What is laid on the policy.

    Its targets have their ids, but are all at this address, and none has a key. Limits are counted but never reached:
    what is refused by them would say nothing of what a request costs. This machine may call.
    """
    document = read_layer(policy.read_text(encoding="utf-8"), str(policy))
    declared = (document.get("providers") or {}).get("targets") or [{"id": "mock", "provider": "mock"}]
    layer: dict[str, Any] = {"providers": {"targets": [_stand_in(target, url) for target in declared]}}
    layer |= {name: {most: NEVER} for name, most in LIMITS.items() if document.get(name)}
    if allowed := document.get("ip_allowlist"):
        layer["ip_allowlist"] = {"cidrs": [*allowed["cidrs"], "127.0.0.0/8"]}
    return layer


def _stand_in(target: Mapping[str, Any], url: str) -> dict[str, Any]:
    said = spoken(target["provider"])
    provider = "openai-compatible" if said.provider in OUTSIDE else said.provider
    model = target.get("azure_deployment") or target.get("model") or said.model
    kept = {name: target[name] for name in KEPT if name in target}
    return {**kept, "provider": provider, "model": model, "base_url": url, "format": "openai"}


def _free_ports() -> tuple[int, int]:
    """Two that nobody listens at just now."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
