"""A site's own rows, and how near and how alike to them is too much."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from grandrounds_client.arrays import Columns, Rows
from grandrounds_client.gate.alike import RawFeatures
from grandrounds_client.gate.nearest import Neighbours
from grandrounds_protocol.layout import Layout

Distances = npt.NDArray[np.float64]

NEAR = 0.05
"""Share of strangers that are near: below their percentile of this rank.

The nearest of all would let one patient who is in the file twice open the gate for
everybody; the median would hold back every second row of strangers.
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
    """

    train: Rows
    validation: Rows
    columns: Columns
    layout: Layout

    @cached_property
    def own(self) -> Rows:
        """Training, then validation rows, on own columns, float32 [M, d]."""
        rows = np.concatenate([self.train, self.validation])[:, self.columns]
        return np.ascontiguousarray(rows, dtype=np.float32)

    @cached_property
    def apart(self) -> Distances:
        """Distances of validation rows to their nearest training row, in order.

        They are strangers to the training rows: no more, and no less, is asked of a virtual
        row.
        """
        train, validation = self._parts
        if not len(train) or not len(validation):
            return np.zeros(0)
        return np.sort(Neighbours(train).nearest(validation).astype(np.float64))

    @cached_property
    def differing(self) -> Distances:
        """Raw features in which validation rows differ from the most alike training row."""
        train, validation = self._parts
        if not len(train) or not len(validation):
            return np.zeros(0)
        known = RawFeatures.of(train, self.columns, self.layout)
        alike = known.most_alike(validation)
        return np.sort(len(known.features) - alike.astype(np.float64))

    @property
    def percentile(self) -> float:
        """5th percentile of the distances of validation rows to their nearest training row.

        0 where the site has no validation rows: nothing is known to be far enough.
        """
        return float(np.quantile(self.apart, NEAR)) if len(self.apart) else 0.0

    @property
    def closed(self) -> bool:
        """Whether nothing that began with a patient may leave.

        Where so many rows repeat that the percentile is 0, patients are no different from
        copies, and no distance keeps them apart.
        """
        # a sum of float32 differences may miss 0 by its rounding
        return self.percentile < 1e-5

    @property
    def _parts(self) -> tuple[Rows, Rows]:
        return self.own[: len(self.train)], self.own[len(self.train) :]

    @cached_property
    def neighbours(self) -> Neighbours:
        """Own rows, to be near to."""
        return Neighbours(self.own)

    @cached_property
    def raw(self) -> RawFeatures:
        """Own rows, feature by feature."""
        return RawFeatures.of(self.own, self.columns, self.layout)

    @cached_property
    def records(self) -> frozenset[bytes]:
        """Own rows as bytes, -0 as 0."""
        return frozenset(row.tobytes() for row in self.own + np.float32(0))
