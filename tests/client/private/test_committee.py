"""Labels by committee."""

import numpy as np

from grandrounds_client.private import committee

SAYS = np.array(
    [
        [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]],
        [[0.7, 0.3], [0.4, 0.6], [0.3, 0.7]],
    ],
    np.float32,
)


def test_the_mean_of_all_models_labels_what_it_is_sure_of() -> None:
    found = committee(SAYS, sure=0.65)
    assert found.rows.tolist() == [0, 1]
    assert found.y.tolist() == [0, 1]
    assert found.y.dtype == np.int32


def test_a_higher_bar_keeps_fewer_rows_and_perhaps_none() -> None:
    assert committee(SAYS, sure=0.75).rows.tolist() == [0]
    assert committee(SAYS, sure=0.9).rows.tolist() == []
