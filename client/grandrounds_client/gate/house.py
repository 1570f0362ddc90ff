"""A site's own rows, and how near and how alike to them is too much."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from grandrounds_client.arrays import Columns, Rows
from grandrounds_client.gate.alike import RawFeatures
from grandrounds_client.gate.nearest import Neighbours
from grandrounds_protocol.layout import Layout

NEAR = 0.05
"""Share of validation rows that are nearer to a training row than the percentile."""
ALIKE = 0.95
"""Share of validation rows with at most as many features equal to one training row's.

The largest count of all would let one patient who is in the file twice open the gate for
everybody; the median would hold back every second row of strangers.
"""
FLOOR = 0.5
"""The federation's least distance: a quarter of what one other category costs.

It is a sum over columns, so on images it says nothing: .5 over 784 pixels is less than one
grey level each. It is not scaled with the columns, for there the percentile scales itself:
two patients' images lie tens apart.
"""


@dataclass(frozen=True)
class House:
    """What the gate compares virtual rows with: training and validation rows.

    Held-out rows are not among them: nothing but reported figures may depend on those, or
    the figures would be of rows that took part. So a virtual row can stand near a held-out
    patient by chance, as it can near a patient of another house.

    Attributes
    ----------
    train, validation : float32 [n, D]
    columns : int64 [d]
        Columns the site has. All comparing is done on these: what a teacher wrote into
        columns that no own row has does not make a row any less a patient's.
    layout : Layout
    floor : float
        The federation's least distance.
    """

    train: Rows
    validation: Rows
    columns: Columns
    layout: Layout
    floor: float = FLOOR

    @cached_property
    def own(self) -> Rows:
        """Training, then validation rows, on own columns, float32 [M, d]."""
        rows = np.concatenate([self.train, self.validation])[:, self.columns]
        return np.ascontiguousarray(rows, dtype=np.float32)

    @cached_property
    def percentile(self) -> float:
        """5th percentile of the distances of validation rows to their nearest training row.

        0 where the site has no validation rows: nothing is known to be far enough.
        """
        train, validation = self.own[: len(self.train)], self.own[len(self.train) :]
        if not len(train) or not len(validation):
            return 0.0
        distance, _ = Neighbours(train).nearest(validation)
        return float(np.quantile(distance, NEAR))

    @property
    def closed(self) -> bool:
        """Whether nothing that began with a patient may leave.

        Where so many rows repeat that the percentile is 0, patients are no different from
        copies, and no distance keeps them apart.
        """
        # a sum of float32 differences may miss 0 by its rounding
        return self.percentile < 1e-5

    @property
    def radius(self) -> float:
        """Virtual rows nearer than this to an own row are too near."""
        return max(self.percentile, self.floor)

    @cached_property
    def alike(self) -> int:
        """Virtual rows with more features than this equal to one own row's are too alike."""
        train, validation = self.own[: len(self.train)], self.own[len(self.train) :]
        if not len(train) or not len(validation):
            return 0
        counts, _ = RawFeatures.of(train, self.columns, self.layout).most_alike(validation)
        return int(np.quantile(counts, ALIKE))

    @cached_property
    def neighbours(self) -> Neighbours:
        """Own rows, to be near to."""
        return Neighbours(self.own)

    @cached_property
    def raw(self) -> RawFeatures:
        """Own rows, feature by feature."""
        return RawFeatures.of(self.own, self.columns, self.layout)

    @cached_property
    def records(self) -> dict[bytes, int]:
        """Own rows as bytes, with the index of the last that is so."""
        return {row.tobytes(): at for at, row in enumerate(self.own + np.float32(0))}
