"""`bench scale`: the distill phase of one site on many rows."""

from grandrounds.bench.distill import RADII, measure_distill


def test_both_models_write_and_the_set_cover_only_leaves_out() -> None:
    notes: list[str] = []
    found = measure_distill(notes.append, rows=200)
    assert [one.radius for one in found] == list(RADII)
    for one in found:
        assert (one.rows, one.columns) == (200, 275)
        assert one.engines == {"tree": "exact", "mlp": "linear"}
        assert 0 < one.kept <= one.written
        assert one.converged is not None
        assert one.seconds > 0
        assert one.peak > 2**20
    assert len(notes) == 2 * len(RADII)
