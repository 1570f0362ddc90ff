"""The request by which a site or coordinator asks the authority to be enrolled."""

from pydantic import Field, model_validator

from grandrounds_protocol.agreed import FederationText, read_agreed
from grandrounds_protocol.canonical import from_canonical, to_canonical
from grandrounds_protocol.errors import BadInput, BadRequest, BadSignature
from grandrounds_protocol.keys import KeyPair
from grandrounds_protocol.record import Record
from grandrounds_protocol.roster import Member
from grandrounds_protocol.times import Time
from grandrounds_protocol.transport import Address, AuthorityCertificate, NodeKey

LABEL = "enrolment"
MAX_BYTES = 2 << 20
"""The text of `federation.toml` is the most of it, and JSON may write six bytes for a letter."""


class Edge(Record):
    """Where a coordinator is found, and what its federation agrees on."""

    address: Address
    ca: AuthorityCertificate
    federation: FederationText


class Application(Record):
    """What a member asks for: its keys on the roster, and its part of the bundle."""

    created: Time
    member: Member
    node: NodeKey | None = None
    """Of a site."""
    edge: Edge | None = None
    """Of a coordinator."""

    @model_validator(mode="after")
    def _of_its_role(self) -> "Application":
        has = (self.node is not None, self.edge is not None)
        if has != (self.member.role == "site", self.member.role == "coordinator"):
            raise ValueError("a site has a node's key, a coordinator an edge")
        return self

    def same_as(self, other: "Application") -> bool:
        """Whether both ask for the same, whenever that was."""
        return self == other.model_copy(update={"created": self.created})


class _Request(Record):
    application: Application
    signature: str = Field(pattern=r"^[0-9a-f]{128}$")


def sign_request(application: Application, keys: KeyPair) -> bytes:
    """Ask to be enrolled: public keys, signed by the private one to show that it is held."""
    signature = keys.sign(LABEL, to_canonical(application)).hex()
    return to_canonical(_Request(application=application, signature=signature))


def read_request(data: bytes) -> Application:
    """Check a request; whether it is from whom it says, only a person can find out.

    Raises
    ------
    BadRequest
        If it is malformed, not signed by the keys in it, or its `federation.toml` cannot be used.
    """
    try:
        request = from_canonical(_Request, data[: MAX_BYTES + 1])
    except ValueError:
        raise BadRequest(
            "this is no enrolment request, or it was changed",
            remedy="ask for it again, by another way",
        ) from None
    asked = request.application
    try:
        asked.member.keys.verify(LABEL, to_canonical(asked), bytes.fromhex(request.signature))
    except BadSignature:
        raise BadRequest(
            "the request is not signed by the keys in it",
            remedy="ask for it again, by another way",
        ) from None
    try:
        if asked.edge is not None:
            read_agreed(asked.edge.federation, "federation.toml in the request")
    except BadInput as error:
        raise BadRequest(error.problem, where=error.where, remedy=error.remedy) from None
    return asked
