"""`grandrounds bench engines`: every engine and the published loops, on the same pairs."""

from collections.abc import Callable, Iterator, Sequence
from time import perf_counter

from grandrounds.bench import authors
from grandrounds.bench.dice import Dice, installed
from grandrounds.bench.records import CLIPPED, LOOP, Measured, Report, beside
from grandrounds.bench.setting import ALPHA, EPSILON, LAMBDA, SEED, cpu
from grandrounds.bench.timing import BROAD, Size, Solve, timed_engine, timed_loop
from grandrounds.bench.workloads import KINDS, Workload, workload
from grandrounds.results import versions
from grandrounds.threads import one_thread
from grandrounds_client.counterfactuals.engines import choose
from grandrounds_client.teacher import Teacher
from grandrounds_protocol.errors import BadInput

USUAL = Size()
FULL = Size(pairs=2000, swarm=500, loop=20)

Note = Callable[[str], None]


def run(names: Sequence[str], size: Size, note: Note) -> Report:
    """Measure these workloads, or all if none is named; `note` hears what goes on.

    Raises
    ------
    BadInput
        A workload of that name is not there.
    """
    _check(names)
    begun = perf_counter()
    with one_thread():
        measured = [measure(name, size, note) for name in names or KINDS]
    return Report(
        seed=SEED,
        alpha=ALPHA,
        epsilon=EPSILON,
        objective_lambda=LAMBDA,
        threads=1,
        cpu=cpu(),
        versions=versions(),
        seconds=perf_counter() - begun,
        workloads=measured,
    )


def _check(names: Sequence[str]) -> None:
    for name in names:
        if name not in KINDS:
            raise BadInput(
                f"there is no workload {name!r}",
                where="command line, --only",
                remedy=f"choose among {', '.join(KINDS)}",
            )


def measure(name: str, size: Size, note: Note) -> Measured:
    """Train one workload's teacher and run every method that fits it."""
    note(f"{name}: training")
    work = workload(name, size.pairs)
    rows = []
    for method, solve in _loops(work):
        note(f"{name}: {method}, {size.loop} pairs, one after another")
        rows.append(timed_loop(method, solve, work, size))
    for method in fitting(work.teacher):
        note(f"{name}: {method}, {size.for_engine(method, work.teacher)} pairs at once")
        rows.append(timed_engine(method, work, size))
    return Measured(name, work.says, len(work.pairs), beside(rows))


def _loops(work: Workload) -> Iterator[tuple[str, Solve]]:
    """Methods that take one pair at a time."""
    teacher = work.teacher
    published = authors.adam if work.network else authors.swarm
    yield LOOP, lambda pair: published(teacher, pair.x, pair.target)
    if teacher.differentiable is not None:
        yield CLIPPED, lambda pair: authors.clipped_adam(teacher, pair.x, pair.target)
    if installed() and len(teacher.columns) <= BROAD:
        dice = Dice(teacher, work.pairs)
        yield "DiCE", lambda pair: dice(pair.x, int(pair.y[0]))


def fitting(teacher: Teacher) -> list[str]:
    """Return the names of the engines that fit a teacher, the product's choice first."""
    default, _ = choose("auto", teacher)
    others = ["exact"] if teacher.leaves is not None else []
    others += ["linear", "adam"] if teacher.differentiable is not None else []
    others += ["swarm"] if len(teacher.columns) <= BROAD else []
    return [default, *(name for name in others if name != default)]
