"""Reading fields off the front of bytes that anybody may have written."""

from grandrounds_protocol.errors import BadEnvelope


class Reader:
    """Takes fields from the front; asks for more than there is are refused."""

    def __init__(self, data: bytes | bytearray | memoryview) -> None:
        self._rest = memoryview(data)

    def take(self, size: int) -> memoryview:
        """Return the next `size` bytes.

        Raises
        ------
        BadEnvelope
            If there are fewer.
        """
        if size > len(self._rest):
            raise BadEnvelope("the envelope is cut short")
        part, self._rest = self._rest[:size], self._rest[size:]
        return part

    def number(self, size: int, most: int) -> int:
        """Return the next number of `size` bytes, big-endian, bounded.

        Raises
        ------
        BadEnvelope
            If it is larger than `most`, or cut.
        """
        found = int.from_bytes(self.take(size), "big")
        if found > most:
            raise BadEnvelope("a length in the envelope is out of bounds")
        return found

    def rest(self) -> memoryview:
        """Return all that is left."""
        return self.take(len(self._rest))


def expect(reader: Reader, magic: bytes) -> None:
    """Take the first bytes and compare.

    Raises
    ------
    BadEnvelope
    """
    if bytes(reader.take(len(magic))) != magic:
        raise BadEnvelope("not an envelope of this protocol")
