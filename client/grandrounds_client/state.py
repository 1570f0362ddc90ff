"""What a site keeps of a run, by name. All of it is ONNX, safetensors or JSON: never pickle.

A phase reads the state and returns its changes; `service` writes them together with the
reply, so that a question is either answered and applied, or neither.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from grandrounds_client.sent_rows import SentRows, senders_from_bytes, senders_to_bytes
from grandrounds_protocol.errors import Stale
from grandrounds_protocol.instances import Bounds, VirtualInstances
from grandrounds_protocol.records import Heading

Changes = dict[str, bytes]

FIRST = "model-first"
"""The site's own model before any lesson."""
CURRENT = "model-current"
"""The adopted model: each round starts from it."""
LEARNER = "learner"
"""Index of the learner chosen on validation rows, as decimal text."""
RULES = "rules"
"""The rules the run began with, as JSON."""
ROSTER = "roster"
"""The members the run began with, in order, as JSON."""
ROSTER_VERSION = "roster-version"
"""Fingerprint of the signed roster that the run began by."""
VIRTUAL = "virtual-adopted"
"""Virtual rows the adopted model stands on; their senders beside them."""
QUARANTINE = "quarantine"
"""Peers whose rows are not used for the rest of the run, and since which round, as JSON."""
REVIEWED = "reviewed"
"""How many candidates of each peer were scored in this run, as JSON."""


def peer_first(site: str) -> str:
    """A peer's model as it was when the two first met: a member of the ensemble.

    Where all meet in the first round, that is before any lesson.
    """
    return f"peer-first/{site}"


def current_scores(round_: int) -> str:
    """What this site's validation rows say of the models released in a round, own included.

    JSON, site to rounded balanced accuracy: all that a later review needs of these models.
    """
    return f"current-scores/{round_}"


def own_lessons(round_: int) -> str:
    """Lessons written here for this very site; they never travel."""
    return f"own-lessons/{round_}"


def written(round_: int) -> str:
    """What was written in a round and what the gate did with it, counted exactly."""
    return f"written/{round_}"


def directions(round_: int) -> str:
    """What this site's lessons of a round change, by student; it never travels."""
    return f"directions/{round_}"


def candidate(round_: int, attempt: int = 1) -> str:
    """The retrained model of a round's first or second attempt."""
    return f"candidate/{round_}/{attempt}"


def candidate_virtual(round_: int, attempt: int = 1) -> str:
    """Virtual rows the candidate stands on; their senders beside them."""
    return f"candidate-virtual/{round_}/{attempt}"


def senders(name: str) -> str:
    """Who sent the virtual rows kept under a name."""
    return f"{name}/senders"


def with_senders(name: str, virtual: SentRows) -> Changes:
    """Keep virtual rows under a name, and their senders beside them."""
    return {
        name: virtual.rows.to_bytes(),
        senders(name): senders_to_bytes(virtual.sender),
    }


@dataclass(frozen=True)
class State:
    """A read-only view of the store for one run."""

    store: Mapping[str, bytes]
    run: str

    def get(self, name: str) -> bytes | None:
        """Bytes kept under a name, if any."""
        return self.store.get(f"{self.run}/{name}")

    def need(self, name: str) -> bytes:
        """Bytes kept under a name.

        Raises
        ------
        Stale
            If an earlier phase, which would have kept them, was not answered here.
        """
        kept = self.get(name)
        if kept is None:
            raise Stale("an earlier phase of this run was not answered here", where=name)
        return kept

    def names(self, prefix: str) -> list[str]:
        """Names kept that start with `prefix`, sorted."""
        start = f"{self.run}/"
        return sorted(
            key.removeprefix(start) for key in self.store if key.startswith(start + prefix)
        )

    def instances(self, name: str, bounds: Bounds) -> VirtualInstances:
        """Virtual rows kept under a name; none where nothing is."""
        kept = self.get(name)
        if kept is None:
            return VirtualInstances.empty(bounds.columns)
        return VirtualInstances.from_bytes(kept, bounds)

    def sent_rows(self, name: str, bounds: Bounds) -> SentRows:
        """Virtual rows kept under a name, with their senders; none where nothing is."""
        rows = self.instances(name, bounds)
        if not len(rows):
            return SentRows.of(rows, 0)
        return SentRows(rows, senders_from_bytes(self.need(senders(name))))


def said(heading: Heading) -> str:
    """What this site answered, before it was sealed: for the house to know what left it."""
    return f"said/{heading.round}/{heading.attempt}/{heading.phase}"


def reply_key(heading: Heading) -> str:
    """Where the reply to a question is kept, as it left."""
    return f"{heading.run}/reply/{heading.round}/{heading.attempt}/{heading.phase}"
