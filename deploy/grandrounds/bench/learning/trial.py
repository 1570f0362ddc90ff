"""One world of one seed: every contestant on the same models, rows and random numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from time import process_time

from grandrounds.bench.learning import protocols
from grandrounds.bench.learning.contestants import Contestant, Given
from grandrounds.bench.learning.ensembles import Predict
from grandrounds.bench.learning.protocols import Cell
from grandrounds.bench.learning.records import Played, Trial
from grandrounds.bench.learning.review import passes
from grandrounds.bench.learning.world import Lessons, Member, World, member, retrained
from grandrounds_client.frames import frames
from grandrounds_client.metrics import evaluate
from grandrounds_client.site import Site, split_rows
from grandrounds_client.split import Examples, Split
from grandrounds_client.teacher import Teacher
from grandrounds_protocol.errors import GrandRoundsError
from grandrounds_protocol.names import SiteName
from grandrounds_protocol.records import Metrics
from grandrounds_protocol.schema import Rules
from grandrounds_protocol.seeding import generator

Tests = Sequence[tuple[Cell, Examples]]


@dataclass(frozen=True, eq=False)
class Bench:
    """What all trials share.

    Attributes
    ----------
    sites : mapping of str to Site
        In roster order.
    rules : Rules
        Their seed gives way to a trial's.
    contestants : mapping of str to Contestant
    """

    sites: Mapping[SiteName, Site]
    rules: Rules
    contestants: Mapping[str, Contestant]


@dataclass(frozen=True)
class _Federation:
    """All sites with one seed: each split, and trained on its own rows."""

    rules: Rules
    splits: Mapping[SiteName, Split]
    members: Mapping[SiteName, Member]


@lru_cache(maxsize=1)
def _federation(bench: Bench, seed: int) -> _Federation:
    """Train each site's own model: it is the same in every world of a seed."""
    rules = bench.rules.model_copy(update={"seed": seed})
    splits = {name: split_rows(site, rules) for name, site in bench.sites.items()}
    members = {name: member(site, splits[name], rules) for name, site in bench.sites.items()}
    return _Federation(rules, splits, members)


def trial(bench: Bench, seed: int, name: str) -> Trial:
    """Let every contestant play in one world; one that raises costs its own cells only."""
    begun = process_time()
    everybody = _federation(bench, seed)
    world = protocols.world(everybody.members, everybody.rules, name)
    tests = list(protocols.tests(bench.sites, everybody.splits, world))
    base = _scores(_answers(world), tests)
    played: dict[str, Played | None] = {}
    failed: dict[str, str] = {}
    for key, contestant in bench.contestants.items():
        try:
            played[key] = _play(contestant, world, tests)
        except Exception as error:  # noqa: BLE001 (a contestant may be anybody's function)
            failed[key] = frames(error)
    return Trial(
        seed=seed,
        world=name,
        base=base,
        contestants=played,
        failed=failed,
        seconds=process_time() - begun,
    )


@dataclass(frozen=True)
class _Candidate:
    """A retrained model, and all virtual rows it learned from."""

    model: Teacher
    rows: Lessons


@dataclass(frozen=True)
class _Standing:
    """A world, and the virtual rows that each student's model stands on."""

    world: World
    rows: Mapping[SiteName, Lessons]

    def taking(self, candidates: Mapping[SiteName, _Candidate]) -> "_Standing":
        """Return where the next round starts if these are kept."""
        models = {name: one.model for name, one in candidates.items()}
        rows = {name: one.rows for name, one in candidates.items()}
        return _Standing(self.world.after(models), {**self.rows, **rows})


def _play(contestant: Contestant, world: World, tests: Tests) -> Played | None:
    given = _asked(contestant, world)
    if given is None:
        return None
    answers = {name: one for name, one in given.items() if not isinstance(one, Lessons)}
    if answers:
        scores = _scores(answers, tests)
        return Played(before_review=scores, adopted=None, rows={}, adopters=(), refused={})
    kept = adopted = _Standing(world, {})
    refused: dict[SiteName, str] = {}
    for number in range(world.rules.rounds):
        if number:
            given = _asked(contestant, kept.world)
        offered = _offered(kept, given, refused)
        voted = offered
        if number and adopted is not kept:
            voted = _offered(adopted, _asked(contestant, adopted.world), {})
        won = {name: one for name, one in voted.items() if passes(adopted.world, name, one.model)}
        kept, adopted = kept.taking(offered), adopted.taking(won)
    return Played(
        before_review=_scores(_answers(kept.world), tests),
        adopted=_scores(_answers(adopted.world), tests),
        rows={name: len(rows) for name, rows in kept.rows.items()},
        adopters=tuple(adopted.rows),
        refused=refused,
    )


def _asked(contestant: Contestant, world: World) -> Given:
    """Ask a contestant; all of them draw the same numbers."""
    rng = generator(world.rules.seed, "contestant", world.round, *world.members)
    return contestant.play(world, rng)


def _offered(
    standing: _Standing, given: Given, refused: dict[SiteName, str]
) -> dict[SiteName, _Candidate]:
    """Retrain every student that got something new; one that may not release it offers nothing."""
    offered: dict[SiteName, _Candidate] = {}
    for name, lessons in (given or {}).items():
        if not isinstance(lessons, Lessons):
            continue
        before = standing.rows.get(name, Lessons.none(standing.world.width))
        rows = before.with_new(lessons)
        if len(rows) == len(before):
            continue
        try:
            offered[name] = _Candidate(retrained(standing.world, name, rows), rows)
        except GrandRoundsError as error:
            refused[name] = error.code
    return offered


def _answers(world: World) -> dict[SiteName, Predict]:
    return {name: world.members[name].model.predict_proba for name in world.students}


def _scores(answers: Mapping[SiteName, Predict], tests: Tests) -> dict[str, Metrics]:
    return {
        str(cell): evaluate(answers[cell.student](rows.x), rows.y)
        for cell, rows in tests
        if cell.student in answers
    }
