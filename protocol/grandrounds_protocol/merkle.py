"""One signature over many wrapped keys: a Merkle tree, and the proof of one leaf (RFC 6962, 2.1).

The sender signs the root; whoever gets one leaf and its proof knows that the sender meant it.
"""

import hashlib
from collections.abc import Sequence

HASH_BYTES = 32
MAX_PROOF = 16
"""Hashes of a proof: enough for 65,536 leaves."""


def leaf_hash(data: bytes) -> bytes:
    """Hash of one leaf; leaves and nodes cannot be taken for each other."""
    return hashlib.sha256(b"\x00" + data).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def levels(leaves: Sequence[bytes]) -> list[list[bytes]]:
    """All levels of the tree, from the leaves' hashes to the root; what is left alone rises.

    Raises
    ------
    ValueError
        If there is no leaf.
    """
    if not leaves:
        raise ValueError("a tree needs a leaf")
    found = [list(leaves)]
    while len(found[-1]) > 1:
        below = found[-1]
        pairs = [_node(*below[at : at + 2]) for at in range(0, len(below) - 1, 2)]
        found.append(pairs + below[2 * len(pairs) :])
    return found


def proof(tree: Sequence[Sequence[bytes]], index: int) -> list[bytes]:
    """Hashes beside the way from leaf `index` to the root of what `levels` gave."""
    found = []
    for level in tree[:-1]:
        beside = index ^ 1
        if beside < len(level):
            found.append(level[beside])
        index //= 2
    return found


def root_of(leaf: bytes, index: int, count: int, beside: Sequence[bytes]) -> bytes:
    """Root of the tree of `count` leaves in which `leaf` stands at `index`.

    Raises
    ------
    ValueError
        If the proof is of another length than that place needs.

    Examples
    --------
    >>> hashes = [leaf_hash(bytes([i])) for i in range(5)]
    >>> tree = levels(hashes)
    >>> all(root_of(hashes[i], i, 5, proof(tree, i)) == tree[-1][0] for i in range(5))
    True
    """
    if not 0 <= index < count:
        raise ValueError("no such leaf")
    rest = list(beside)
    found = leaf
    while count > 1:
        if index ^ 1 < count:
            if not rest:
                raise ValueError("the proof is too short")
            other = rest.pop(0)
            found = _node(other, found) if index % 2 else _node(found, other)
        index, count = index // 2, (count + 1) // 2
    if rest:
        raise ValueError("the proof is too long")
    return found
