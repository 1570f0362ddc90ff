"""Virtual rows on the wire. Hostile ones are in tests/vectors."""

import json
import struct
import tracemalloc

import numpy as np
import pytest

from grandrounds_protocol.errors import BadInstances
from grandrounds_protocol.instances import Bounds, VirtualInstances

BOUNDS = Bounds(columns=3, classes=2, teachers=2, rows=10)


def rows(n: int = 2) -> VirtualInstances:
    rng = np.random.default_rng(0)
    return VirtualInstances(
        rng.random((n, 3), np.float32), np.zeros(n, np.int32), np.ones(n, np.int32)
    )


def test_rows_come_through_bit_for_bit() -> None:
    sent = rows()
    read = VirtualInstances.from_bytes(sent.to_bytes(), BOUNDS)
    assert read.x.tobytes() == sent.x.tobytes()
    assert read.y.tolist() == [0, 0]
    assert read.teacher.tolist() == [1, 1]


def test_no_rows_come_through() -> None:
    assert len(VirtualInstances.from_bytes(VirtualInstances.empty(3).to_bytes(), BOUNDS)) == 0


def test_a_resent_row_counts_once_and_order_is_kept() -> None:
    one = rows(4)
    twice = VirtualInstances.concatenate([one, one], 3)
    assert twice.distinct().x.tolist() == one.x.tolist()


def test_the_same_row_with_another_class_is_another_row() -> None:
    one = rows(1)
    other = VirtualInstances(one.x, one.y + 1, one.teacher)
    assert len(VirtualInstances.concatenate([one, other], 3).distinct()) == 2


def declaring(rows: int, body: int) -> bytes:
    """Declare so many rows of three columns, and send `body` bytes."""
    sizes = {"x": ("F32", [rows, 3]), "y": ("I32", [rows]), "teacher": ("I32", [rows])}
    header: dict[str, object] = {}
    at = 0
    for name, (dtype, shape) in sizes.items():
        length = 4 * int(np.prod(shape))
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + length]}
        at += length
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(body)


@pytest.mark.parametrize("sent", ["none of them", "all of them"])
def test_ten_million_rows_stop_at_the_limit_with_memory_bounded(sent: str) -> None:
    rows = 10_000_000
    data = declaring(rows, body=0 if sent == "none of them" else 20 * rows)
    tracemalloc.start()
    try:
        with pytest.raises(BadInstances, match="10000000 rows, at most 10 are accepted"):
            VirtualInstances.from_bytes(data, BOUNDS)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_equal_rows_have_equal_digests_whoever_taught_them() -> None:
    x = np.array([[0.0, 0.5, 1], [-0.0, 0.5, 1], [0.0, 0.5, 1], [0.0, 0.5, 0.25]], np.float32)
    y, teacher = np.array([0, 0, 1, 0], np.int32), np.array([0, 1, 0, 0], np.int32)
    one, two, other_class, other_row = VirtualInstances(x, y, teacher).digests()
    assert one == two
    assert len({one, other_class, other_row}) == 3
