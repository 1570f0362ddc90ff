"""Records over a pipe: four bytes of length, then JSON."""

import os
import select
import struct
import time

MAX_RECORD = 4 << 20
_LENGTH = struct.Struct(">I")


class Closed(Exception):
    """The other side is gone."""


class TooLate(Exception):
    """No answer came in time."""


class OutOfForm(Exception):
    """The other side announced a record longer than any may be."""


def send(descriptor: int, record: bytes) -> None:
    """Write a record.

    Raises
    ------
    Closed
    """
    data = memoryview(_LENGTH.pack(len(record)) + record)
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    except BrokenPipeError:
        raise Closed from None


def receive(descriptor: int, seconds: float | None = None) -> bytes:
    """Read a record, in so many seconds at most.

    Raises
    ------
    Closed, TooLate, OutOfForm
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    (length,) = _LENGTH.unpack(_read(descriptor, _LENGTH.size, deadline))
    if length > MAX_RECORD:
        raise OutOfForm
    return _read(descriptor, length, deadline)


def _read(descriptor: int, count: int, deadline: float | None) -> bytes:
    parts = []
    while count:
        if deadline is not None:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                raise TooLate
        part = os.read(descriptor, min(count, 1 << 16))
        if not part:
            raise Closed
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
