"""Merkle trees as in RFC 6962, section 2.1: a root over many leaves, and proofs that a leaf is among them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

EMPTY: Final = hashlib.sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """Of one leaf; the prefix keeps a leaf from posing as a node."""
    return hashlib.sha256(b"\x00" + data).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """Of the tree over these leaf hashes, in their order."""
    if not leaves:
        return EMPTY
    level = list(leaves)
    while len(level) > 1:
        # a last one without a partner goes up as it is, which is the tree of the RFC
        paired = [_node(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
        level = paired + level[len(paired) * 2 :]
    return level[0]


def proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The audit path of a leaf, from its own level up."""
    path = []
    level, at = list(leaves), index
    while len(level) > 1:
        partner = at ^ 1
        if partner < len(level):
            path.append(level[partner])
        paired = [_node(level[one], level[one + 1]) for one in range(0, len(level) - 1, 2)]
        level = paired + level[len(paired) * 2 :]
        at //= 2
    return path


def root_of_proof(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """The root that this path leads to; None when it does not fit a tree of `size` leaves."""
    if not 0 <= index < size:
        return None
    found, at, last = leaf, index, size - 1
    left = list(path)
    while last > 0:
        if at % 2 == 1 or at < last:
            if not left:
                return None
            partner = left.pop(0)
            found = _node(partner, found) if at % 2 == 1 else _node(found, partner)
        at //= 2
        last //= 2
    return None if left else found


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()
