"""Rows to train on: the example's where it is there, made ones elsewhere."""

from pathlib import Path

import numpy as np
from scipy.ndimage import zoom
from scipy.special import expit
from sklearn.datasets import load_digits

from grandrounds.bench.setting import SEED
from grandrounds.folder import read_folder
from grandrounds_client.arrays import Labels, Rows
from grandrounds_client.site import load_rows
from grandrounds_protocol.seeding import generator

HEART = Path(__file__).resolve().parents[2] / "examples" / "heart"
"""Beside the sources; an installed package has no examples."""
SIDE = 28
NUMBERS, CATEGORIES = 35, (6,) * 40
"""Columns of the wide rows: numbers, and values of each category."""

Labelled = tuple[Rows, Labels, str]
"""Rows float32 [N, D] in [0, 1], classes int32 [N], and what they are."""


def heart() -> Labelled:
    """Return the example's four hospitals as one table, or rows of the same shape."""
    if not (HEART / "federation.toml").exists():
        x, y, _ = made(rows=920, continuous=5, categories=(2, 4, 2, 3, 2, 3, 1, 3))
        return x, y, "920 made rows (the heart example is not installed)"
    read = read_folder(HEART)
    sites = [load_rows(site.settings, site.folder, read.federation) for site in read.sites]
    x = np.concatenate([site.x for site in sites])
    return x, np.concatenate([site.y for site in sites]), f"{len(x)} rows of the heart example"


def car() -> Labelled:
    """Return 20,000 rows of 275 columns: 35 numbers and 40 categories of six values."""
    return made(rows=20_000, continuous=NUMBERS, categories=CATEGORIES)


def made(*, rows: int, continuous: int, categories: tuple[int, ...]) -> Labelled:
    """Draw numbers and one-hot categories, and two classes by a rough and noisy rule."""
    rng = generator(SEED, "bench rows", rows)
    parts = [rng.beta(2, 3, (rows, continuous))]
    parts += [np.eye(count)[rng.integers(count, size=rows)] for count in categories]
    x = np.concatenate(parts, axis=1).astype(np.float32)
    weight = rng.normal(size=x.shape[1]) * (rng.random(x.shape[1]) < 0.3)
    score = (x - x.mean(axis=0)) @ weight + 2 * np.sin(6 * x[:, 0]) * (x[:, 1] - 0.4)
    y = (rng.random(rows) < expit(3 * score / score.std())).astype(np.int32)
    return x, y, f"{rows:,} made rows"


def digits() -> Labelled:
    """Return scikit-learn's handwritten digits, enlarged from 8 x 8 to 28 x 28."""
    small, y = load_digits(return_X_y=True)
    images = zoom(small.reshape(-1, 8, 8) / 16, (1, SIDE / 8, SIDE / 8), order=1)
    x = np.clip(images.reshape(len(images), -1), 0, 1).astype(np.float32)
    return x, y.astype(np.int32), f"{len(x):,} handwritten digits, enlarged"
