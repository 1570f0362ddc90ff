"""DiCE as a further rival, where it is installed; this package does not ask for it.

DiCE flips the class and knows no y', so its converged share is not comparable; its time,
distance and number of changed columns are. Every column is given to it as a number.
"""

import importlib
import sys
from contextlib import redirect_stdout
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt

from grandrounds.bench.pairs import Pairs
from grandrounds.bench.setting import SEED
from grandrounds_client.arrays import Probabilities, Rows
from grandrounds_client.teacher import Teacher


def installed() -> bool:
    """Whether DiCE, and what it needs, can be imported."""
    return find_spec("dice_ml") is not None and find_spec("pandas") is not None


class Dice:
    """DiCE's random method, which needs nothing but the teacher's answers.

    Parameters
    ----------
    teacher : Teacher
    pairs : Pairs
        The seeds tell DiCE each column's range and spread.
    """

    def __init__(self, teacher: Teacher, pairs: Pairs) -> None:
        dice: Any = importlib.import_module("dice_ml")
        self._pandas: Any = importlib.import_module("pandas")
        self._names = [f"c{column}" for column in range(pairs.x.shape[1])]
        known = self._frame(pairs.x)
        known["y"] = teacher.predict_proba(pairs.x).argmax(axis=1)
        data = dice.Data(dataframe=known, continuous_features=self._names, outcome_name="y")
        model = dice.Model(model=_Classifier(teacher), backend="sklearn")
        self._dice: Any = dice.Dice(data, model, method="random")

    def __call__(self, seed: Rows, label: int) -> Rows:
        """Return one counterfactual of one row, or the row where DiCE finds none."""
        try:
            # stdout is the report's
            with redirect_stdout(sys.stderr):
                found = self._dice.generate_counterfactuals(
                    self._frame(seed),
                    total_CFs=1,
                    desired_class=label,
                    random_seed=SEED,
                    verbose=False,
                )
            frame = found.cf_examples_list[0].final_cfs_df
            values: Rows = frame[self._names].to_numpy(dtype=np.float32)[:1]
        except Exception:  # noqa: BLE001 - its own exception for "none found", and others
            return seed
        return np.clip(values, 0, 1)

    def _frame(self, x: Rows) -> Any:
        return self._pandas.DataFrame(np.asarray(x, float), columns=self._names)


class _Classifier:
    """What DiCE asks of a scikit-learn model."""

    def __init__(self, teacher: Teacher) -> None:
        self._teacher = teacher
        self.classes_ = np.arange(teacher.classes)

    def predict_proba(self, frame: Any) -> Probabilities:
        """Return float32 [N, C] for a data frame."""
        return self._teacher.predict_proba(np.asarray(frame, dtype=np.float32))

    def predict(self, frame: Any) -> npt.NDArray[np.intp]:
        """Return int [N]."""
        return np.asarray(self.predict_proba(frame).argmax(axis=1))
