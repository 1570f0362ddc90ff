"""One stratified split per site: train, validation, held-out.

Adoption sees validation rows; only reported metrics read held-out rows.
"""

from dataclasses import dataclass

import numpy as np

from grandrounds_client.arrays import Labels, Rows


@dataclass(frozen=True)
class Examples:
    """Rows with their classes: x float32 [N, D], y int32 [N]."""

    x: Rows
    y: Labels

    def __len__(self) -> int:
        return len(self.y)


@dataclass(frozen=True)
class Split:
    """A site's rows in three disjoint parts."""

    train: Examples
    validation: Examples
    held_out: Examples


def split(
    x: Rows, y: Labels, *, validation: float, held_out: float, rng: np.random.Generator
) -> Split:
    """Split stratified by class; each class keeps at least one row to train on.

    Parameters
    ----------
    x, y : rows and classes
    validation, held_out : float
        Shares of the rows of each class, rounded to whole rows.
    rng : numpy Generator
    """
    parts: tuple[list[int], list[int], list[int]] = ([], [], [])
    for label in np.unique(y):
        rows = rng.permutation(np.flatnonzero(y == label))
        held = min(round(len(rows) * held_out), len(rows) - 1)
        kept = min(round(len(rows) * validation), len(rows) - 1 - held)
        for part, chosen in zip(
            parts, (rows[held + kept :], rows[held : held + kept], rows[:held]), strict=True
        ):
            part.extend(chosen.tolist())
    train, valid, out = (np.sort(np.asarray(part, dtype=np.intp)) for part in parts)
    return Split(
        Examples(x[train], y[train]), Examples(x[valid], y[valid]), Examples(x[out], y[out])
    )
