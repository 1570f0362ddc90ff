"""Where each feature stands in the encoded space [0, 1]^D."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from grandrounds_protocol.schema import Categorical, Feature, Federation, Image, Ordinal


@dataclass(frozen=True)
class Layout:
    """The encoded columns of a federation's features, in the order of `federation.toml`.

    Examples
    --------
    >>> from grandrounds_protocol.schema import Categorical, Continuous
    >>> layout = Layout((Continuous(name="age", low=0, high=100),
    ...                  Categorical(kind="categorical", name="sex", categories=("f", "m"))))
    >>> layout.width, layout.slices["sex"], layout.column_names
    (3, slice(1, 3, None), ('age', 'sex=f', 'sex=m'))
    >>> layout.columns_of(["sex"]).tolist()
    [1, 2]
    """

    features: tuple[Feature, ...]

    @classmethod
    def of(cls, federation: Federation) -> "Layout":
        """Layout of a federation's features."""
        return cls(federation.features)

    @cached_property
    def slices(self) -> dict[str, slice]:
        """Feature name to its columns."""
        found: dict[str, slice] = {}
        start = 0
        for feature in self.features:
            found[feature.name] = slice(start, start + feature.width)
            start += feature.width
        return found

    @cached_property
    def width(self) -> int:
        """D, the number of encoded columns."""
        return sum(feature.width for feature in self.features)

    @cached_property
    def column_names(self) -> tuple[str, ...]:
        """One readable name per encoded column."""
        names: list[str] = []
        for feature in self.features:
            if isinstance(feature, Categorical):
                names.extend(f"{feature.name}={category}" for category in feature.categories)
            elif isinstance(feature, Image):
                names.extend(f"{feature.name}[{pixel}]" for pixel in range(feature.width))
            else:
                names.append(feature.name)
        return tuple(names)

    @cached_property
    def one_hot_groups(self) -> tuple[slice, ...]:
        """Columns of each categorical feature."""
        return tuple(self.slices[f.name] for f in self.features if isinstance(f, Categorical))

    @cached_property
    def images(self) -> tuple[Image, ...]:
        """The image features."""
        return tuple(feature for feature in self.features if isinstance(feature, Image))

    @cached_property
    def ordinal_levels(self) -> tuple[tuple[int, int], ...]:
        """(column, number of levels) of each ordinal feature."""
        return tuple(
            (self.slices[f.name].start, len(f.levels))
            for f in self.features
            if isinstance(f, Ordinal)
        )

    def columns_of(self, names: Iterable[str]) -> npt.NDArray[np.int64]:
        """Encoded column indices of the named features, ascending."""
        chosen = set(names)
        columns = [
            column
            for feature in self.features
            if feature.name in chosen
            for column in range(self.slices[feature.name].start, self.slices[feature.name].stop)
        ]
        return np.asarray(columns, dtype=np.int64)
