"""Merkle trees: one leaf, one place, one proof."""

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grandrounds_protocol.envelope.core import MAX_RECIPIENTS
from grandrounds_protocol.merkle import MAX_PROOF, leaf_hash, levels, proof, root_of

COUNTS = st.integers(1, 300)


def leaves(count: int) -> list[bytes]:
    return [leaf_hash(number.to_bytes(4, "big")) for number in range(count)]


def rfc_6962(hashes: Sequence[bytes]) -> bytes:
    """Root by the definition of RFC 6962, 2.1."""
    if len(hashes) == 1:
        return hashes[0]
    split = 1 << (len(hashes) - 1).bit_length() - 1
    left, right = rfc_6962(hashes[:split]), rfc_6962(hashes[split:])
    return hashlib.sha256(b"\x01" + left + right).digest()


@pytest.mark.parametrize("count", [*range(1, 70), 1000])
def test_the_tree_is_that_of_rfc_6962_and_every_leaf_has_its_proof(count: int) -> None:
    hashes = leaves(count)
    tree = levels(hashes)
    assert tree[-1] == [rfc_6962(hashes)]
    for index in range(count):
        assert root_of(hashes[index], index, count, proof(tree, index)) == tree[-1][0]


def test_known_roots() -> None:
    # RFC 6962's own vectors, from certificate-transparency-go
    inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657"]
    hashes = [leaf_hash(bytes.fromhex(text)) for text in inputs]
    assert [levels(hashes[:count])[-1][0].hex()[:16] for count in (1, 2, 3, 7)] == [
        "6e340b9cffb37a98",
        "fac54203e7cc696c",
        "aeb6bcfe274b70a1",
        "ddb89be403809e32",
    ]


@settings(deadline=None)
@given(COUNTS, st.data())
def test_a_leaf_stands_at_its_own_place_only(count: int, data: st.DataObject) -> None:
    hashes = leaves(count)
    tree = levels(hashes)
    index = data.draw(st.integers(0, count - 1))
    beside = proof(tree, index)
    for other in {data.draw(st.integers(0, count - 1)) for _ in range(10)} - {index}:
        assert not holds(hashes[index], other, count, beside, tree[-1][0])
        assert not holds(hashes[other], index, count, beside, tree[-1][0])


@settings(deadline=None)
@given(COUNTS, st.data())
def test_a_changed_proof_does_not_hold(count: int, data: st.DataObject) -> None:
    hashes = leaves(count)
    tree = levels(hashes)
    index = data.draw(st.integers(0, count - 1))
    beside = proof(tree, index)
    bad = [beside[1:], beside[:-1], [*beside, bytes(32)], [*beside, tree[-1][0]], beside[::-1]]
    for changed in bad:
        if changed != beside:
            assert not holds(hashes[index], index, count, changed, tree[-1][0])
    for at in range(len(beside)):
        flipped = [*beside[:at], bytes([beside[at][0] ^ 1]) + beside[at][1:], *beside[at + 1 :]]
        assert not holds(hashes[index], index, count, flipped, tree[-1][0])


def holds(leaf: bytes, index: int, count: int, beside: Sequence[bytes], root: bytes) -> bool:
    try:
        return root_of(leaf, index, count, beside) == root
    except ValueError:
        return False


def test_a_node_cannot_be_shown_as_a_leaf() -> None:
    """The second preimage of trees without separate prefixes."""
    left, right, *_ = hashes = leaves(4)
    tree = levels(hashes)
    node = tree[1][0]
    assert leaf_hash(left + right) != node
    assert leaf_hash(b"\x01" + left + right) != node
    assert root_of(node, 0, 2, [tree[1][1]]) == tree[-1][0]  # so the count is signed, too
    with pytest.raises(ValueError, match="too short"):
        root_of(node, 0, 4, [tree[1][1]])


@pytest.mark.parametrize(("index", "count"), [(-1, 3), (3, 3), (2**32, 3), (0, 0), (0, -1)])
def test_no_such_place(index: int, count: int) -> None:
    with pytest.raises(ValueError, match="no such leaf"):
        root_of(bytes(32), index, count, [])


def test_a_tree_needs_a_leaf() -> None:
    with pytest.raises(ValueError, match="needs a leaf"):
        levels([])


def test_the_proof_of_as_many_recipients_as_there_may_be_fits() -> None:
    assert len(proof(levels(leaves(MAX_RECIPIENTS)), 0)) <= MAX_PROOF
