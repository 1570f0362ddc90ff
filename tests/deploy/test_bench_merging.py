"""`bench merging`: what merging small leaves costs on the heart example."""

from grandrounds.bench.merging import Trees, measure_merging, table


def test_large_leaves_cost_nothing_and_small_ones_are_merged() -> None:
    notes: list[str] = []
    learners = {
        "leaf 10": Trees("tree", {"min_leaf": 10}),
        "leaf 1": Trees("tree", {"min_leaf": 1}),
        "taught": Trees("tree", {"min_leaf": 10}, taught=True),
    }
    large, small, taught = measure_merging(notes.append, seeds=1, learners=learners)
    assert large.models == small.models == 4
    assert large.left == large.leaves
    assert large.accuracy.change == large.balanced_accuracy.change == (0, 0, 0)
    assert 1 <= small.left < small.leaves
    for scored in (small.accuracy, small.balanced_accuracy):
        for low, middle, high in (scored.before, scored.after):
            assert 0 <= low <= middle <= high <= 1
    assert taught.left < taught.leaves
    assert len(notes) == 3
    assert table([large, small, taught]).count("\n") == 4
