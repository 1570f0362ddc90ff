"""Rows to learn from, and what the tests do with a release."""

from typing import NamedTuple

import numpy as np
import onnx
import onnxruntime

from grandrounds_client.arrays import Columns, Labels, Probabilities, Rows

WIDTH = 9
COLUMNS: Columns = np.array([0, 2, 3, 5, 8])
"""The columns a site has, of `WIDTH` in the federation."""


class Case(NamedTuple):
    """C and the classes of which the site has rows."""

    classes: int
    present: tuple[int, ...]


CASES = (Case(2, (0, 1)), Case(3, (0, 1, 2)), Case(3, (0, 2)), Case(4, (3, 1)))


def rows_of(case: Case, count: int = 60, seed: int = 0) -> tuple[Rows, Labels]:
    """Noisy classes along two columns; one column is binary and one constant."""
    rng = np.random.default_rng(seed)
    x = rng.random((count, len(COLUMNS)), dtype=np.float32)
    x[:, 3] = x[:, 3] > 0.5
    x[:, 4] = 0.25
    score = x[:, 0] + 0.5 * x[:, 1] + rng.normal(scale=0.1, size=count)
    rank = score.argsort().argsort() * len(case.present) // count
    return x, np.array(case.present, dtype=np.int32)[rank]


def probes(x: Rows, seed: int = 1) -> Rows:
    """Rows of the box: random ones, training rows, midpoints, and float32 neighbours of these."""
    rng = np.random.default_rng(seed)
    ordered = np.sort(x, axis=0).astype(np.float64)
    between = ((ordered[1:] + ordered[:-1]) / 2).astype(np.float32)
    mixed = np.vstack([rng.permuted(rows, axis=0) for rows in (x, between)])
    one = np.float32(1)
    near = [np.nextafter(mixed, one), np.nextafter(mixed, -one), mixed, x]
    random = rng.random((500, x.shape[1]), dtype=np.float32)
    found: Rows = np.clip(np.vstack([random, *near]), 0, 1, dtype=np.float32)
    return found


def widen(x: Rows, absent: float = 0.0) -> Rows:
    """Place the site's columns among the federation's."""
    whole = np.full((len(x), WIDTH), absent, dtype=np.float32)
    whole[:, COLUMNS] = x
    return whole


def run(graph: bytes, x: Rows) -> Probabilities:
    """Run a graph in onnxruntime."""
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    (probabilities,) = session.run(["probabilities"], {"X": x})
    return np.asarray(probabilities)


def shape_of(value: onnx.ValueInfoProto) -> list[str | int]:
    """Dimensions, named or fixed."""
    return [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]
