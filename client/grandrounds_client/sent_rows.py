"""Virtual rows with their senders: whose rows harm a student is asked after it retrained."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load, save

from grandrounds_client.arrays import Mask
from grandrounds_protocol.instances import VirtualInstances


@dataclass(frozen=True)
class SentRows:
    """Virtual rows, and who sent each.

    The sender is known from whom a parcel came; the teacher is what the sender says.

    Attributes
    ----------
    rows : VirtualInstances
    sender : int32 [n]
        Index in the run's list of sites; the site itself for rows written at home.
    """

    rows: VirtualInstances
    sender: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.sender)

    @classmethod
    def of(cls, rows: VirtualInstances, sender: int) -> "SentRows":
        """Rows of one sender."""
        return cls(rows, np.full(len(rows), sender, np.int32))

    @classmethod
    def concatenate(cls, parts: "Sequence[SentRows]", columns: int) -> "SentRows":
        """All rows of all parts, in order."""
        rows = VirtualInstances.concatenate([part.rows for part in parts], columns)
        return cls(rows, np.concatenate([np.zeros(0, np.int32), *(part.sender for part in parts)]))

    def take(self, rows: npt.NDArray[np.intp] | Mask) -> "SentRows":
        """Return the chosen rows (indices or mask)."""
        return SentRows(self.rows.take(rows), self.sender[rows])

    def distinct(self) -> "SentRows":
        """Each (row, class) once, first occurrence kept."""
        return self.take(self.rows.first())


def senders_to_bytes(sender: npt.NDArray[np.int32]) -> bytes:
    """Safetensors bytes."""
    return save({"sender": np.ascontiguousarray(sender, dtype="<i4")})


def senders_from_bytes(data: bytes) -> npt.NDArray[np.int32]:
    """Read back what this site itself kept."""
    return np.asarray(load(data)["sender"], np.int32)
