"""Lengths tell no counts: payloads are padded to powers of two."""

LENGTH_BYTES = 8
"""Of the payload's true length, in front of it."""
LEAST = 1 << 16
"""A few virtual rows, or none, or a thousand of few columns: all alike."""
MAX_PADDED = 1 << 31
MAX_PAYLOAD = 1 << 30


def padded_size(payload: int) -> int:
    """Bytes that a payload of so many takes, its length included.

    >>> padded_size(0), padded_size(65_528), padded_size(65_529)
    (65536, 65536, 131072)
    """
    return max(LEAST, 1 << (payload + LENGTH_BYTES - 1).bit_length())
