"""Which parcel goes to whom. The coordinator reads headers; the rest it could not read."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from grandrounds_protocol.envelope import Sealed
from grandrounds_protocol.errors import BadMessage
from grandrounds_protocol.messages import Parcel, ParcelKind, Reply
from grandrounds_protocol.records import Phase
from grandrounds_protocol.roster import Roster
from grandrounds_server.spool import Bytes, Place

SENT_IN: dict[Phase, ParcelKind] = {
    "publish": "release",
    "distill": "instances",
    "retrain": "candidate",
}
"""The kind of parcel a reply to each phase may bring."""


@dataclass(frozen=True)
class SpooledParcel:
    """A parcel's header, and where its payload lies."""

    kind: ParcelKind
    sender: str
    heads: dict[str, Place]
    """By recipient: the front of its letter, with its own wrapped key."""
    text: Place
    """What all letters end with: the content, encrypted."""

    @property
    def recipients(self) -> tuple[str, ...]:
        """Whom it is for."""
        return tuple(self.heads)


def spooled(parcel: Parcel, roster: Roster, put: Callable[[Bytes], Place]) -> SpooledParcel:
    """Cut an envelope into one letter a recipient, and put them aside.

    Raises
    ------
    BadEnvelope
        If it is malformed, or sealed for others than the parcel names.
    UnknownSite
        If one of them is not on the roster.
    """
    members = [roster.member(name, "site") for name in parcel.recipients]
    sealed = Sealed.from_bytes(parcel.payload)
    letters = sealed.letters(members)
    heads = {name: put(letters(name).front()) for name in parcel.recipients}
    return SpooledParcel(parcel.kind, parcel.sender, heads, put(sealed.text))


def unspooled(parcel: SpooledParcel, recipient: str, take: Callable[[Place], bytes]) -> Parcel:
    """Put one recipient's letter together; of the others it does not hear."""
    payload = take(parcel.heads[recipient]) + take(parcel.text)
    return Parcel(parcel.kind, parcel.sender, (recipient,), payload)


def by_recipient(parcels: Iterable[SpooledParcel]) -> dict[str, tuple[SpooledParcel, ...]]:
    """Sort parcels into one heap per recipient, in the order given."""
    heaps: dict[str, list[SpooledParcel]] = {}
    for parcel in parcels:
        for recipient in parcel.recipients:
            heaps.setdefault(recipient, []).append(parcel)
    return {recipient: tuple(heap) for recipient, heap in heaps.items()}


def check_parcels(reply: Reply, peers: tuple[str, ...]) -> None:
    """Refuse what a site with these peers cannot have sent in this phase.

    Raises
    ------
    BadMessage
        For a parcel of another kind or sender, a recipient that is no peer of this round
        or is doubled, or two parcels for the same recipient.
    """
    heading = reply.heading
    reached: set[str] = set()
    for parcel in reply.parcels:
        if parcel.kind != SENT_IN.get(heading.phase) or parcel.sender != heading.site:
            raise BadMessage("a parcel of a kind or sender that does not belong here")
        recipients = set(parcel.recipients)
        if len(recipients) != len(parcel.recipients) or not recipients <= set(peers) - reached:
            raise BadMessage("a parcel for no peer of this round, or two for the same")
        reached |= recipients
