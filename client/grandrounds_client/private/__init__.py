"""Seeds that never were patients: one differentially private release, and draws from it.

::

    private rows ── measure ── NoisyRelease ── draw ── seeds ── committee ── labels
                    │   │                      (no private row from here on)
                    │   └── noise    OpenDP's, or seeded in a simulation
                    └────── cells    public: what is counted

`releases` keeps what was released and books what it cost, against the site's `budget`. `drowning`
says beforehand where the noise is larger than what it is added to.
"""

from grandrounds_client.private.budget import Booking, bookings, spent
from grandrounds_client.private.committee import Labelled, committee
from grandrounds_client.private.drowning import drowned
from grandrounds_client.private.marginals import NoisyRelease, draw, measure
from grandrounds_client.private.noise import Noise, seeded_noise, system_noise
from grandrounds_client.private.releases import check_private, records_of, release_of

__all__ = [
    "Booking",
    "Labelled",
    "Noise",
    "NoisyRelease",
    "bookings",
    "check_private",
    "committee",
    "draw",
    "drowned",
    "measure",
    "records_of",
    "release_of",
    "seeded_noise",
    "spent",
    "system_noise",
]
