"""Finished trials on disk, one line each: what is there is never computed again."""

import hashlib
import inspect
import json
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import grandrounds
import grandrounds_client
import grandrounds_protocol
from grandrounds.bench.learning.records import Trial
from grandrounds.bench.learning.trial import Bench
from grandrounds.results import versions


class Store:
    """Trials of one folder, options and versions, in a file of their own.

    Parameters
    ----------
    path : Path
        JSON lines: first what they are trials of, then one trial each.
    setting : mapping
        What the first line says.
    """

    def __init__(self, path: Path, setting: Mapping[str, Any]) -> None:
        self.path = path
        self._first = json.dumps(setting, sort_keys=True)

    @classmethod
    def of(cls, folder: Path, setting: Mapping[str, Any]) -> "Store":
        """Return the store in a folder; another setting has another file."""
        text = json.dumps(setting, sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:12]
        return cls(folder / f"learning-{digest}.jsonl", setting)

    def read(self) -> list[Trial]:
        """Return what is finished; half a line, of a run that was killed, is cut off."""
        if not self.path.exists():
            self.path.write_text(self._first + "\n", encoding="utf-8")
            return []
        whole, _, rest = self.path.read_text(encoding="utf-8").rpartition("\n")
        if rest:
            self.path.write_text(whole + "\n", encoding="utf-8")
        return [Trial.model_validate_json(line) for line in whole.split("\n")[1:]]

    def add(self, trial: Trial) -> None:
        """Append one trial."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(trial.model_dump_json() + "\n")


def setting_of(bench: Bench, **options: str | None) -> dict[str, Any]:
    """Return all that a trial depends on beside its seed and world.

    Sources count as a version of their own: who changes a recipe wants new figures.
    """
    return {
        "options": options,
        "rules": bench.rules.model_dump(mode="json", exclude={"seed"}),
        "contestants": {key: one.says for key, one in bench.contestants.items()},
        "versions": versions(),
        "sources": _sources(one.play for one in bench.contestants.values()),
        "data": _data(bench),
    }


def _sources(plays: Iterable[Callable[..., object]]) -> str:
    ours = [
        path
        for package in (grandrounds, grandrounds_client, grandrounds_protocol)
        for path in Path(str(package.__file__)).parent.rglob("*.py")
    ]
    theirs = {_source(play) for play in plays} - set(ours)
    files = [*sorted(ours), *sorted(path for path in theirs if path is not None)]
    return _digest(path.read_bytes() for path in files)


def _source(play: Callable[..., object]) -> Path | None:
    """File of a contestant's code; None on a prompt, where its name is all that is known of it."""
    inner = play.func if isinstance(play, partial) else play
    try:
        found = inspect.getsourcefile(inner if inspect.isroutine(inner) else type(inner))
    except TypeError:
        return None
    return Path(found) if found and Path(found).exists() else None


def _data(bench: Bench) -> str:
    parts: list[bytes] = []
    for name, site in bench.sites.items():
        said = [name, site.settings.model_dump_json(), site.federation.digest()]
        parts += ["\n".join(said).encode(), site.rows.x.tobytes(), site.rows.y.tobytes()]
    return _digest(parts)


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8) + part)
    return digest.hexdigest()
