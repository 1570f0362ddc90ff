"""What a cover costs is measured for every kind of rows, by every method that takes them."""

import tracemalloc

import pytest

from grandrounds.bench import cover
from grandrounds.bench.cover import measure_cover


def test_each_kind_and_radius_is_covered_by_both_methods_up_to_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cover, "LIMIT", 100)
    heard: list[str] = []
    found = measure_cover([90, 110], heard.append, [2.0, 300.0])
    assert len(heard) == len(found)
    assert {(each.kind, each.radius) for each in found} == {
        (kind, radius) for kind in ("apart", "clustered", "fractional") for radius in (2.0, 300.0)
    }
    for each in found:
        assert each.columns == 275
        assert each.memory > each.rows * each.columns
        assert (each.kept == 1) == (each.radius == 300)
    assert {each.method for each in found if each.rows == 90} == {"greedy", "net"}
    assert {each.method for each in found if each.rows == 110} == {"net"}
    assert not tracemalloc.is_tracing()


def test_rows_drawn_one_by_one_lie_apart_and_clustered_ones_do_not() -> None:
    kept = {each.kind: each.kept for each in measure_cover([200], lambda _: None, [4.0])}
    assert kept["apart"] == 200
    assert kept["clustered"] < 100
    assert kept["fractional"] < kept["clustered"]
