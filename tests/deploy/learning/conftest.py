"""Federations made for the purpose, so that what must be learned is known beforehand."""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

Folder = Callable[..., Path]
SITES = ("north", "south", "west")


def write_folder(root: Path, rules: str = "", learner: str = "tree", **learners: str) -> Path:
    """Write three sites; class `ill` is a > .5 or b > .5, but no row of west has b > .5."""
    root.mkdir()
    features = "".join(
        f'[[features]]\nname = "{name}"\nkind = "continuous"\nlow = 0\nhigh = 1\n' for name in "ab"
    )
    (root / "federation.toml").write_text(
        f'name = "made"\nlabel = "y"\nclasses = ["well", "ill"]\n{features}[rules]\n{rules}\n',
        encoding="utf-8",
    )
    for name in SITES:
        (root / name).mkdir()
        _write_rows(root / name / "rows.csv", name)
        (root / name / "site.toml").write_text(
            f'name = "{name}"\ndata = "rows.csv"\nlearner = "{learners.get(name, learner)}"\n'
            "patients = false\n",
            encoding="utf-8",
        )
    return root


def _write_rows(path: Path, site: str) -> None:
    rng = np.random.default_rng(SITES.index(site))
    x = rng.random((200, 2))
    if site == "west":
        x[:, 1] /= 2
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["a", "b", "y"])
        for a, b in x:
            rows.writerow([f"{a:.4f}", f"{b:.4f}", "ill" if max(a, b) > 0.5 else "well"])


@pytest.fixture
def made(tmp_path: Path) -> Folder:
    """Write the folder; keyword arguments as of `write_folder`."""
    return lambda **options: write_folder(tmp_path / "made", **options)
