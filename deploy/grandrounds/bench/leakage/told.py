"""How well one attack told members from others, over several runs, and what chance would tell."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from grandrounds.privacy.membership import Scores, auc, fold, found_at
from grandrounds_client.arrays import Labels, Mask

DRAWS = 200
"""Bootstrap samples, and memberships drawn at random."""


@dataclass(frozen=True)
class Trial:
    """One attack on one run.

    Attributes
    ----------
    scores : float64 [n]
    member : bool [n]
    y : int32 [n]
        Classes: the split levels them, so a random membership must, too.
    """

    scores: Scores
    member: Mask
    y: Labels


@dataclass(frozen=True)
class Told:
    """One attack on one site over some runs.

    An attack has one direction for all runs: the one in which it is right more often than
    wrong, by the median over runs. Folding each run by itself would report noise.

    Attributes
    ----------
    auc : float
        max(m, 1 - m), m being the median over runs of the AUC.
    low, high : float
        95 % interval in that direction: runs are drawn with replacement, and members and
        others within them.
    found : float
        Median over runs of the share of members found where at most 1 % of the others is
        taken for one, in that direction.
    chance : float
        What `auc` comes to, by the median, if membership is drawn at random within classes.
    chance_high : float
        And in 95 of 100 such draws at most.
    runs : list of float
        AUC of each run, unfolded.
    """

    auc: float
    low: float
    high: float
    found: float
    chance: float
    chance_high: float
    runs: list[float]


def told(trials: Sequence[Trial], rng: np.random.Generator) -> Told | None:
    """Sum up an attack's trials; None where none of them has members and others."""
    trials = [trial for trial in trials if trial.member.any() and not trial.member.all()]
    if not trials:
        return None
    runs = [_auc(trial.scores, trial.member) for trial in trials]
    sign = 1 if median(runs) >= 0.5 else -1
    drawn = _bootstrap(trials, rng)
    drawn = drawn if sign > 0 else 1 - drawn
    chance = _by_chance(trials, rng)
    found = [found_at(sign * trial.scores, trial.member) for trial in trials]
    return Told(
        auc=fold(median(runs)),
        low=float(np.quantile(drawn, 0.025)),
        high=float(np.quantile(drawn, 0.975)),
        found=median(share for share in found if share is not None),
        chance=float(np.median(chance)),
        chance_high=float(np.quantile(chance, 0.95)),
        runs=runs,
    )


def _auc(scores: Scores, member: Mask) -> float:
    found = auc(scores, member)
    return 0.5 if found is None else found


def _bootstrap(trials: Sequence[Trial], rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Median AUC for each of DRAWS draws of runs, and of members and others within them."""
    runs = np.stack([_resampled(trial, rng) for trial in trials])
    chosen = rng.integers(0, len(trials), runs.shape)
    middle: npt.NDArray[np.float64] = np.median(np.take_along_axis(runs, chosen, axis=0), axis=0)
    return middle


def _resampled(trial: Trial, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    inside, outside = trial.scores[trial.member], trial.scores[~trial.member]
    # how often each member is above each other: a draw only weighs these
    above = (inside[:, None] > outside) + 0.5 * (inside[:, None] == outside)
    times_in = _times(len(inside), rng)
    times_out = _times(len(outside), rng)
    found: npt.NDArray[np.float64] = (times_in @ above * times_out).sum(axis=1) / above.size
    return found


def _times(count: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """How often each of `count` is drawn, with replacement, int64 [DRAWS, count]."""
    return rng.multinomial(count, np.full(count, 1 / count), DRAWS)


def _by_chance(trials: Sequence[Trial], rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Folded median AUC for each of DRAWS random memberships, the scores being the same."""
    runs = np.stack([_random_aucs(trial, rng) for trial in trials])
    middle = np.median(runs, axis=0)
    folded: npt.NDArray[np.float64] = np.maximum(middle, 1 - middle)
    return folded


def _random_aucs(trial: Trial, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    ranks = rankdata(trial.scores)
    inside, outside = int(trial.member.sum()), int((~trial.member).sum())
    member = np.repeat(trial.member[None], DRAWS, axis=0)
    for label in np.unique(trial.y):
        rows = np.flatnonzero(trial.y == label)
        member[:, rows] = rng.permuted(member[:, rows], axis=1)
    sums = member @ ranks - inside * (inside + 1) / 2
    found: npt.NDArray[np.float64] = sums / (inside * outside)
    return found
