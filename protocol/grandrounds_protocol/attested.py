"""Files of the authority: its public keys, a text, its signature over it; readable JSON.

Only these bytes stand for a text: what a parser might read in two ways is refused before it is
parsed. The text itself is read by others, and only after the signature holds.
"""

from grandrounds_protocol.canonical import from_canonical, to_canonical
from grandrounds_protocol.errors import BadBundle, BadRoster, BadSignature
from grandrounds_protocol.keys import PUBLIC_BYTES, SIGNATURE_BYTES, KeyPair, PublicKeys

_AUTHORITY, _SIGNATURE, _END = b'{"authority":', b',"signature":"', b'"}'


def attest(what: str, text: bytes, authority: KeyPair) -> bytes:
    """Return the file of a text; `what` names it in the file, and the signature's purpose."""
    keys = to_canonical(authority.public)
    signature = authority.sign(what, text).hex().encode()
    return b"".join((_AUTHORITY, keys, _field(what), text, _SIGNATURE, signature, _END))


def read_attested(
    what: str, data: bytes, authority: str | None, bad: type[BadRoster | BadBundle]
) -> tuple[bytes, PublicKeys]:
    """Return the text of a file and the keys that signed it.

    Parameters
    ----------
    what : str
    data : bytes
        Bounded by the caller.
    authority : str or None
        Fingerprint of the authority's keys; None to learn it from the file, for somebody to
        compare by another way.
    bad : type
        The error to raise.

    Raises
    ------
    BadRoster, BadBundle
        If it is malformed, of another authority, or not signed by it.
    """
    try:
        keys, text, signature = _parts(what, data)
    except ValueError:
        raise bad(
            f"the {what} is not well-formed",
            remedy="is it the right file? If so it was cut or changed: ask the authority for it",
        ) from None
    if authority is not None and keys.fingerprint != authority:
        raise bad(
            f"the {what} is of another authority than the one this member accepted",
            where=f"its authority is {keys.fingerprint}, the accepted one {authority}",
            remedy="ask the authority; if it has new keys, every member starts anew",
        )
    try:
        keys.verify(what, text, signature)
    except BadSignature:
        raise bad(
            f"the {what} is not signed by its authority",
            remedy="it was changed: ask the authority for it, by another way",
        ) from None
    return text, keys


def _field(what: str) -> bytes:
    return f',"{what}":'.encode()


def _parts(what: str, data: bytes) -> tuple[PublicKeys, bytes, bytes]:
    """Take a file apart, by lengths alone."""
    field = _field(what)
    start = len(_AUTHORITY) + PUBLIC_BYTES
    end = len(data) - len(_END) - 2 * SIGNATURE_BYTES
    keys = from_canonical(PublicKeys, data[len(_AUTHORITY) : start])
    text = data[start + len(field) : end - len(_SIGNATURE)]
    signature = bytes.fromhex(data[end : -len(_END)].decode("ascii"))
    again = (_AUTHORITY, to_canonical(keys), field, text, _SIGNATURE, signature.hex().encode())
    if b"".join((*again, _END)) != data:
        raise ValueError("other bytes between the parts")
    return keys, text, signature
