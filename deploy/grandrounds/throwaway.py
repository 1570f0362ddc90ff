"""Keys for one simulation: an authority, a coordinator and sites that are gone when it ends.

Simulated sites sign, seal and keep ledgers as real ones do, so that what is shown is what runs.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from grandrounds.provision import recorded
from grandrounds.provision.identity import KEYS, wall_clock
from grandrounds.provision.keyring import keep_keys
from grandrounds_client.identity import Identity
from grandrounds_client.ledger import InMemory, Ledger
from grandrounds_protocol.errors import BadInput
from grandrounds_protocol.keys import KeyPair
from grandrounds_protocol.names import Label
from grandrounds_protocol.roster import Member, Roster, sign_roster
from grandrounds_protocol.times import DAY
from grandrounds_protocol.trust import Trust
from grandrounds_server.office import Office

COORDINATOR = "coordinator"
LIFE = 30 * DAY


@dataclass(frozen=True)
class Throwaway:
    """Everybody's keys, and the roster that names them.

    Attributes
    ----------
    authority : KeyPair
    coordinator : KeyPair
    sites : mapping of str to KeyPair
    roster : Roster
    """

    authority: KeyPair
    coordinator: KeyPair
    sites: Mapping[str, KeyPair]
    roster: Roster

    @classmethod
    def of(cls, federation: Label, names: Iterable[str]) -> "Throwaway":
        """Draw keys for a coordinator and these sites.

        Raises
        ------
        BadInput
            If a site is named as the coordinator, or as another but for capitals.
        """
        coordinator = KeyPair.generate()
        sites = {name: KeyPair.generate() for name in names}
        everybody = [
            Member(name=COORDINATOR, role="coordinator", keys=coordinator.public),
            *(Member(name=name, role="site", keys=keys.public) for name, keys in sites.items()),
        ]
        if len({member.name.casefold() for member in everybody}) != len(everybody):
            raise BadInput(
                f"sites need names of their own, other than {COORDINATOR!r}",
                where="site.toml, field name",
                remedy="names that differ by capitals only count as the same",
            )
        now = wall_clock()
        roster = Roster(
            federation=federation,
            version=1,
            created=now,
            expires=now + LIFE,
            members=tuple(everybody),
        )
        return cls(KeyPair.generate(), coordinator, sites, roster)

    @property
    def office(self) -> Office:
        """The coordinator's desk."""
        return Office(self.coordinator, self.roster, wall_clock)

    def identity(self, name: str) -> Identity:
        """A site's identity, its ledger in memory."""
        trust = Trust(self.authority.public.fingerprint, self.roster)
        return Identity(name, (self.sites[name],), trust, Ledger(InMemory()), wall_clock)

    def write(self, folder: Path, name: str) -> None:
        """Write a site's identity as it lies at a real site, for another process to read."""
        keep_keys(folder / KEYS, self.sites[name])
        data = sign_roster(self.roster, self.authority)
        recorded.begin(folder, self.authority.public.fingerprint, data, self.roster.created)
