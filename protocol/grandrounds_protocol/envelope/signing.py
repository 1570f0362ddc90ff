"""What the sender of an envelope signs: core, content and the wrapped keys in one."""

import hashlib

LABEL = "envelope"


def signed_part(core: bytes, text: bytes | bytearray | memoryview, root: bytes) -> bytes:
    """Return the bytes under the signature: three digests, each of fixed length."""
    return hashlib.sha256(core).digest() + hashlib.sha256(text).digest() + root
