"""A site's own model as its runs left it: for the house to keep and to use."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from grandrounds.provision.identity import open_ledger
from grandrounds.provision.site_folder import SiteFolder
from grandrounds_client.ledger import AnsweredEntry
from grandrounds_client.state import CURRENT, FIRST, State
from grandrounds_client.store import DirectoryStore
from grandrounds_client.teacher import Teacher
from grandrounds_client.vet import vet
from grandrounds_protocol.errors import BadInput
from grandrounds_protocol.layout import Layout
from grandrounds_protocol.release import ModelRelease
from grandrounds_protocol.schema import Federation


@dataclass(frozen=True)
class OwnModel:
    """What a run left.

    Attributes
    ----------
    run : str
    release : ModelRelease
        The model adopted last; the site's first where none was.
    learned : bool
        Whether it learned from peers.
    """

    run: str
    release: ModelRelease
    learned: bool

    def teacher(self, federation: Federation) -> Teacher:
        """Open it.

        Raises
        ------
        BadModel
        """
        card = self.release.card
        return vet(
            self.release.onnx,
            name=card.site,
            algorithm=card.algorithm,
            width=Layout.of(federation).width,
            classes=len(federation.classes),
        )

    def description(self, federation: Federation) -> str:
        """Say as JSON what the graph reads and writes: columns, classes, features, the card."""
        said = {
            "run": self.run,
            "learned_from_peers": self.learned,
            "card": self.release.card.model_dump(mode="json"),
            "columns": Layout.of(federation).column_names,
            "classes": federation.class_names,
            "features": [feature.model_dump(mode="json") for feature in federation.features],
        }
        return json.dumps(said, indent=2) + "\n"


def own_model(site: SiteFolder, run: str | None = None) -> OwnModel:
    """Find the model that a run left, or the newest run that left one.

    Raises
    ------
    BadInput
        If there is none.
    BadLedger, BadModel, WorkFailed
    """
    store: Mapping[str, bytes] = DirectoryStore(site.store) if site.store.is_dir() else {}
    left = [name for name in _runs(site.folder) if State(store, name).get(CURRENT) is not None]
    if not left:
        raise BadInput(
            "no run left a model here yet",
            where=str(site.folder),
            remedy=f"grandrounds site status {site.folder} says how far this site has come",
        )
    if run is not None and run not in left:
        raise BadInput(
            "no such run left a model here",
            where="argument RUN",
            remedy=f"one of: {', '.join(left)}",
        )
    state = State(store, left[-1] if run is None else run)
    release = state.need(CURRENT)
    return OwnModel(state.run, ModelRelease.from_bytes(release), release != state.get(FIRST))


def _runs(folder: Path) -> list[str]:
    """Runs that the site answered in, those it answered last at the end."""
    answered = [
        entry.what.run
        for entry in open_ledger(folder).entries()
        if isinstance(entry.what, AnsweredEntry)
    ]
    return list(dict.fromkeys(reversed(answered)))[::-1]
