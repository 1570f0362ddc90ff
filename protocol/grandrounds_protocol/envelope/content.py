"""The payload of an envelope under a key of its own: AES-256-GCM (NIST SP 800-38D).

In steps of a megabyte from one buffer into another: a payload of a gigabyte needs no copy of
itself. A key is used for one envelope only, so the nonce is zero.
"""

import hashlib
from io import BytesIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes

from grandrounds_protocol.envelope.padding import LENGTH_BYTES, MAX_PAYLOAD, padded_size
from grandrounds_protocol.errors import BadEnvelope

KEY_BYTES = 32
TAG_BYTES = 16
_NONCE = bytes(12)
_STEP = 1 << 20
_ZEROS = bytes(_STEP)
_COMMITMENT = b"grandrounds v1 content key"


def commitment(key: bytes) -> str:
    """SHA-256, hex, of a content key and a label: GCM alone would let two keys open one text."""
    return hashlib.sha256(key + _COMMITMENT).hexdigest()


def blank(size: int) -> BytesIO:
    """Return so many zeros to be written over, and then had as bytes without a copy.

    A `bytearray` would have to be copied to become `bytes`, which all else here deals in.
    """
    return BytesIO(bytes(size))


def encrypt(key: bytes, core: bytes, payload: bytes | memoryview, out: memoryview) -> None:
    """Write the padded payload, encrypted, and its tag; `core` is bound to it.

    `out` has as many bytes as that takes: the padded size and a tag.
    """
    size = padded_size(len(payload))
    encryptor = Cipher(algorithms.AES(key), modes.GCM(_NONCE)).encryptor()
    encryptor.authenticate_additional_data(core)
    with memoryview(payload) as given:
        _run(encryptor, memoryview(len(payload).to_bytes(LENGTH_BYTES, "big")), out)
        end = LENGTH_BYTES + len(payload)
        _run(encryptor, given, out[LENGTH_BYTES:end])
    for at in range(end, size, _STEP):
        encryptor.update_into(_ZEROS[: min(_STEP, size - at)], out[at:size])
    encryptor.finalize()
    out[size:] = encryptor.tag


def decrypt(key: bytes, core: bytes, text: memoryview) -> bytes:
    """Return the payload; nothing of it is given back unless all of it is authentic.

    Raises
    ------
    BadEnvelope
        If text, core or key do not belong together, or the padding is not what the length asks.
    """
    size = len(text) - TAG_BYTES
    decryptor = Cipher(algorithms.AES(key), modes.GCM(_NONCE, bytes(text[size:]))).decryptor()
    decryptor.authenticate_additional_data(core)
    length = int.from_bytes(decryptor.update(text[:LENGTH_BYTES]), "big")
    # not yet known to be authentic: bounded by what arrived
    honest = length <= MAX_PAYLOAD and padded_size(length) == size
    payload = blank(length if honest else 0)
    with payload.getbuffer() as out:
        end = LENGTH_BYTES + len(out)
        _run(decryptor, text[LENGTH_BYTES:end], out)
    padding = _is_zeros(decryptor, text[end:size])
    try:
        decryptor.finalize()
    except InvalidTag:
        raise BadEnvelope("the envelope's content was changed") from None
    if not honest or not padding:
        raise BadEnvelope("the envelope's padding is not what its length asks for")
    return payload.getvalue()


def _run(cipher: CipherContext, given: memoryview, out: memoryview) -> None:
    for at in range(0, len(given), _STEP):
        cipher.update_into(given[at : at + _STEP], out[at : at + _STEP])


def _is_zeros(decryptor: CipherContext, rest: memoryview) -> bool:
    zeros = True
    for at in range(0, len(rest), _STEP):
        part = decryptor.update(rest[at : at + _STEP])
        zeros = zeros and part == _ZEROS[: len(part)]
    return zeros
