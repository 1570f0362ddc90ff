"""One run whose pages several tests read."""

from pathlib import Path

import pytest

from grandrounds.report.write import write_reports
from grandrounds.results import Results
from grandrounds.simulate import compare, prepare, run
from tests.conftest import SITES, federation_toml, write_rows


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Results]:
    """Run the wine federation once; where its pages are, and its results."""
    folder = tmp_path_factory.mktemp("wine")
    (folder / "federation.toml").write_text(federation_toml("review_min_rows = 1"))
    for part, (name, (learner, features)) in enumerate(SITES.items()):
        (folder / name).mkdir()
        write_rows(folder / name / "rows.csv", features, part)
        (folder / name / "site.toml").write_text(
            f'name = "{name}"\ndata = "rows.csv"\npatients = false\n'
            f'learner = "{learner}"\nfeatures = {features}\n'
        )
    simulation = prepare(folder, recipe="paper", rounds=2, seed=1)
    finished = run(simulation, lambda *_: None)
    results = compare(simulation, finished)
    # of an earlier run, and open to all
    earlier = folder / "sites" / "veneto" / "report.html"
    earlier.parent.mkdir(parents=True)
    earlier.touch(0o644)
    write_reports(folder, simulation, finished, results)
    return folder, results
