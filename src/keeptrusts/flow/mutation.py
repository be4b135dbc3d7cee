"""Which tests notice when a policy is changed in one thing: a rule dropped, a threshold moved, a kind left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from keeptrusts.flow.trials import WHOLE, try_case
from keeptrusts.policy.analysis import Analysis
from keeptrusts.policy.cases import Case
from keeptrusts.policy.compiled import CompiledPolicy
from keeptrusts.policy.kind import Policy
from keeptrusts.policy.mutants import mutants
from keeptrusts.policy.source import Node

MOST: Final = 1_000
"""Changes that are tried; a document with more rules is judged by the first of them."""


@dataclass(frozen=True, slots=True)
class Change:
    """
    A document changed in one thing.

    Args:
        path: Where: dotted, with indices.
        rule: It is an item of a list or a mapping that was dropped.
    """

    path: str
    words: str
    chain: tuple[Policy, ...]
    rule: bool = False


@dataclass(frozen=True, slots=True)
class Noticed:
    """A change, and the names of the cases that fail with it and pass without."""

    change: Change
    by: tuple[str, ...]


def changes(analysis: Analysis) -> Iterator[Change]:
    """Each kind left out, and each thing that the document itself says dropped or made more lenient."""
    chain = tuple(analysis.blocks[kind] for kind in analysis.chain)
    for index, policy in enumerate(chain):
        if policy.records_only:
            continue
        before, after = chain[:index], chain[index + 1 :]
        if len(chain) > 1:
            yield Change("policies.chain", f"`{policy.kind}` dropped", (*before, *after))
        written = _block(analysis.root, policy.kind)
        for mutant in mutants(policy):
            if written is not None and _says(written, mutant.keys):
                rule = mutant.change.endswith("dropped")
                path = f"policy.{policy.kind}{_path(mutant.keys)}"
                yield Change(path, mutant.change, (*before, mutant.block, *after), rule)


def notice(policy: CompiledPolicy, change: Change, cases: Sequence[Case]) -> Noticed:
    """Hold cases that pass against the changed policy."""
    changed = replace(policy, chain=policy.chain.with_policies(change.chain))
    return Noticed(change, tuple(case.name for case in cases if not try_case(changed, case, (WHOLE,)).passed))


def _block(root: Node | None, kind: str) -> Node | None:
    node: Node | None = root
    for key in ("policy", kind):
        node = node.value.get(key) if node is not None and isinstance(node.value, Mapping) else None
    return node


def _says(node: Node, keys: Sequence[str | int]) -> bool:
    """Whether the document has this key, or list, itself."""
    for key in keys:
        if isinstance(key, int) or not isinstance(node.value, Mapping):
            return True
        if key not in node.value:
            return False
        node = node.value[key]
    return True


def _path(keys: Sequence[str | int]) -> str:
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)
