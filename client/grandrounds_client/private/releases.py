"""A site's noisy releases: each is made once, booked before it is, and used ever after.

A booking, then a line of the ledger, then the release: whatever fails on the way, none is made
that the house cannot account for.
"""

import hashlib
import json
import logging
from collections.abc import MutableMapping

import numpy as np

from grandrounds_client.arrays import Labels, Rows
from grandrounds_client.ledger import ReleasedEntry
from grandrounds_client.private.budget import Booking, book, check, spent
from grandrounds_client.private.drowning import drowned
from grandrounds_client.private.marginals import NoisyRelease, measure
from grandrounds_client.private.noise import seeded_noise, system_noise
from grandrounds_client.site import Site
from grandrounds_client.split import Examples
from grandrounds_client.store import DirectoryStore
from grandrounds_protocol.errors import BadInput
from grandrounds_protocol.schema import Rules
from grandrounds_protocol.seeding import generator

log = logging.getLogger(__name__)

MECHANISM = "class-conditional marginals, discrete Laplace, 1"
"""Part of each release's digest: another mechanism is another release."""


def check_private(site: Site, rules: Rules) -> None:
    """Refuse before any work what `release_of` would refuse for every set of rows.

    Raises
    ------
    BadInput
        If the federation has images.
    BudgetSpent
        If one release costs more than the site's whole budget.
    """
    if site.layout.images:
        raise BadInput(
            "seeds cannot be drawn for images: histograms of single pixels say nothing",
            where=f"recipe {rules.recipe}",
            remedy="take another recipe",
        )
    check({}, "", rules.privacy_epsilon, site.settings.privacy.budget)


def release_of(site: Site, train: Examples, rules: Rules) -> NoisyRelease:
    """Return the noisy release of these rows: the one kept, or one booked and made now.

    Raises
    ------
    BadInput, BudgetSpent
        As `check_private`, and if earlier releases leave too little of the budget.
    WorkFailed
        If the booking or the ledger cannot be written: then no release is made.
    """
    check_private(site, rules)
    records, epsilon = records_of(site), rules.privacy_epsilon
    digest = _digest(site, train, epsilon)
    key = f"privacy/release/{digest}"
    if key not in records:
        book(records, digest, _booking(site, rules), site.settings.privacy.budget)
        _write_down(site, ReleasedEntry(epsilon=epsilon, spent=spent(records), release=digest))
        _warn(site, len(train), epsilon)
        records[key] = _made(site, train, rules).model_dump_json().encode()
    return NoisyRelease.model_validate_json(records[key])


def records_of(site: Site) -> MutableMapping[str, bytes]:
    """Bookings and releases, which outlive every run: a folder beside `site.toml`.

    Those of a simulation end with it: it has them in its store.

    Raises
    ------
    BadInput
        If the site has no such folder and does not say that it is simulated.
    """
    if site.simulated:
        return site.store
    if site.privacy_records is None:
        raise BadInput(
            "there is no place to book a private release",
            where=f"site {site.name}",
            remedy="open the site from its folder, or as simulated",
        )
    return DirectoryStore(site.privacy_records)


def _write_down(site: Site, entry: ReleasedEntry) -> None:
    """Tell the ledger. A site without keys has none, and nothing leaves it.

    Who dies between this and the release writes the line again, with the same sum spent.
    """
    if site.identity is not None:
        site.identity.ledger.write([entry], site.identity.clock())


def _warn(site: Site, rows: int, epsilon: float) -> None:
    """Tell the owner of a real site what a release is worth; `simulate` says it for its own."""
    said = drowned(site, rows, epsilon)
    if said and not site.simulated:
        log.warning(said)


def _booking(site: Site, rules: Rules) -> Booking:
    """What the site's owner is told of a release later on."""
    present = set(site.columns.tolist())
    return Booking(
        epsilon=rules.privacy_epsilon,
        rows=_sha256(b"", site.rows.x, site.rows.y),
        features=tuple(
            feature.name
            for feature in site.layout.features
            if site.layout.slices[feature.name].start in present
        ),
        seed=rules.seed,
        time=None if site.identity is None else site.identity.clock(),
    )


def _made(site: Site, train: Examples, rules: Rules) -> NoisyRelease:
    # never from the seed on a real site: the coordinator knows it and could take the noise off
    seeded = seeded_noise(generator(rules.seed, site.name, "privacy"))
    return measure(
        train.x,
        train.y,
        layout=site.layout,
        columns=site.columns,
        classes=site.classes,
        epsilon=rules.privacy_epsilon,
        noise=seeded if site.simulated else system_noise,
        source="simulated" if site.simulated else "system",
    )


def _digest(site: Site, train: Examples, epsilon: float) -> str:
    """SHA-256 (hex) of all that a release depends on; it never leaves the house."""
    shape = [MECHANISM, site.federation.digest(), site.columns.tolist(), epsilon, site.simulated]
    return _sha256(json.dumps(shape).encode(), train.x, train.y)


def _sha256(first: bytes, *parts: Rows | Labels) -> str:
    whole = hashlib.sha256(first)
    for part in parts:
        whole.update(np.ascontiguousarray(part).tobytes())
    return whole.hexdigest()
