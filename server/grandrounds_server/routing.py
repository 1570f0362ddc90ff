"""Which parcel goes to whom. The coordinator reads headers, never payloads."""

from collections.abc import Iterable

from grandrounds_protocol.errors import BadMessage
from grandrounds_protocol.messages import Parcel, ParcelKind, Reply
from grandrounds_protocol.records import Phase

SENT_IN: dict[Phase, ParcelKind] = {
    "publish": "release",
    "distill": "instances",
    "retrain": "candidate",
}
"""The kind of parcel a reply to each phase may bring."""


def addressed_to(site: str, parcels: Iterable[Parcel]) -> tuple[Parcel, ...]:
    """Parcels for one site."""
    return tuple(parcel for parcel in parcels if site in parcel.recipients)


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
