"""`bench scale`: the distill phase of one site on many rows."""

from grandrounds.bench.distill import RADII, measure_distill


def test_both_models_write_and_the_set_cover_only_leaves_out() -> None:
    notes: list[str] = []
    found = measure_distill(notes.append, rows=200)
    assert [(one.radius, one.apart) for one in found] == [
        *((radius, True) for radius in RADII),
        (0.0, False),
    ]
    assert found[0].kept == found[2].kept
    assert found[0].converged == found[2].converged
    for one in found:
        assert (one.rows, one.columns) == (200, 275)
        assert one.engines == {"tree": "exact", "mlp": "linear"}
        assert 0 < one.kept <= one.written
        assert one.converged is not None
        assert one.seconds > 0
        assert one.peak > 2**20
    assert len(notes) == 2 * len(found)
