"""What lessons change, on average: the direction of the knowledge (CKD, figure 4).

Kept at the site that wrote the lessons: a mean over few rows tells of those rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load, save

from grandrounds_client.arrays import Labels, Rows


@dataclass(frozen=True)
class Direction:
    """Sum of x' - x over the lessons for one student, by class.

    Attributes
    ----------
    change : float64 [C, D]
    count : int64 [C]
    """

    change: npt.NDArray[np.float64]
    count: npt.NDArray[np.int64]

    @classmethod
    def of(cls, before: Rows, after: Rows, y: Labels, classes: int) -> "Direction":
        """Sum up lessons: `before` and `after` float32 [n, D], `y` int32 [n]."""
        change = np.zeros((classes, before.shape[1]))
        np.add.at(change, y, after.astype(np.float64) - before)
        return cls(change, np.bincount(y, minlength=classes))

    def __add__(self, other: "Direction") -> "Direction":
        return Direction(self.change + other.change, self.count + other.count)

    def towards(self, label: int) -> npt.NDArray[np.float64]:
        """Mean change of the lessons of a class minus that of all others, float64 [D].

        Zero where there are no lessons of the class, or of the others.
        """
        others = np.arange(len(self.count)) != label
        n, m = int(self.count[label]), int(self.count[others].sum())
        if not n or not m:
            return np.zeros(self.change.shape[1])
        found: npt.NDArray[np.float64] = (
            self.change[label] / n - self.change[others].sum(axis=0) / m
        )
        return found


def to_bytes(directions: Mapping[str, Direction]) -> bytes:
    """Safetensors bytes of directions by student."""
    tensors: dict[str, npt.NDArray[np.generic]] = {}
    for student, direction in directions.items():
        tensors[f"change/{student}"] = np.ascontiguousarray(direction.change)
        tensors[f"count/{student}"] = np.ascontiguousarray(direction.count, dtype=np.int64)
    return save(tensors)


def from_bytes(data: bytes) -> dict[str, Direction]:
    """Read directions by student that this very site has kept."""
    tensors = load(data)
    students = [name.removeprefix("change/") for name in tensors if name.startswith("change/")]
    return {
        name: Direction(tensors[f"change/{name}"], tensors[f"count/{name}"]) for name in students
    }
