"""Manhattan distance to the nearest of many rows, with bounded memory."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from grandrounds_client.arrays import Floats, Mask, Rows

PAIRS = 1 << 24
"""Distances held together: 64 MB, which the C library gives back to the system each time;
below 32 MB it keeps the pieces, and many blocks would fragment the heap to gigabytes."""


@dataclass(frozen=True)
class Neighbours:
    """Rows to be near to, float32 [M, d]; at least one.

    Where all of them are 0 or 1 in a column, |a - b| = a + b - 2ab for any a in [0, 1]:
    those columns take one matrix product, and only the others are compared one by one.
    """

    rows: Rows

    @cached_property
    def _binary(self) -> Mask:
        binary: Mask = ((self.rows == 0) | (self.rows == 1)).all(axis=0)
        return binary

    @cached_property
    def _parts(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Binary columns turned, their row sums, and the other columns."""
        binary = np.ascontiguousarray(self.rows[:, self._binary])
        others = np.ascontiguousarray(self.rows[:, ~self._binary])
        return torch.from_numpy(binary.T), torch.from_numpy(binary.sum(1)), torch.from_numpy(others)

    def nearest(self, x: Rows) -> Floats:
        """Distance to the nearest row.

        Distances are float32 sums and right to about 1e-5.

        Parameters
        ----------
        x : float32 [n, d]

        Returns
        -------
        float32 [n]
        """
        step = max(1, PAIRS // len(self.rows))
        found = [self._block(x[at : at + step]) for at in range(0, len(x), step)]
        return np.concatenate([np.zeros(0, np.float32), *found])

    def _block(self, x: Rows) -> Floats:
        turned, sums, others = self._parts
        binary = torch.from_numpy(np.ascontiguousarray(x[:, self._binary]))
        pairs = torch.cdist(torch.from_numpy(np.ascontiguousarray(x[:, ~self._binary])), others, 1)
        pairs += sums
        pairs.addmm_(binary, turned, alpha=-2)
        distance = pairs.min(dim=1).values + binary.sum(dim=1)
        found: Floats = distance.clamp_(min=0).numpy()
        return found
