"""Which parcel goes to whom. The coordinator reads headers, never payloads."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from grandrounds_protocol.errors import BadMessage
from grandrounds_protocol.messages import Parcel, ParcelKind, Reply
from grandrounds_protocol.records import Phase
from grandrounds_server.spool import Place

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
    recipients: tuple[str, ...]
    place: Place


def spooled(parcel: Parcel, put: Callable[[bytes], Place]) -> SpooledParcel:
    """Put a parcel's payload aside."""
    return SpooledParcel(parcel.kind, parcel.sender, parcel.recipients, put(parcel.payload))


def unspooled(parcel: SpooledParcel, take: Callable[[Place], bytes]) -> Parcel:
    """Get a parcel back as it arrived."""
    return Parcel(parcel.kind, parcel.sender, parcel.recipients, take(parcel.place))


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
