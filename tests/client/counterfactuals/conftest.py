"""Teachers of every kind, trained once."""

import numpy as np
import pytest

from grandrounds_client.arrays import Labels, Rows
from grandrounds_client.teacher import Teacher
from grandrounds_protocol.layout import Layout
from tests.client.counterfactuals.toy_teachers import (
    NAMES,
    draw_labels,
    draw_rows,
    features,
    make_teacher,
)


@pytest.fixture(scope="session")
def layout() -> Layout:
    return Layout(features())


@pytest.fixture(scope="session")
def rows(layout: Layout) -> Rows:
    return draw_rows(layout, 400, np.random.default_rng(1))


@pytest.fixture(scope="session")
def labels(rows: Rows) -> Labels:
    return draw_labels(rows, np.random.default_rng(2))


@pytest.fixture(scope="session")
def teachers(rows: Rows, labels: Labels) -> dict[str, Teacher]:
    """Every kind of teacher, trained on the first 300 rows."""
    return {name: make_teacher(name, rows[:300], labels[:300]) for name in NAMES}


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)
