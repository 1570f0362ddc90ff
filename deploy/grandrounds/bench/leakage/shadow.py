"""An attack learned on shadow runs: the attacker knows the recipe, and runs it itself.

It is a strong attacker: it has the site's whole file, and does not know which half of it
was trained on. In each shadow run the file is split anew, so it sees every row both as a
member and as another (Carlini et al., "Membership Inference Attacks From First
Principles", 2022). No shadow run shares its seed with a run that is attacked.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import ExtraTreesClassifier

from grandrounds.bench.leakage.features import Features
from grandrounds.privacy.membership import Scores
from grandrounds.privacy.parts import HELD_OUT, NEITHER, TRAINED

TREES = 200
LEAF = 5
LEAST = 4
"""Shadow runs below which nothing is learned."""


@dataclass(frozen=True)
class Shadows:
    """S shadow runs of one site of N rows.

    Attributes
    ----------
    features : float64 [S, N, F]
    parts : int8 [S, N]
        What became of each row.
    """

    features: npt.NDArray[np.float64]
    parts: npt.NDArray[np.int8]

    @property
    def enough(self) -> bool:
        """Whether there is something to learn from."""
        return len(self.parts) >= LEAST


@dataclass(frozen=True)
class Attack:
    """A forest that knows how features look, and how each row's look where it is held out."""

    shadows: Shadows
    forest: ExtraTreesClassifier

    def scores(self, features: Features) -> Scores:
        """Score all rows of the site, float64 [N, F], in a run that is attacked."""
        usual = _usual(self.shadows.features, self.shadows.parts == HELD_OUT)
        found = self.forest.predict_proba(_beside(features, usual))
        scores: Scores = found[:, 1]
        return scores


def learn(shadows: Shadows, seed: int) -> Attack:
    """Learn to tell members in shadow runs; only to be asked where there are enough."""
    seen = [_shown(shadows, at) for at in range(len(shadows.parts))]
    part = np.concatenate(list(shadows.parts))
    known = part != NEITHER
    forest = ExtraTreesClassifier(
        TREES, min_samples_leaf=LEAF, class_weight="balanced", random_state=seed
    )
    forest.fit(np.concatenate(seen)[known], part[known] == TRAINED)
    return Attack(shadows, forest)


def _shown(shadows: Shadows, at: int) -> Features:
    """One shadow run's features, beside what the other shadow runs show of each row."""
    others = np.arange(len(shadows.parts)) != at
    out = (shadows.parts == HELD_OUT) & others[:, None]
    return _beside(shadows.features[at], _usual(shadows.features, out))


def _usual(features: npt.NDArray[np.float64], out: npt.NDArray[np.bool_]) -> Features:
    """Mean of each row's features over the runs that held it out; over all rows where none did."""
    counts = out.sum(axis=0)[:, None]
    sums = (features * out[:, :, None]).sum(axis=0)
    overall = sums.sum(axis=0) / max(1, int(counts.sum()))
    usual: Features = np.where(counts > 0, sums / np.maximum(counts, 1), overall)
    return usual


def _beside(features: Features, usual: Features) -> Features:
    return np.concatenate([features, features - usual], axis=1)
