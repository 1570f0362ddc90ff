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


def check_parcels(reply: Reply, sites: tuple[str, ...]) -> None:
    """Refuse what this site cannot have sent in this phase.

    Raises
    ------
    BadMessage
        For a parcel of another kind or sender, an unknown or doubled recipient, or two
        parcels for the same recipient.
    """
    heading = reply.heading
    reached: set[str] = set()
    for parcel in reply.parcels:
        if parcel.kind != SENT_IN.get(heading.phase) or parcel.sender != heading.site:
            raise BadMessage("a parcel of a kind or sender that does not belong here")
        others = set(sites) - {heading.site} - reached
        recipients = set(parcel.recipients)
        if len(recipients) != len(parcel.recipients) or not recipients <= others:
            raise BadMessage("a parcel for an unknown recipient, or two for the same")
        reached |= recipients
