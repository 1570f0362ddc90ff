"""From a table to the federation's space [0, 1]^D, and back.

Continuous: (value - low) / (high - low), clipped and counted. Ordinal: level / (levels - 1).
Categorical: one-hot. Missing, or a feature the site does not have: 0. Images are read in
`images`, and decoded here like the others.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from grandrounds_client.arrays import Columns, Labels, Rows
from grandrounds_client.settings import ColumnSettings, SiteSettings
from grandrounds_client.table import Table
from grandrounds_protocol.errors import BadInput
from grandrounds_protocol.layout import Layout
from grandrounds_protocol.names import canonical
from grandrounds_protocol.schema import (
    Categorical,
    Continuous,
    Feature,
    Federation,
    Image,
    Ordinal,
)

Value = float | str | tuple[float, ...] | None
"""A decoded value; of an image all its pixels, row by row, channel by channel."""


@dataclass(frozen=True)
class Encoded:
    """A site's rows in the federation's space.

    Attributes
    ----------
    x : float32 [N, D]
    y : int32 [N]
    columns : int64 [d]
        Encoded columns the site has (the mask of what is present).
    clipped, missing : dict of str to int
        Number of cells per feature that lay out of bounds, or were missing.
    """

    x: Rows
    y: Labels
    columns: Columns
    clipped: dict[str, int]
    missing: dict[str, int]


def encode(table: Table, federation: Federation, site: SiteSettings) -> Encoded:
    """Encode a site's table.

    Raises
    ------
    BadInput
        For a missing column, text in a number, an unknown category or label value, a
        missing label: naming file, row, column and remedy, never the cell's value.
    """
    x, columns, clipped, missing = encode_features(table, federation, site)
    return Encoded(x, _encode_label(table, federation, site), columns, clipped, missing)


def encode_features(
    table: Table, federation: Federation, site: SiteSettings
) -> tuple[Rows, Columns, dict[str, int], dict[str, int]]:
    """Encode a table whose rows need no label; return the parts of `Encoded` but labels.

    Raises
    ------
    BadInput
        As `encode`.
    """
    layout = Layout.of(federation)
    present = features_of(federation, site, f"site {site.name}")
    x = np.zeros((len(table), layout.width), np.float32)
    clipped: dict[str, int] = {}
    missing: dict[str, int] = {}
    for feature in present:
        cells = _Cells.of(table, feature.name, site)
        x[:, layout.slices[feature.name]], clipped[feature.name] = _encode(feature, cells)
        missing[feature.name] = int(cells.absent.sum())
    columns = layout.columns_of(feature.name for feature in present)
    return x, columns, clipped, missing


def features_of(federation: Federation, site: SiteSettings, where: str) -> list[Feature]:
    """Features of the federation that the site has.

    Raises
    ------
    BadInput
        If `features` or `columns` of site.toml names one the federation does not have.
    """
    known = {feature.name for feature in federation.features}
    for field, names in (("features", site.features or ()), ("columns", site.columns)):
        for name in names:
            if name not in known:
                raise BadInput(
                    f"{name!r} is not a feature of the federation",
                    where=f"{where}, site.toml, field {field}",
                    remedy=f"one of: {', '.join(sorted(known)[:12])}",
                )
    chosen = known if site.features is None else set(site.features)
    return [feature for feature in federation.features if feature.name in chosen]


@dataclass(frozen=True)
class _Cells:
    """One column of the table, with what is needed to complain about it."""

    table: Table
    column: str
    text: list[str]
    absent: npt.NDArray[np.bool_]
    settings: ColumnSettings

    @classmethod
    def of(cls, table: Table, name: str, site: SiteSettings) -> "_Cells":
        remedy = f"map it under [columns.{name}], or leave {name!r} out of `features`"
        return cls._find(table, name, site.columns.get(name, ColumnSettings()), site, remedy)

    @classmethod
    def label(cls, table: Table, name: str, site: SiteSettings) -> "_Cells":
        return cls._find(table, name, site.label, site, "name its column under [label]")

    @classmethod
    def _find(
        cls,
        table: Table,
        name: str,
        settings: ColumnSettings,
        site: SiteSettings,
        remedy: str,
    ) -> "_Cells":
        column = settings.column or name
        if column not in table.columns:
            raise BadInput(
                f"column {column!r} is missing from the data file",
                where=table.source,
                remedy=remedy,
            )
        codes = {*site.missing, *settings.missing}
        text = table.columns[column]
        absent = np.array([cell in codes or canonical(cell) in codes for cell in text], np.bool_)
        return cls(table, column, text, absent, settings)

    def problem(self, row: int, problem: str, remedy: str) -> BadInput:
        where = f"{self.table.source}, row {self.table.rows[row]}, column {self.column!r}"
        return BadInput(problem, where=where, remedy=remedy)

    def indices(self, index: dict[str, int], allowed: str) -> npt.NDArray[np.intp]:
        """Index of each cell's value, -1 where missing."""
        found = np.full(len(self.text), -1, np.intp)
        for row in np.flatnonzero(~self.absent).tolist():
            value = canonical(self.text[row])
            value = self.settings.values.get(value, value)
            if value not in index:
                known = ", ".join(list(index)[:12]) + (", ..." if len(index) > 12 else "")
                raise self.problem(
                    row,
                    f"the value is not {allowed}",
                    f"use one of {known}, or map it in site.toml",
                )
            found[row] = index[value]
        return found


def _encode(feature: Feature, cells: _Cells) -> tuple[Rows, int]:
    match feature:
        case Continuous():
            return _encode_continuous(feature, cells)
        case Ordinal():
            index = {level: at for at, level in enumerate(feature.levels)}
            level = cells.indices(index, "one of the feature's levels")
            encoded = np.maximum(level, 0) / (len(feature.levels) - 1)
            return encoded.astype(np.float32)[:, None], 0
        case Categorical():
            index = {category: at for at, category in enumerate(feature.categories)}
            category = cells.indices(index, "one of the feature's categories")
            one_hot = category[:, None] == np.arange(feature.width)
            return one_hot.astype(np.float32), 0
        case Image():
            raise BadInput(
                "an image cannot be a column of a table",
                where=f"{cells.table.source}, column {cells.column!r}",
                remedy="name an IDX file or a folder of PNG images under `data` in site.toml",
            )


def _encode_continuous(feature: Continuous, cells: _Cells) -> tuple[Rows, int]:
    value = np.full(len(cells.text), feature.low)
    for row in np.flatnonzero(~cells.absent).tolist():
        value[row] = _number(cells, row)
    value[~cells.absent] = value[~cells.absent] * cells.settings.scale + cells.settings.offset
    inside = np.clip(value, feature.low, feature.high)
    scaled = (inside - feature.low) / (feature.high - feature.low)
    return scaled.astype(np.float32)[:, None], int((inside != value).sum())


def _number(cells: _Cells, row: int) -> float:
    try:
        number = float(cells.text[row])
    except ValueError:
        number = np.nan
    if not np.isfinite(number):
        raise cells.problem(
            row,
            "text where a number belongs",
            "write a number with a decimal point, or list the code under `missing` in site.toml",
        )
    return number


def _encode_label(table: Table, federation: Federation, site: SiteSettings) -> Labels:
    cells = _Cells.label(table, federation.label, site)
    if cells.absent.any():
        raise cells.problem(
            int(cells.absent.argmax()), "the label is missing", "complete or remove the row"
        )
    return cells.indices(federation.class_of(), "a label of the federation").astype(np.int32)


def decode(x: Rows, layout: Layout) -> dict[str, list[Value]]:
    """Read encoded rows as values in the features' own units.

    Continuous values come back as numbers, ordinals as the nearest level, categoricals as
    the strongest category, or None where no column of the group is above zero. A missing
    number was encoded as 0 and reads as the lower bound. An image comes back as the values
    of its pixels, 0 to its `high`.

    Parameters
    ----------
    x : float32 [N, D]
    layout : Layout
        Of the federation.
    """
    return {
        feature.name: _decode(feature, x[:, layout.slices[feature.name]])
        for feature in layout.features
    }


def _decode(feature: Feature, part: Rows) -> list[Value]:
    match feature:
        case Continuous():
            wide = part[:, 0].astype(np.float64)
            return list((feature.low + wide * (feature.high - feature.low)).tolist())
        case Ordinal():
            nearest = np.rint(part[:, 0] * (len(feature.levels) - 1)).astype(int)
            return [feature.levels[level] for level in nearest]
        case Categorical():
            return [feature.categories[row.argmax()] if row.max() > 0 else None for row in part]
        case Image():
            return [tuple(row.tolist()) for row in part.astype(np.float64) * feature.high]
