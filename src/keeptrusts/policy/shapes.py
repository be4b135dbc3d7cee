"""
Other shapes that a document may come in.

Older ones are refused by name; single-policy ones are read as a chain of one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from keeptrusts.policy.findings import Finding
from keeptrusts.policy.registry import ALIASES
from keeptrusts.policy.schema import keys_of
from keeptrusts.policy.sections import Document
from keeptrusts.policy.source import Node

SINGLE: Final[Mapping[str, frozenset[str]]] = {
    "prompt-injection": frozenset(
        {"embedding_threshold", "backend", "attack_patterns", "detection", "encoding", "boundaries", "response"}
    ),
    "agent-firewall": frozenset(
        {"allowed_tools", "blocked_tools", "max_actions_per_session", "tools", "rate_limits", "transaction_limits"}
        | {"kill_switches", "monitoring"}
    ),
    "citation-verifier": frozenset(
        {"require_sources", "require_source_match", "min_confidence", "min_groundedness", "extract_patterns"}
        | {"output_action", "response"}
    ),
    "quality-scorer": frozenset(
        {"min_output_chars", "min_sentences", "mock_scoring", "benchmarks", "assertions", "thresholds", "weights"}
        | {"pass_policy", "failure_action"}
    ),
}
"""Kinds that may stand alone in a document, and the sections by which they are told."""

_HEADER = frozenset({"name", "version", "enabled"})
_NEW = (
    "try `kt policy convert`, or write `pack:` with `name`, `version`, `enabled`, "
    "then `policies.chain` and `policy.<kind>`"
)


def older_shape(root: Node) -> Finding | None:
    """One finding that says which older shape this is and what to write instead."""
    members = root.value
    if not isinstance(members, Mapping):
        return None
    policies = members.get("policies")
    if policies is not None and isinstance(policies.value, tuple):
        message = "an older shape: `policies` is a list of rules"
        return _older("policies", root, message, f"name the kinds in `policies.chain`; {_NEW}")
    for name in ("input_policies", "output_policies"):
        if name in members:
            message = f"an older shape: `{name}` lists the policies of one direction"
            return _older(name, root, message, f"one `policies.chain` serves both directions; {_NEW}")
    gateway = members.get("gateway")
    if gateway is not None and isinstance(gateway.value, Mapping):
        message = "an older shape: `gateway` sets where the gateway listens"
        rest = "remove it here, or try `kt policy convert`" if "pack" in members else _NEW
        return _older("gateway", root, message, f"use `kt gateway run --listen HOST:PORT`; {rest}")
    return None


def _older(key: str, root: Node, message: str, suggestion: str) -> Finding:
    return Finding("E010", key, *root.keys[key], message, suggestion)


def is_single(root: Node) -> bool:
    """`policy: {name, version, enabled}` and no pack: the document of one kind."""
    members = root.value
    if not isinstance(members, Mapping) or "pack" in members or "policies" in members:
        return False
    header = members.get("policy")
    return header is not None and isinstance(header.value, Mapping) and not _HEADER.isdisjoint(header.value)


def single_kind(root: Node) -> str | None:
    """Which kind a single-policy document is of: by its name, else by its sections."""
    members = root.value
    assert isinstance(members, Mapping)
    header = members["policy"].value
    assert isinstance(header, Mapping)
    name = header["name"].value if "name" in header else None
    if isinstance(name, str) and name in SINGLE:
        return name
    found = {kind: len(sections & members.keys()) for kind, sections in SINGLE.items()}
    best = max(found, key=lambda kind: found[kind])
    return best if found[best] else None


def top_keys(root: Node) -> list[str]:
    """The top-level keys that may stand in a document of this shape."""
    usual = [name for name in keys_of(Document) if name not in {"pack", "policies"}]
    if is_single(root):
        kind = single_kind(root)
        return ["policy", *(sorted(SINGLE[kind]) if kind else ()), *usual]
    return ["pack", "policies", "policy", *usual]


def as_pack(root: Node, kind: str) -> Node:
    """The single-policy document in the usual shape; every value keeps its place."""
    members, keys = root.value, root.keys
    assert isinstance(members, Mapping)
    own = {name: node for name, node in members.items() if name in SINGLE[kind]}
    rest = {name: node for name, node in members.items() if name not in own and name != "policy"}
    header = members["policy"]
    block = Node(own, header.spot, keys)
    chain = Node({"chain": Node((Node(kind, header.spot),), header.spot)}, header.spot, {"chain": header.spot})
    policy = Node({kind: block}, header.spot, {kind: header.spot})
    spots = dict(keys) | {"pack": keys["policy"], "policies": keys["policy"]}
    return Node(rest | {"pack": header, "policies": chain, "policy": policy}, root.spot, spots)


def as_written(finding: Finding, chain: Sequence[str]) -> Finding:
    """The finding with the path that its author sees in a single-policy document."""
    head, dot, rest = finding.path.partition(".")
    for kind in chain:
        below = finding.path.removeprefix(f"policy.{kind}")
        if below != finding.path:
            return replace(finding, path=below.removeprefix(".") or "policy")
    return replace(finding, path=f"policy{dot}{rest}") if head == "pack" else finding


def without_aliases(root: Node) -> Node:
    """The document with each kind under its own name. A second block of a kind stays under the alias, as unknown."""
    members = root.value
    if not isinstance(members, Mapping):
        return root
    new = dict(members)
    if "policy" in members:
        new["policy"] = _renamed(members["policy"])
    policies = members.get("policies")
    if policies is not None and isinstance(policies.value, Mapping):
        inside = {name: _renamed(node) if name == "rollout" else node for name, node in policies.value.items()}
        if "chain" in inside:
            inside["chain"] = _renamed_items(inside["chain"])
        new["policies"] = replace(policies, value=inside)
    return replace(root, value=new)


def _renamed(node: Node) -> Node:
    if not isinstance(node.value, Mapping):
        return node
    names = {name: ALIASES.get(name, name) for name in node.value}
    own = {name: name if names[name] in node.value else names[name] for name in names}
    values = {own[name]: value for name, value in node.value.items()}
    return replace(node, value=values, keys={own.get(name, name): spot for name, spot in node.keys.items()})


def _renamed_items(node: Node) -> Node:
    if not isinstance(node.value, tuple):
        return node
    items = (
        replace(one, value=ALIASES.get(one.value, one.value)) if isinstance(one.value, str) else one
        for one in node.value
    )
    return replace(node, value=tuple(items))
