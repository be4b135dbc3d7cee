"""What kinds ask of the others in their chain. Looked at when every block by itself is right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from keeptrusts.policy.kind import Policy
from keeptrusts.policy.reading import Reader, join, join_all, locate
from keeptrusts.policy.source import Node


def check_neighbours(blocks: Mapping[str, Policy], chain: Sequence[str], root: Node, reader: Reader) -> None:
    """Write a finding for each thing that a kind misses beside it."""
    if not all(kind in blocks for kind in chain):
        return
    beside = {kind: blocks[kind] for kind in chain}
    for kind, block in beside.items():
        for fault in block.faults_beside(beside):
            _, spot = locate(root, ("policy", kind, *fault.keys))
            below, _ = locate(Node(None, root.spot), fault.keys)
            reader.fault(fault.code, join_all(join("policy", kind), below), spot, fault.message, fault.suggestion)
