"""Trees of every small size, and proofs for each of their leaves."""

from __future__ import annotations

import hashlib

import pytest

from keeptrusts.trail.merkle import EMPTY, leaf_hash, proof, root, root_of_proof


def recursive(leaves: list[bytes]) -> bytes:
    """As RFC 6962, 2.1, says it: split at the largest power of two below the size."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + recursive(leaves[:split]) + recursive(leaves[split:])).digest()


@pytest.mark.parametrize("size", range(1, 66))
def test_root_and_proofs(size: int) -> None:
    """The root is the RFC's, every leaf has a path to it, and no other leaf or place has the same."""
    leaves = [leaf_hash(bytes([number])) for number in range(size)]
    whole = root(leaves)
    assert whole == recursive(leaves)
    for index, leaf in enumerate(leaves):
        path = proof(leaves, index)
        assert root_of_proof(leaf, index, size, path) == whole
        assert root_of_proof(leaf_hash(b"other"), index, size, path) != whole
        assert root_of_proof(leaf, size, size, path) is None
        assert root_of_proof(leaf, index, size, [*path, whole]) is None
        if path:
            assert root_of_proof(leaf, index, size, path[:-1]) is None


def test_nothing_has_a_root() -> None:
    """That of the empty text."""
    assert root([]) == EMPTY == hashlib.sha256(b"").digest()
