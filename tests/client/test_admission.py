"""What a student lets in: hostile parcels are refused by name, and nobody floods it."""

import numpy as np
import numpy.typing as npt
import pytest

from grandrounds_client.admission import Admitted, admit
from grandrounds_client.quota import within_quota
from grandrounds_protocol.instances import Bounds, VirtualInstances

BOUNDS = Bounds(columns=4, classes=3, teachers=3, rows=5000)
NOTHING = VirtualInstances.empty(4)


def rows(
    n: int, *, seed: int = 0, teacher: int = 0, y: npt.NDArray[np.int32] | None = None
) -> VirtualInstances:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n).astype(np.int32) if y is None else y
    return VirtualInstances(rng.random((n, 4), np.float32), labels, np.full(n, teacher, np.int32))


def admitted(
    *parcels: tuple[str, VirtualInstances | bytes],
    known: VirtualInstances = NOTHING,
    quota: int = 1000,
) -> Admitted:
    sent = [
        (sender, part if isinstance(part, bytes) else part.to_bytes()) for sender, part in parcels
    ]
    rng = np.random.default_rng(0)
    return admit(sent, known, bounds=BOUNDS, quota=quota, rng=rng)


def joined(*parts: VirtualInstances) -> VirtualInstances:
    return VirtualInstances.concatenate(list(parts), 4)


def test_honest_rows_come_in_as_they_were_sent() -> None:
    one, two = rows(10, seed=1), rows(5, seed=2, teacher=1)
    found = admitted(("north", one), ("south", two))
    assert found.rows.x.tobytes() == joined(one, two).x.tobytes()
    assert found.rows.teacher.tolist() == [0] * 10 + [1] * 5
    assert found.received == {"north": 10, "south": 5}
    assert found.refused == {}


def test_no_parcels_bring_in_nothing() -> None:
    assert len(admitted().rows) == 0


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -0.01, 1.01])
def test_a_parcel_with_one_number_out_of_range_is_refused_and_the_others_count(
    value: float,
) -> None:
    bad = rows(10)
    bad.x[7, 3] = value
    found = admitted(("hostile", bad), ("north", rows(5)))
    assert found.refused == {"hostile": {"BadInstances": 1}}
    assert len(found.rows) == 5


def test_an_unknown_label_or_teacher_and_a_wrong_width_are_refused() -> None:
    label, teacher = rows(3), rows(3)
    label.y[0] = 3
    teacher.teacher[0] = -1
    narrow = VirtualInstances(label.x[:, :3], rows(3).y, rows(3).teacher)
    found = admitted(("one", label), ("two", teacher), ("three", narrow), ("four", b"\x80\x04"))
    assert found.refused == {name: {"BadInstances": 1} for name in ("one", "two", "three", "four")}
    assert found.received == {}


def test_columns_the_student_lacks_and_fractions_of_a_category_may_be_anything_in_range() -> None:
    sent = rows(3)
    sent.x[0] = [0.3, 0.3, 0.4, 1]
    found = admitted(("north", sent))
    assert found.rows.x.tobytes() == sent.x.tobytes()


def test_a_flood_of_one_sender_is_cut_to_its_quota_and_reported() -> None:
    flood = rows(5000, seed=1)
    found = admitted(("hostile", flood), ("north", rows(20, seed=2)), quota=60)
    assert found.refused == {"hostile": {"quota": 4940}}
    assert len(found.rows) == 80


def test_a_sender_cannot_use_up_what_others_send_of_the_same_teacher() -> None:
    honest = rows(50, seed=2)
    found = admitted(("hostile", rows(5000, seed=1)), ("north", honest), quota=50)
    assert {digest in found.rows.digests() for digest in honest.digests()} == {True}
    assert "north" not in found.refused


def test_a_sender_cannot_crowd_one_teacher_out_by_another() -> None:
    many, few = rows(4000, seed=1), rows(30, seed=2, teacher=2)
    found = admitted(("hostile", joined(many, few)), quota=40)
    assert np.bincount(found.rows.teacher).tolist() == [40, 0, 30]


def test_what_is_kept_does_not_go_by_the_order_of_sending() -> None:
    y = np.repeat(np.arange(3, dtype=np.int32), 300)
    found = admitted(("north", rows(900, y=y)), quota=90)
    assert np.bincount(found.rows.y).tolist() == [30, 30, 30]
    places = np.flatnonzero(np.isin(rows(900, y=y).digests(), found.rows.digests()))
    assert places.max() > 800
    assert (places % 300).mean() == pytest.approx(150, abs=40)


def test_a_copy_of_anothers_rows_cannot_take_them_along_over_the_quota() -> None:
    honest = rows(40, seed=2)
    copied = joined(honest, rows(4000, seed=1))
    found = admitted(("hostile", copied), ("north", honest), quota=40)
    assert set(honest.digests()) <= set(found.rows.digests())


def test_repeated_rows_count_once_within_a_parcel_across_senders_and_against_known() -> None:
    known, new = rows(4, seed=1), rows(6, seed=2)
    found = admitted(
        ("north", joined(known, new, new)), ("south", joined(new, rows(1, seed=3))), known=known
    )
    assert found.rows.x.tobytes() == joined(new, rows(1, seed=3)).x.tobytes()
    assert found.refused == {"north": {"duplicate": 10}, "south": {"duplicate": 6}}


def test_known_rows_do_not_use_up_the_quota_of_new_ones() -> None:
    known, new = rows(100, seed=1), rows(10, seed=2)
    found = admitted(("north", joined(known, new)), known=known, quota=10)
    assert sorted(found.rows.digests()) == sorted(new.digests())


def test_minus_zero_makes_no_second_row() -> None:
    x = np.array([[0, 0.5, 0.5, 1], [-0.0, 0.5, 0.5, 1]], np.float32)
    found = admitted(("north", VirtualInstances(x, np.zeros(2, np.int32), np.zeros(2, np.int32))))
    assert found.refused == {"north": {"duplicate": 1}}


def test_the_same_generator_admits_the_same() -> None:
    one, two = (admitted(("north", rows(900)), quota=90) for _ in "ab")
    assert one.rows.x.tobytes() == two.rows.x.tobytes()


@pytest.mark.parametrize(
    ("counts", "quota", "kept"),
    [([5, 5], 4, [2, 2]), ([1, 9, 9], 7, [1, 3, 3]), ([3, 0, 1], 10, [3, 0, 1]), ([4, 4], 0, [])],
)
def test_a_quota_is_levelled_over_classes(counts: list[int], quota: int, kept: list[int]) -> None:
    y = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    chosen = y[within_quota(y, quota, np.random.default_rng(0))]
    assert np.bincount(chosen, minlength=len(kept)).tolist() == kept
