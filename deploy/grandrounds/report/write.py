"""Where the pages go: one for all, and one per site that only its owner may read."""

from pathlib import Path

from grandrounds.report.embedding import Method
from grandrounds.report.page import federation_page
from grandrounds.report.private_map import private_map
from grandrounds.report.simulated import tell
from grandrounds.report.site_page import site_page
from grandrounds.results import Results
from grandrounds.simulate import Simulation
from grandrounds_server.rounds import Finished

_OWNER_ONLY = 0o600


def write_reports(
    folder: Path,
    simulation: Simulation,
    finished: Finished,
    results: Results,
    method: Method = "pca",
) -> Path:
    """Write `report.html` and each `sites/NAME/report.html` into `folder`; return the first."""
    story = tell(results, simulation.federation, finished, simulation.sites)
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "report.html"
    page.write_text(federation_page(story), encoding="utf-8")
    rules, members = simulation.federation.rules, tuple(simulation.sites)
    for name, site in simulation.sites.items():
        found = private_map(site, finished.plan.run, rules, members, method)
        _write_private(folder / "sites" / name / "report.html", site_page(story, name, found))
    return page


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # the mode comes first: at no time may others read it
    path.touch(_OWNER_ONLY)
    path.chmod(_OWNER_ONLY)
    path.write_text(text, encoding="utf-8")
