"""A house of made patients, and teachers of them."""

from dataclasses import dataclass

import numpy as np
import pytest

from grandrounds_client.arrays import Labels, Rows
from grandrounds_client.gate import House
from grandrounds_client.teacher import Teacher
from grandrounds_protocol.layout import Layout
from tests.client.counterfactuals.toy_teachers import (
    draw_labels,
    draw_rows,
    features,
    make_teacher,
)


@dataclass(frozen=True)
class Patients:
    layout: Layout
    train: Rows
    y: Labels
    validation: Rows

    def house(self, columns: list[int] | None = None) -> House:
        chosen = np.arange(self.layout.width) if columns is None else np.array(columns)
        present = np.isin(np.arange(self.layout.width), chosen)
        return House(self.train * present, self.validation * present, chosen, self.layout)


@pytest.fixture(scope="session")
def patients() -> Patients:
    rng = np.random.default_rng(5)
    layout = Layout(features())
    x = draw_rows(layout, 300, rng)
    return Patients(layout, x[:200], draw_labels(x, rng)[:200], x[200:])


@pytest.fixture(scope="session")
def tree(patients: Patients) -> Teacher:
    return make_teacher("tree", patients.train, patients.y)


@pytest.fixture(scope="session")
def logistic(patients: Patients) -> Teacher:
    return make_teacher("logistic", patients.train, patients.y)
