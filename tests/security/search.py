"""A search for many secrets in many bytes at once, at every offset."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from grandrounds_client.arrays import Labels, Rows

Words = npt.NDArray[np.uint64]
LEAST = 8
"""Bytes of the shortest secret: eight of them stand nowhere by chance, four would in a gigabyte."""
_BITS = 24


def found(secrets: dict[bytes, str], places: Iterable[bytes]) -> set[str]:
    """Return what stands in some place, by what each secret is called."""
    whole = (b"\x00" * LEAST).join(places)
    by_start: dict[bytes, list[bytes]] = {}
    for secret in secrets:
        by_start.setdefault(secret[:LEAST], []).append(secret)
    starts = np.frombuffer(b"".join(by_start), "<u8")
    return {
        secrets[secret]
        for at in _positions(starts, whole)
        for secret in by_start.get(whole[at : at + LEAST], ())
        if whole.startswith(secret, at)
    }


def _positions(starts: Words, whole: bytes) -> Iterable[int]:
    """Return where one of the starts may stand: all such places, and few others."""
    marked = np.zeros(1 << _BITS, np.bool_)
    marked[_hashed(starts)] = True
    for shift in range(LEAST):
        words = np.frombuffer(whole, "<u8", max(0, len(whole) - shift) // LEAST, shift)
        yield from (np.flatnonzero(marked[_hashed(words)]) * LEAST + shift).tolist()


def _hashed(words: Words) -> Words:
    return (words * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(64 - _BITS)


def pairs(x: Rows, name: str) -> dict[bytes, str]:
    """Return each two neighbouring numbers of rows, as bytes, and each number as text and float64.

    Whoever has a row has these. Zeros, ones and halves are everybody's.
    """
    x = np.atleast_2d(x)
    secrets: dict[bytes, str] = {}
    telling = np.abs(x * 4 - np.round(x * 4)) > 1e-4
    for row, tells in zip(x, telling, strict=True):
        for at in np.flatnonzero(tells[:-1] & tells[1:]):
            secrets[row[at : at + 2].astype("<f4").tobytes()] = f"{name}: float32"
        for value in row[tells]:
            secrets[np.float64(value).astype("<f8").tobytes()] = f"{name}: float64"
            text = str(value).encode()
            if len(text) > LEAST:
                secrets[text] = f"{name}: text"
    return secrets


def labels(y: Labels, name: str) -> dict[bytes, str]:
    """Return a label vector as arrays of the usual widths hold it, and as JSON."""
    if len(set(y.tolist())) < 2:
        return {}
    kinds = ("<i1", "<i4", "<i8", "<f4")
    secrets = {y.astype(kind).tobytes(): f"{name}: {kind}" for kind in kinds}
    for comma in (",", ", "):
        secrets[comma.join(map(str, y.tolist())).encode()] = f"{name}: text"
    return {secret: name for secret, name in secrets.items() if len(secret) > 2 * LEAST}
