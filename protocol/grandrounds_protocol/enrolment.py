"""The request by which a site or coordinator asks the authority to be enrolled."""

from pydantic import Field

from grandrounds_protocol.canonical import from_canonical, to_canonical
from grandrounds_protocol.errors import BadRequest, BadSignature
from grandrounds_protocol.keys import KeyPair
from grandrounds_protocol.record import Record
from grandrounds_protocol.roster import Member
from grandrounds_protocol.times import Time

LABEL = "enrolment"
MAX_BYTES = 1 << 16


class _Request(Record):
    created: Time
    member: Member
    signature: str = Field(pattern=r"^[0-9a-f]{128}$")


def sign_request(member: Member, keys: KeyPair, now: int) -> bytes:
    """Ask to be enrolled: public keys, signed by the private one to show that it is held."""
    signature = keys.sign(LABEL, _under(member, now)).hex()
    return to_canonical(_Request(created=now, member=member, signature=signature))


def read_request(data: bytes) -> Member:
    """Check a request; whether it is from whom it says, only a person can find out.

    Raises
    ------
    BadRequest
        If it is malformed, or not signed by the keys in it.
    """
    try:
        request = from_canonical(_Request, data[: MAX_BYTES + 1])
    except ValueError:
        raise BadRequest("this is no enrolment request, or it was changed") from None
    try:
        under = _under(request.member, request.created)
        request.member.keys.verify(LABEL, under, bytes.fromhex(request.signature))
    except BadSignature:
        raise BadRequest("the request is not signed by the keys in it") from None
    return request.member


def _under(member: Member, created: int) -> bytes:
    return created.to_bytes(8, "big") + to_canonical(member)
