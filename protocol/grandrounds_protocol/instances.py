"""Virtual instances: the rows that travel."""

import json
import struct
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
from pydantic import Field, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load, save

from grandrounds_protocol.errors import BadInstances
from grandrounds_protocol.fault import field_at_fault
from grandrounds_protocol.record import Count, Record

MAX_BYTES = 1 << 30
_MAX_HEADER_BYTES = 4096
_LENGTH = struct.Struct("<Q")
_DTYPES = {"x": np.dtype("<f4"), "y": np.dtype("<i4"), "teacher": np.dtype("<i4")}
_WRITTEN = {"x": "F32", "y": "I32", "teacher": "I32"}
"""What safetensors calls these types."""


@dataclass(frozen=True)
class Bounds:
    """What a receiver accepts, agreed before anything arrives."""

    columns: int
    classes: int
    teachers: int
    rows: int = 1_000_000


@dataclass(frozen=True)
class VirtualInstances:
    """Rows written with a teacher's model; no row here was ever a patient's by intent.

    Attributes
    ----------
    x : float32 [n, D]
        Encoded rows in [0, 1].
    y : int32 [n]
        True class of each row's seed.
    teacher : int32 [n]
        Index of the teacher in the run's list of sites.
    """

    x: npt.NDArray[np.float32]
    y: npt.NDArray[np.int32]
    teacher: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.y)

    @classmethod
    def empty(cls, columns: int) -> "VirtualInstances":
        """No rows of `columns` columns."""
        none = np.zeros(0, np.int32)
        return cls(np.zeros((0, columns), np.float32), none, none)

    @classmethod
    def concatenate(cls, parts: "list[VirtualInstances]", columns: int) -> "VirtualInstances":
        """All rows of all parts, in order."""
        parts = [cls.empty(columns), *parts]
        return cls(
            np.concatenate([part.x for part in parts]),
            np.concatenate([part.y for part in parts]),
            np.concatenate([part.teacher for part in parts]),
        )

    def take(self, rows: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> "VirtualInstances":
        """Return the chosen rows (indices or mask)."""
        return VirtualInstances(self.x[rows], self.y[rows], self.teacher[rows])

    def distinct(self) -> "VirtualInstances":
        """Each (row, class) once, first occurrence kept: a re-sent row adds no weight."""
        return self.take(self.first())

    def first(self) -> npt.NDArray[np.intp]:
        """Indices of the first occurrence of each (row, class), ascending."""
        first = {digest: at for at, digest in reversed(list(enumerate(self.digests())))}
        return np.sort(np.fromiter(first.values(), np.intp, len(first)))

    def digests(self) -> list[bytes]:
        """16 bytes for each (row, class), whoever taught it: equal rows have equal ones."""
        # adding 0 turns -0 into 0: equal, but of other bytes
        return [
            blake2b((x + np.float32(0)).tobytes() + y.tobytes(), digest_size=16).digest()
            for x, y in zip(self.x, self.y, strict=True)
        ]

    def to_bytes(self) -> bytes:
        """Safetensors bytes."""
        return save(
            {
                name: np.ascontiguousarray(getattr(self, name), dtype=dtype)
                for name, dtype in _DTYPES.items()
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes, bounds: Bounds) -> "VirtualInstances":
        """Parse and check what arrived.

        Raises
        ------
        BadInstances
            For a wrong size, dtype, shape, a number that is not finite or outside
            [0, 1], an unknown class or teacher, too many rows.
        """
        if len(data) > MAX_BYTES:
            problem = f"{len(data)} bytes, at most {MAX_BYTES} are accepted"
            raise BadInstances(problem, where="file")
        _check_header(_read_header(data), bounds)
        try:
            tensors = load(data)
        except (SafetensorError, ValueError, KeyError, TypeError):
            raise BadInstances("not a safetensors file", where="offsets of the data") from None
        if len(tensors["y"]):
            _check_values(tensors, bounds)
        return cls(tensors["x"], tensors["y"], tensors["teacher"])


class _Tensor(Record):
    dtype: str
    shape: tuple[Count, ...] = Field(max_length=2)
    data_offsets: tuple[Count, Count]


class _Header(Record):
    x: _Tensor
    y: _Tensor
    teacher: _Tensor


def _read_header(data: bytes) -> _Header:
    """Read what a safetensors file declares, without looking at its numbers."""
    (length,) = _LENGTH.unpack_from(data) if len(data) >= _LENGTH.size else (len(data),)
    if length > min(len(data) - _LENGTH.size, _MAX_HEADER_BYTES):
        problem = "not a safetensors file, or its header is too long"
        raise BadInstances(problem, where="length of the header")
    problem = "not a safetensors file of x, y and teacher"
    text = data[_LENGTH.size : _LENGTH.size + length]
    try:
        return _Header.model_validate(json.loads(text, object_pairs_hook=_each_once))
    except ValidationError as error:
        raise BadInstances(problem, where=f"header, field {field_at_fault(error)}") from None
    except (ValueError, RecursionError):
        raise BadInstances(problem, where="header") from None


def _each_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    # where a key stands twice, this reader and that of safetensors may take another one
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _check_header(header: _Header, bounds: Bounds) -> None:
    """Refuse what is not as agreed, before anything is copied."""
    rows = header.x.shape[0] if header.x.shape else 0
    if rows > bounds.rows:
        raise BadInstances(f"{rows} rows, at most {bounds.rows} are accepted", where="tensor x")
    shapes = {"x": (rows, bounds.columns), "y": (rows,), "teacher": (rows,)}
    for name, shape in shapes.items():
        declared: _Tensor = getattr(header, name)
        if declared.dtype != _WRITTEN[name]:
            raise BadInstances("wrong number type", where=f"tensor {name}")
        if declared.shape != shape:
            problem = f"shapes must be [n, {bounds.columns}], [n] and [n]"
            raise BadInstances(problem, where=f"tensor {name}")


def _check_values(tensors: dict[str, npt.NDArray[np.generic]], bounds: Bounds) -> None:
    if not np.isfinite(tensors["x"]).all():
        raise BadInstances("numbers must be finite", where="tensor x")
    if tensors["x"].min() < 0 or tensors["x"].max() > 1:
        raise BadInstances("numbers must lie in [0, 1]", where="tensor x")
    for name, limit in (("y", bounds.classes), ("teacher", bounds.teachers)):
        if tensors[name].min() < 0 or tensors[name].max() >= limit:
            raise BadInstances(f"indices must be 0..{limit - 1}", where=f"tensor {name}")
