"""What a histogram of one raw feature counts. Cells are public: no row has a say in them."""

from collections.abc import Iterator
from typing import Literal

import numpy as np
import numpy.typing as npt

from grandrounds_client.arrays import Columns, Floats, Rows
from grandrounds_protocol.layout import Layout
from grandrounds_protocol.record import Count, Record
from grandrounds_protocol.schema import Categorical, Image, Ordinal

Codes = npt.NDArray[np.intp]


class Axis(Record):
    """The cells of one raw feature.

    A number has cell 0 for what is encoded as 0, which is missing or at the lower bound,
    and equal bins above it. A category has cell 0 for missing, and one for each category.
    An ordinal has one for each level; what is missing is encoded as its lowest.

    Examples
    --------
    >>> age = Axis(kind="continuous", column=0, cells=5)
    >>> age.codes(np.float32([[0.0], [0.1], [0.25], [1.0]])).tolist()
    [0, 1, 1, 4]
    """

    kind: Literal["continuous", "ordinal", "categorical"]
    column: Count
    """First encoded column, among the D of the federation."""
    cells: Count

    @property
    def width(self) -> int:
        """Number of encoded columns."""
        return self.cells - 1 if self.kind == "categorical" else 1

    def codes(self, x: Rows) -> Codes:
        """Return the cell of each row, int [N], of rows float32 [N, D]."""
        if self.kind == "categorical":
            group = x[:, self.column : self.column + self.width]
            return np.where(group.max(axis=1) > 0, group.argmax(axis=1) + 1, 0)
        value = x[:, self.column].astype(np.float64)
        if self.kind == "ordinal":
            return np.rint(value * (self.cells - 1)).astype(np.intp)
        return np.ceil(value * (self.cells - 1)).astype(np.intp)

    def values(self, codes: Codes, rng: np.random.Generator) -> Floats:
        """Draw encoded columns, float32 [n, width], whose cells are `codes`."""
        if self.kind == "categorical":
            one_hot: Floats = (codes[:, None] == np.arange(1, self.cells)).astype(np.float32)
            return one_hot
        if self.kind == "ordinal":
            return (codes / (self.cells - 1)).astype(np.float32)[:, None]
        inside = np.maximum(codes - rng.random(len(codes)), 0) / (self.cells - 1)
        return inside.astype(np.float32)[:, None]


def axes(layout: Layout, columns: Columns, bins: int) -> Iterator[Axis]:
    """Yield an axis for each raw feature that has a column among `columns`, but for images.

    Parameters
    ----------
    layout : Layout
    columns : int64 [d]
        Encoded columns the site has.
    bins : int
        Equal bins of each number between its bounds.
    """
    present = set(columns.tolist())
    for feature in layout.features:
        column = layout.slices[feature.name].start
        if column not in present or isinstance(feature, Image):
            continue
        match feature:
            case Categorical():
                yield Axis(kind="categorical", column=column, cells=feature.width + 1)
            case Ordinal():
                yield Axis(kind="ordinal", column=column, cells=len(feature.levels))
            case _:
                yield Axis(kind="continuous", column=column, cells=bins + 1)
