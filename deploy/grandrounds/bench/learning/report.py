"""What `grandrounds bench learning` says in the end."""

from collections.abc import Mapping

from grandrounds.bench.learning.contestants import Contestant
from grandrounds.bench.learning.figures import Line, Quartiles, base_of, line_of
from grandrounds.bench.learning.run import Measured, Options
from grandrounds.results import versions
from grandrounds_protocol.record import Record


class Report(Record):
    """The whole, contestant by contestant."""

    federation: str
    learner: str | None
    """The same at every site, or null: as each `site.toml` says."""
    balanced: bool | None
    rounds: int
    first_seed: int
    seeds: int
    versions: dict[str, str]
    base: dict[str, dict[str, Quartiles | None]]
    """No distillation, by protocol and figure."""
    contestants: dict[str, Line]
    cpu_seconds: float
    """Processor time of all trials, of earlier runs too."""

    def to_json(self) -> str:
        """Indented JSON with a final newline."""
        return self.model_dump_json(indent=2) + "\n"


def report_of(
    measured: Measured, contestants: Mapping[str, Contestant], options: Options
) -> Report:
    """Sum up all trials."""
    trials = measured.trials
    return Report(
        federation=measured.federation,
        learner=options.learner,
        balanced=options.balanced,
        rounds=options.rounds,
        first_seed=options.seeds.start,
        seeds=len(options.seeds),
        versions=versions(),
        base=base_of(trials),
        contestants={key: line_of(trials, key, one) for key, one in contestants.items()},
        cpu_seconds=round(sum(trial.seconds for trial in trials), 1),
    )
