"""The one exception tree.

::

    GrandRoundsError            exit code
    ├── BadInput                2   a file, field or option the user gave cannot be used
    │   └── AlreadyRunning          another process works on the same state
    ├── Refused                 3   a rule said no; nothing was changed
    │   ├── BadMessage              bytes that are not a well-formed message
    │   ├── BadModel                a model that fails the static checks
    │   │   ├── ModelTimedOut       a model that did not answer in time
    │   │   ├── ModelTooLarge       a model that needs more memory than it may have
    │   │   └── ModelCrashed        a model that ended the process that ran it
    │   ├── ModelHoldsRows          a site's own model that carries its patients
    │   ├── BadInstances            virtual rows out of shape, range or label
    │   ├── SchemaMismatch          the two sides do not mean the same features
    │   ├── VersionSkew             the two sides speak different protocol versions
    │   ├── Stale                   a question about a round that is over, or a changed repeat
    │   ├── TooManyCandidates       a peer had as many candidates reviewed as the rules allow
    │   ├── BundleNotApproved       code from the coordinator that is not the installed one
    │   ├── UnknownSite             a name that is not on the roster
    │   ├── OpenToOthers            a private file that others on the machine may read
    │   ├── BadRequest              an enrolment request that is not its sender's own
    │   ├── BadRoster               a roster that its authority did not sign
    │   ├── BadBundle               a bundle that its authority did not sign, or that is for others
    │   ├── Rollback                an older version than the one accepted
    │   ├── RosterNotAccepted       a roster that nobody here has accepted
    │   ├── BadSignature            a signature that does not hold
    │   ├── BadEnvelope             an envelope that was changed, or is not for this site
    │   ├── ClockSkew               made later than now: two clocks differ
    │   ├── BadLedger               a ledger that was changed or cut
    │   ├── LedgerWentBack          a peer whose ledger is shorter than it was
    │   ├── BudgetSpent             a private release that would go past the site's budget
    │   ├── RulesNotAccepted        a run by other rules than the site accepted
    │   └── RecipeNotAllowed        the site does not take part in this recipe
    └── WorkFailed              1   the work was allowed and well-formed, and failed
        └── TooFewSites             fewer than `min_sites` are left

Each error says what happened, where, and what to do next. None of them ever
quotes a value from a data file: rows and columns are named, values are not.
"""

from typing import ClassVar


class GrandRoundsError(Exception):
    """Anything this product raises on purpose.

    Parameters
    ----------
    problem : str
        What happened, in one line, without any value from the data.
    where : str
        File, field, row, message or tensor concerned.
    remedy : str
        What the reader can do about it.
    """

    exit_code: ClassVar[int] = 1
    public: ClassVar[str] = "the work failed"
    """What others may be told: a fixed sentence, so that it cannot carry data."""

    def __init__(self, problem: str, *, where: str = "", remedy: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.where = where
        self.remedy = remedy

    @property
    def code(self) -> str:
        """Name of the error, as it stands in replies and results."""
        return type(self).__name__

    def __str__(self) -> str:
        lines = [self.problem]
        if self.where:
            lines.append(f"  where: {self.where}")
        if self.remedy:
            lines.append(f"  remedy: {self.remedy}")
        return "\n".join(lines)


class BadInput(GrandRoundsError):
    """A file, field or option the user gave cannot be used."""

    exit_code = 2
    public = "the site's files or settings cannot be used"


class AlreadyRunning(BadInput):
    """Another process works on the same state."""

    public = "another process is at work there"


class Refused(GrandRoundsError):
    """A privacy or security rule said no; nothing was changed."""

    exit_code = 3
    public = "a rule refused it"


class BadMessage(Refused):
    """Bytes that are not a well-formed message of this protocol."""

    public = "the message is not well-formed"


class BadModel(Refused):
    """A model that fails the static checks."""

    public = "the model fails the static checks"


class ModelTimedOut(BadModel):
    """A peer's model that did not answer in time."""

    public = "the model did not answer in time"


class ModelTooLarge(BadModel):
    """A peer's model that needs more memory than it may have."""

    public = "the model needs more memory than it may have"


class ModelCrashed(BadModel):
    """A peer's model that ended the process that ran it."""

    public = "the model ended the process that ran it"


class ModelHoldsRows(Refused):
    """A site's own model that carries its patients, or speaks of too few of them."""

    public = "the site's own check holds its model back"


class BadInstances(Refused):
    """Virtual rows out of shape, range or label."""

    public = "the virtual rows fail the checks on arrival"


class SchemaMismatch(Refused):
    """The two sides do not mean the same features or classes."""

    public = "the site's schema is not the federation's"


class VersionSkew(Refused):
    """The two sides speak different versions of the protocol."""

    public = "the two sides speak different protocol versions"


class BundleNotApproved(Refused):
    """A bundle of code that is not the one this installation builds."""

    public = "the coordinator's bundle of code is not the one approved here"


class Stale(Refused):
    """A question about a round that is over, or a repeat with other content."""

    public = "the question is out of date"


class TooManyCandidates(Refused):
    """A peer had as many candidates reviewed here as the rules of the run allow."""

    public = "this peer's candidates were reviewed as often as the rules allow"


class UnknownSite(Refused):
    """A name that is not on the roster."""

    public = "the name is not on the roster"


class OpenToOthers(Refused):
    """A private file, a key or the ledger, that others on the machine may read or change."""

    public = "a private file of this site is open to others"


class BadRequest(Refused):
    """An enrolment request that is malformed, or not signed by the keys in it."""

    public = "the enrolment request does not hold"


class BadRoster(Refused):
    """A roster that is malformed, or that its authority did not sign."""

    public = "the roster is not signed by its authority"


class BadBundle(Refused):
    """A bundle that is malformed, that its authority did not sign, or that is for others."""

    public = "the bundle is not signed by its authority"


class Rollback(Refused):
    """An older version than the one accepted."""

    public = "an older version than the one accepted"


class RosterNotAccepted(Refused):
    """The other side goes by a roster that nobody here has accepted."""

    public = "the roster is not the one accepted here"


class BadSignature(Refused):
    """A signature that does not hold."""

    public = "the signature does not hold"


class BadEnvelope(Refused):
    """An envelope that was changed, cut, appended to, or is not for this site."""

    public = "the envelope does not open"


class ClockSkew(Refused):
    """Something made later than now: two clocks differ."""

    public = "the clocks differ too much"


class BadLedger(Refused):
    """A ledger whose chain is broken, or that is shorter than others saw it."""

    public = "the site's ledger does not hold"


class LedgerWentBack(Refused):
    """A peer whose ledger is shorter than when it last wrote, or another."""

    public = "the sender's ledger is shorter than it was"


class BudgetSpent(Refused):
    """A private release would go past the budget that the site's owner set."""

    public = "the site's privacy budget does not allow it"


class RulesNotAccepted(Refused):
    """A run by other rules than those in the bundle that the site accepted."""

    public = "the run has other rules than the site accepted"


class RecipeNotAllowed(Refused):
    """The site does not take part in this recipe."""

    public = "the site does not take part in this recipe"


class WorkFailed(GrandRoundsError):
    """The work was allowed and well-formed, and failed."""


class TooFewSites(WorkFailed):
    """Fewer sites than the federation's minimum are left."""

    public = "fewer sites than min_sites are left"
