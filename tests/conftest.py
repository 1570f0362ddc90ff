"""A small federation of three sites and three classes, as a user would write it."""

import csv
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from sklearn.datasets import load_wine

BOUNDS = {
    "alcohol": (10, 16),
    "malic_acid": (0, 7),
    "ash": (1, 4),
    "magnesium": (60, 180),
    "flavanoids": (0, 6),
    "hue": (0, 2),
    "proline": (200, 1800),
}
SITES = {
    "piedmont": ("tree", ["alcohol", "malic_acid", "ash", "flavanoids", "hue"]),
    "tuscany": ("logistic", ["alcohol", "magnesium", "flavanoids", "proline"]),
    "veneto": ("naive-bayes", ["malic_acid", "ash", "hue", "proline", "alcohol"]),
}
GRAPES = ("barolo", "grignolino", "barbera")

Folder = Callable[..., Path]


def federation_toml(rules: str = "") -> str:
    text = f'name = "wine"\nlabel = "grape"\nclasses = {list(GRAPES)}\n'
    for name, (low, high) in BOUNDS.items():
        text += f'[[features]]\nname = "{name}"\nkind = "continuous"\nlow = {low}\nhigh = {high}\n'
    return text + f"[rules]\n{rules}\n"


def write_rows(path: Path, features: list[str], part: int) -> None:
    wine = load_wine()
    columns = [wine.feature_names.index(feature) for feature in features]
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow([*features, "grape"])
        for values, target in zip(wine.data[part::3], wine.target[part::3], strict=True):
            rows.writerow([*values[columns], GRAPES[target]])


def write_wine(root: Path, rules: str = "review_min_rows = 1", **learners: str) -> Path:
    """Write the folder; keyword arguments replace a site's learner, `rules` goes to the file."""
    root.mkdir()
    (root / "federation.toml").write_text(federation_toml(rules), encoding="utf-8")
    for part, (name, (learner, features)) in enumerate(SITES.items()):
        (root / name).mkdir()
        write_rows(root / name / "rows.csv", features, part)
        (root / name / "site.toml").write_text(
            f'name = "{name}"\ndata = "rows.csv"\npatients = false\n'
            f'learner = "{learners.get(name, learner)}"\nfeatures = {features}\n',
            encoding="utf-8",
        )
    return root


@pytest.fixture
def wine(tmp_path: Path) -> Folder:
    """Write the folder, as `write_wine`."""
    return partial(write_wine, tmp_path / "wine")
