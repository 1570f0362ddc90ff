"""Hostile files told by what they change in a good one, so that git stays small."""

import base64
import json
from pathlib import Path

Pieces = list[str | list[int]]
"""What a file is made of: bytes in base64, and ranges [from, to) of the good one."""
_PROBE = 32


def difference(base: bytes, made: bytes) -> Pieces:
    """Return the pieces that give `made`: what both begin with, then what stands alike."""
    first = _run(base, made, 0, 0)
    pieces: Pieces = [[0, first]] if first else []
    middle = len(base) // 2
    found = made.find(base[middle : middle + _PROBE])
    shift = found - middle if found >= 0 else len(made) - len(base)
    at, other = first, b""
    while at < len(made):
        same = _run(base, made, at - shift, at) if at >= shift else 0
        if same >= _PROBE:
            pieces += [_text(other)] if other else []
            pieces.append([at - shift, at - shift + same])
            at, other = at + same, b""
        else:
            at, other = at + 1, other + made[at : at + 1]
    return [*pieces, _text(other)] if other else pieces


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _run(base: bytes, made: bytes, start: int, at: int) -> int:
    """How many bytes are alike from there on."""
    most = max(0, min(len(base) - start, len(made) - at))
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        alike = base[start : start + middle] == made[at : at + middle]
        low, high = (middle, high) if alike else (low, middle - 1)
    return low


def applied(base: bytes, pieces: Pieces) -> bytes:
    """Return the file that the pieces make."""
    return b"".join(
        base64.b64decode(piece) if isinstance(piece, str) else base[slice(*piece)]
        for piece in pieces
    )


def write(path: Path, content: object) -> None:
    """Write JSON as all vectors are."""
    path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def read(path: Path) -> dict[str, object]:
    """Read what `write` wrote."""
    found: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
    return found
