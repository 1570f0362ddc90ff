"""How near released rows are to the patients behind them, against what strangers show."""

from dataclasses import dataclass

import numpy as np

from grandrounds_client.arrays import Floats, Rows
from grandrounds_client.gate import House
from grandrounds_client.gate.alike import RawFeatures, raw_features
from grandrounds_client.gate.filters import copies
from grandrounds_client.gate.nearest import Neighbours
from grandrounds_client.site import Site
from grandrounds_client.split import Split
from grandrounds_protocol.instances import VirtualInstances


@dataclass(frozen=True)
class Nearness:
    """Figures of one site's release, on the columns that the site has.

    Attributes
    ----------
    released : int
        Rows, each counted once.
    exact_copies : int
        Of these: equal to a training or validation row.
    near : float or None
        Share nearer (Manhattan) to a training row than 95 % of held-out rows are. None
        without released or held-out rows.
    alike : float or None
        Share with more raw features equal to those of one training row than 95 % of
        held-out rows have. None likewise.
    """

    released: int
    exact_copies: int
    near: float | None
    alike: float | None


def nearness(site: Site, split: Split, released: VirtualInstances) -> Nearness:
    """Measure one release."""
    train, held_out, x = (
        own_columns(site, rows) for rows in (split.train.x, split.held_out.x, released.x)
    )
    house = House(split.train.x, split.validation.x, site.columns, site.layout)
    equal = int(copies(x, house).sum())
    if not len(x) or not len(held_out):
        return Nearness(len(x), equal, None, None)
    patients = RawFeatures.of(train, site.columns, site.layout)
    bar = np.quantile(nearest(train, held_out), 0.05)
    most = np.quantile(patients.most_alike(held_out), 0.95)
    return Nearness(
        released=len(x),
        exact_copies=equal,
        near=float((nearest(train, x) < bar).mean()),
        alike=float((patients.most_alike(x) > most).mean()),
    )


def own_columns(site: Site, rows: Rows) -> Rows:
    """Return rows, float32 [n, D], on the columns that the site has, float32 [n, d]."""
    return np.ascontiguousarray(rows[:, site.columns], dtype=np.float32)


def numbers(site: Site, rows: Rows) -> Rows:
    """Return rows, float32 [n, D], on those own columns that hold numbers, float32 [n, b]."""
    kinds = raw_features(site.columns, site.layout)
    columns = [site.columns[part.start] for kind, part in kinds if kind == 0]
    return np.ascontiguousarray(rows[:, columns], dtype=np.float32)


def nearest(to: Rows, rows: Rows) -> Floats:
    """Manhattan distance of each row to the nearest of `to`, which has at least one."""
    return Neighbours(to).nearest(rows)
