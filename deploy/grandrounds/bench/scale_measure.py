"""One federation, run and measured in a fresh process, so that its peak memory is its own."""

from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from grandrounds.bench.scale_federation import write_federation
from grandrounds.bench.usage import cpu_seconds, peak_memory
from grandrounds.exact_counts import with_exact_counts
from grandrounds.folder import read_folder
from grandrounds.simulate import run_on
from grandrounds.site_on_disk import on_disk
from grandrounds.throwaway import Throwaway
from grandrounds.workers import WorkerGrid, worker_grid
from grandrounds_client.site import Store
from grandrounds_protocol.records import PHASES, Phase
from grandrounds_server.office import Office
from grandrounds_server.outcome import site_outcomes, taught
from grandrounds_server.rounds import Finished
from grandrounds_server.state import Plan


@dataclass(frozen=True)
class Measured:
    """What one federation took.

    Attributes
    ----------
    jobs : int
        Processes that the sites shared; the coordinator has one more.
    seconds, setup_seconds : float
        Wall time of all rounds, and of writing the rows and starting the processes.
    cpu_seconds : float
        Of the coordinator and the sites, while the rounds ran.
    coordinator_before, coordinator_peak : int
        Bytes of memory of the coordinator's process before the first round, and at most.
    everything_peak : int
        The sum of every process's own peak: no less than they ever held together.
    phase_seconds : dict of str to float
    sent, received : dict of str to int
        Bytes by phase, from the coordinator to sites and back.
    counterfactuals : int
        Virtual rows written, counted once per student.
    adopted : int
        Sites whose last candidate was adopted.
    failed : int
        Sites that failed in some phase.
    """

    sites: int
    jobs: int
    rounds: int
    seconds: float
    setup_seconds: float
    cpu_seconds: float
    coordinator_before: int
    coordinator_peak: int
    everything_peak: int
    phase_seconds: dict[Phase, float]
    sent: dict[Phase, int]
    received: dict[Phase, int]
    counterfactuals: int
    adopted: int
    failed: int
    stopped: str

    @property
    def carried(self) -> int:
        """Bytes through the coordinator, in and out."""
        return sum(self.sent.values()) + sum(self.received.values())


def measure(sites: int, jobs: int, rounds: int) -> Measured:
    """Measure a federation of made rows in a process of its own."""
    with ProcessPoolExecutor(1, get_context("spawn")) as fresh:
        return fresh.submit(_measure, sites, jobs, rounds).result()


def _measure(sites: int, jobs: int, rounds: int) -> Measured:
    begun = perf_counter()
    with TemporaryDirectory(prefix="grandrounds-") as temporary:
        folder = Path(temporary).resolve()
        write_federation(folder, sites, rounds)
        read = read_folder(folder)
        keys = Throwaway.of(read.federation.name, [site.settings.name for site in read.sites])
        folders = ((site.settings, site.folder) for site in read.sites)
        places = on_disk(folders, read.federation, folder / "homes", keys)
        names = tuple(place.settings.name for place in places)
        federation = read.federation
        plan = Plan("scale", names, federation.digest(), federation.rules, keys.roster)
        stores = {place.settings.name: place.store for place in places}
        with worker_grid(places, jobs) as grid:
            return _run(grid, plan, keys.office, stores, jobs, perf_counter() - begun)


def _run(
    grid: WorkerGrid,
    plan: Plan,
    office: Office,
    stores: Mapping[str, Store],
    jobs: int,
    setup_seconds: float,
) -> Measured:
    sent: dict[Phase, int] = dict.fromkeys(PHASES, 0)
    received: dict[Phase, int] = dict.fromkeys(PHASES, 0)

    def meter(phase: Phase, out: int, back: int) -> None:
        sent[phase] += out
        received[phase] += back

    before = peak_memory()
    began, spent = perf_counter(), cpu_seconds() + sum(grid.in_each(cpu_seconds))
    finished = run_on(grid, plan, office, lambda *_: None, meter)
    seconds = perf_counter() - began
    worked = cpu_seconds() + sum(grid.in_each(cpu_seconds)) - spent
    lessons = taught(with_exact_counts(finished, stores))
    return Measured(
        sites=len(plan.sites),
        jobs=jobs,
        rounds=plan.rules.rounds,
        seconds=seconds,
        setup_seconds=setup_seconds,
        cpu_seconds=worked,
        coordinator_before=before,
        coordinator_peak=peak_memory(),
        everything_peak=peak_memory() + sum(grid.in_each(peak_memory)),
        phase_seconds=finished.seconds,
        sent=sent,
        received=received,
        counterfactuals=sum(sum(students.values()) for students in lessons.values()),
        adopted=_adopted(finished),
        failed=len({site for record in finished.rounds for site in record.failures}),
        stopped=finished.stopped,
    )


def _adopted(finished: Finished) -> int:
    adopts = [outcome.adopt for outcome in site_outcomes(finished).values()]
    return sum(adopt is not None and adopt.adopted for adopt in adopts)
