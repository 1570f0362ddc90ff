"""`grandrounds bench learning`: whether a recipe helps every hospital, and more than rivals."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

from grandrounds.bench.learning.contestants import Contestant
from grandrounds.bench.learning.protocols import worlds
from grandrounds.bench.learning.records import Trial
from grandrounds.bench.learning.store import Store, setting_of
from grandrounds.bench.learning.trial import Bench, trial
from grandrounds.folder import read_folder
from grandrounds.results import make_folder
from grandrounds.threads import one_thread
from grandrounds_client.learners import Learner
from grandrounds_client.site import Site, open_site
from grandrounds_protocol.settings import Settings

Note = Callable[[Trial, int, int], object]
"""Hears of each finished trial, how many are done, and of how many."""


@dataclass(frozen=True)
class Options:
    """What to measure.

    Attributes
    ----------
    seeds : range
    learner : str or None
        One for every site, with its usual parameters; as `site.toml` says where None.
    balanced : bool or None
        Whether learners give every class the same weight; as their settings say where None.
    rounds : int
    """

    seeds: range
    learner: str | None = None
    balanced: bool | None = None
    rounds: int = 1


@dataclass(frozen=True)
class Measured:
    """All trials, by seed and world, and where they stand on disk."""

    federation: str
    trials: list[Trial]
    path: Path


def measure(
    folder: Path,
    contestants: Mapping[str, Contestant],
    options: Options,
    *,
    out: Path,
    jobs: int = 1,
    note: Note,
) -> Measured:
    """Play all worlds of all seeds that are not in `out` yet; the figures depend on no job.

    Raises
    ------
    BadInput
        If the folder cannot be used, or `out` cannot be written.
    ModelHoldsRows
        If a site could not release its own model.
    """
    federation = read_folder(folder).federation
    rules = federation.rules.model_copy(update={"rounds": options.rounds})
    bench = Bench(open_sites(folder, options), rules, contestants)
    make_folder(out)
    said = {"learner": options.learner, "balanced": str(options.balanced)}
    store = Store.of(out, setting_of(bench, **said))
    wanted = [(seed, name) for seed in options.seeds for name in worlds(bench.sites)]
    done = {(one.seed, one.world): one for one in store.read()}
    todo = [pair for pair in wanted if pair not in done]
    for one in _trials(bench, todo, jobs):
        store.add(one)
        done[one.seed, one.world] = one
        note(one, sum(pair in done for pair in wanted), len(wanted))
    return Measured(federation.name, [done[pair] for pair in wanted], store.path)


def open_sites(folder: Path, options: Options) -> dict[str, Site]:
    """Open all sites of a folder, with the learner that is asked for."""
    read = read_folder(folder)
    sites: dict[str, Site] = {}
    for one in read.sites:
        settings = one.settings
        if options.learner is not None:
            settings = settings.model_copy(update={"learner": options.learner})
        site = open_site(settings, one.folder, read.federation, {})
        learners = tuple(_balanced(learner, options.balanced) for learner in site.learners)
        # models run right here: all are made of these rows, and a worker cannot be sent on
        sites[site.name] = replace(site, learners=learners, worker=None)
    return sites


def _balanced(learner: Learner, balanced: bool | None) -> Learner:
    if balanced is None or not isinstance(learner, Settings) or not hasattr(learner, "balanced"):
        return learner
    return learner.model_copy(update={"balanced": balanced})


def _trials(bench: Bench, todo: Sequence[tuple[int, str]], jobs: int) -> Iterator[Trial]:
    if jobs == 1 or len(todo) < 2:
        with one_thread():
            yield from (trial(bench, seed, name) for seed, name in todo)
        return
    # spawned: a fork would copy the locks that torch and onnxruntime hold in this process
    with ProcessPoolExecutor(
        jobs, get_context("spawn"), initializer=_keep, initargs=(bench,)
    ) as pool:
        futures = [pool.submit(_trial, seed, name) for seed, name in todo]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


_here: list[Bench] = []
"""The one bench that a process works on, so that it is sent once."""


def _keep(bench: Bench) -> None:
    _here[:] = [bench]


def _trial(seed: int, name: str) -> Trial:
    with one_thread():
        return trial(_here[0], seed, name)
