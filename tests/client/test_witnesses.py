"""What others say of one sender's rows: labels nobody stands for, patterns nobody else has."""

import numpy as np
import numpy.typing as npt

from grandrounds_client.arrays import Labels, Mask
from grandrounds_client.split import Examples
from grandrounds_client.witnesses import Witnesses, denied, lone_patterns

COLUMNS = np.arange(4, dtype=np.int64)


def rule(x: npt.NDArray[np.float32]) -> Labels:
    return (x[:, 0] + x[:, 1] > 1).astype(np.int32)


def sent(n: int = 200, seed: int = 0) -> Examples:
    x = np.random.default_rng(seed).random((n, 4), np.float32)
    return Examples(x, rule(x))


def witnesses(rows: Examples, models: int = 3, fewest: int = 10) -> Witnesses:
    return Witnesses(np.stack([rule(rows.x)] * models), sent(600, seed=1), fewest)


def flipped(rows: Examples, which: npt.NDArray[np.intp]) -> Examples:
    y = rows.y.copy()
    y[which] = 1 - y[which]
    return Examples(rows.x, y)


def lone(rows: Examples, among: Witnesses | None = None) -> Mask:
    return lone_patterns(rows, among or witnesses(rows), COLUMNS, 0)


def planted(rows: Examples, n: int = 60) -> Examples:
    """All rows, and n of class 1 once more with a pattern that no row has."""
    x = rows.x[rows.y == 1][:n].copy()
    x[:, 2:] = (1.0, 0.0)
    return Examples(np.concatenate([rows.x, x]), np.concatenate([rows.y, np.ones(n, np.int32)]))


def test_a_row_is_denied_where_no_model_gives_its_label() -> None:
    rows = flipped(sent(), np.arange(8))
    assert np.flatnonzero(denied(rows, witnesses(rows))).tolist() == list(range(8))


def test_one_model_that_agrees_saves_a_row() -> None:
    rows = flipped(sent(), np.arange(8))
    saved = witnesses(rows)
    saved.votes[1, 3] = rows.y[3]
    assert not denied(rows, saved)[3]


def test_a_model_that_denies_everything_costs_nobody_a_row() -> None:
    rows = sent()
    liar = witnesses(rows)
    liar.votes[0] = 1 - rows.y
    assert not denied(rows, liar).any()


def test_a_parcel_of_which_much_is_denied_is_not_believed_at_all() -> None:
    rows = flipped(sent(), np.arange(21))
    assert denied(rows, witnesses(rows)).all()
    rows = flipped(sent(), np.arange(20))
    assert denied(rows, witnesses(rows)).sum() == 20


def test_few_denied_rows_of_a_small_parcel_cost_themselves_only() -> None:
    rows = flipped(sent(20), np.arange(8))
    assert denied(rows, witnesses(rows)).sum() == 8


def test_whoever_alone_knows_a_class_may_teach_it() -> None:
    rows = planted(sent())
    new = np.arange(len(rows)) >= 200
    rows.y[new] = 2
    assert not denied(rows, witnesses(rows)).any()
    assert not lone(rows)[200:].any()


def test_honest_rows_show_no_pattern_of_their_own() -> None:
    assert lone(sent()).mean() < 0.02


def test_a_pattern_that_nobody_else_has_and_that_decides_the_class_is_found() -> None:
    rows = planted(sent())
    found = lone(rows)
    assert found[200:].all()
    assert found[:200].mean() < 0.02


def test_a_pattern_that_others_have_too_is_no_sign() -> None:
    rows = planted(sent())
    x = np.concatenate([witnesses(rows).rows.x, rows.x[200:]])
    others = Examples(x, rule(x))
    assert not lone(rows, Witnesses(np.zeros((3, len(rows)), np.intp), others, 10)).any()


def test_a_pattern_of_both_classes_decides_nothing() -> None:
    rows = planted(sent())
    rows.y[200::4] = 0
    assert not lone(rows)[200:].any()


def test_a_pattern_in_fewer_rows_than_tell_anything_is_left() -> None:
    assert not lone(planted(sent(), n=5))[200:].any()


def test_a_pattern_in_columns_that_the_site_does_not_have_is_nothing_to_it() -> None:
    rows = planted(sent())
    found = lone_patterns(rows, witnesses(rows), COLUMNS[:2], 0)
    assert not found[200:].all()


def test_a_feature_that_the_sender_does_not_have_is_no_pattern() -> None:
    x = sent().x
    x[:, 3] = 0
    rows = Examples(x[rule(x) == 1], rule(x)[rule(x) == 1])
    assert lone(rows).mean() < 0.1


def test_a_sender_that_is_alone_shows_no_pattern() -> None:
    rows = planted(sent())
    nobody = Witnesses(np.stack([rule(rows.x)] * 3), sent(0), 10)
    assert not lone(rows, nobody).any()
    assert not denied(flipped(rows, np.arange(100)), nobody).any()


def test_nothing_sent_is_nothing_found() -> None:
    assert len(lone(sent(0))) == 0
    assert len(denied(sent(0), witnesses(sent(0)))) == 0
