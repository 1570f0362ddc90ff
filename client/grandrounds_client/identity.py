"""Who a site is to the others: its name, its keys, whom it trusts, and the ledger it keeps."""

from dataclasses import dataclass

from grandrounds_client.ledger import Ledger
from grandrounds_protocol.errors import UnknownSite
from grandrounds_protocol.keys import KeyPair
from grandrounds_protocol.roster import Member, Roster
from grandrounds_protocol.times import Clock
from grandrounds_protocol.trust import Trust


@dataclass(frozen=True)
class Identity:
    """Everything a site needs to speak and to be spoken to.

    Attributes
    ----------
    name : str
    keys : tuple of KeyPair
        Newest first; older ones open what was sealed before they were replaced.
    trust : Trust
    ledger : Ledger
    clock : Clock
    """

    name: str
    keys: tuple[KeyPair, ...]
    trust: Trust
    ledger: Ledger
    clock: Clock

    def me(self, roster: Roster) -> Member:
        """Return this site as a roster has it.

        Raises
        ------
        UnknownSite
            If it is not there, or was revoked.
        """
        return self.trust.member(roster, self.name, "site")

    def keys_on(self, roster: Roster) -> KeyPair:
        """Return the keys by which a roster knows this site.

        Raises
        ------
        UnknownSite
            If it knows it by keys that are not here.
        """
        public = self.me(roster).keys
        for pair in self.keys:
            if pair.public == public:
                return pair
        raise UnknownSite(
            "the roster has other keys for this site than it holds",
            remedy="send the authority a new enrolment request",
        )
