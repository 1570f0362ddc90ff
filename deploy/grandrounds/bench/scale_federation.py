"""A federation of any number of sites, of made rows: the same for the same number."""

import csv
from pathlib import Path

import numpy as np
from scipy.special import expit

from grandrounds.bench.setting import SEED
from grandrounds_protocol.seeding import generator

ROWS = 500
"""Per site."""
PEERS = 4
LEARNERS = ("tree", "naive-bayes", "logistic", "svm", "mlp", "forest", "boosting")
"""Site by site, in turn."""
_NUMBERS = tuple(f"number {index}" for index in range(8))
_KINDS = {"kind": "abcd", "ward": "xyz"}


def write_federation(folder: Path, sites: int, rounds: int = 1) -> None:
    """Write `federation.toml`, with all sites in it, and a CSV file for each.

    One rule, rough and noisy, holds everywhere; each site sees another part of the space and
    lacks one of the numbers.
    """
    text = 'name = "scale"\nlabel = "class"\nclasses = ["0", "1"]\n'
    for name in _NUMBERS:
        text += f'[[features]]\nname = "{name}"\nkind = "continuous"\nlow = 0\nhigh = 1\n'
    for name, letters in _KINDS.items():
        text += f'[[features]]\nname = "{name}"\nkind = "categorical"\n'
        text += f"categories = {list(letters)}\n"
    text += f'[rules]\nrecipe = "guarded"\nseed = {SEED}\nrounds = {rounds}\n'
    text += f"peers_per_round = {PEERS}\n"
    for index in range(sites):
        text += _write_site(folder, index)
    (folder / "federation.toml").write_text(text, encoding="utf-8")


def _write_site(folder: Path, index: int) -> str:
    name = f"site-{index:04d}"
    lacks = _NUMBERS[2 + index % (len(_NUMBERS) - 2)]
    with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow([*_NUMBERS, *_KINDS, "class"])
        rows.writerows(_rows(index))
    features = [feature for feature in (*_NUMBERS, *_KINDS) if feature != lacks]
    learner = LEARNERS[index % len(LEARNERS)]
    return f'[sites.{name}]\ndata = "{name}.csv"\nlearner = "{learner}"\nfeatures = {features}\n'


def _rows(index: int) -> list[list[object]]:
    rng = generator(SEED, "bench scale", index)
    low, high = rng.uniform(1.5, 3, 2)
    numbers = rng.beta(low, high, (ROWS, len(_NUMBERS)))
    kinds = [rng.integers(len(letters), size=ROWS) for letters in _KINDS.values()]
    weight = generator(SEED, "bench scale").normal(size=len(_NUMBERS))
    score = (numbers - 0.5) @ weight + 2 * np.sin(6 * numbers[:, 0]) * (numbers[:, 1] - 0.4)
    score += 0.4 * (kinds[0] == 1) - 0.3 * (kinds[1] == 2)
    labels = (rng.random(ROWS) < expit(6 * score)).astype(int)
    words = [
        np.array(list(letters))[drawn].tolist()
        for letters, drawn in zip(_KINDS.values(), kinds, strict=True)
    ]
    return [
        [*row, *rest, label]
        for row, *rest, label in zip(
            numbers.round(4).tolist(), *words, labels.tolist(), strict=True
        )
    ]
