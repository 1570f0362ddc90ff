"""From a story to HTML. Names come from peers: everything is escaped."""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from grandrounds.report.gains import gains
from grandrounds.report.headline import headline, headline_of
from grandrounds.report.history import history
from grandrounds.report.knowledge import LEAST_LESSONS, MOST, knowledge
from grandrounds.report.numbers import DASH, counted, listed, percent, seconds
from grandrounds.report.private_map import PrivateMap
from grandrounds.report.scatter import SIDE, scatters
from grandrounds.report.story import Story
from grandrounds.report.teaching import teaching
from grandrounds.report.telling import telling
from grandrounds.report.timings import timings


def federation_page(story: Story) -> str:
    """Write the page for all."""
    template = _environment().get_template("federation.html")
    return template.render(**_told(story), site=None, headline=headline(story.results))


def site_page(story: Story, name: str, found: PrivateMap) -> str:
    """Write one site's page: the page for all, with that site's map."""
    members = tuple(story.results.sites)
    maps = scatters(found, story.federation.class_names, members)
    template = _environment().get_template("site.html")
    told = _told(story)
    return template.render(
        **told, site=name, headline=headline_of(story.results, name), map=found, maps=maps
    )


def _told(story: Story) -> dict[str, Any]:
    results, federation = story.results, story.federation
    return {
        "results": results,
        "classes": federation.class_names,
        "simulated": story.simulated,
        "gains": gains(results, len(federation.classes), everywhere=story.simulated),
        "teaching": teaching(results),
        "knowledge": knowledge(federation, story.directions),
        "history": history(story.rounds, tuple(results.sites)),
        "timings": timings(results.seconds),
        "total_seconds": seconds(sum(results.seconds.values())),
        "rules": federation.rules.model_dump(),
        "telling": telling(results),
    }


@cache
def _environment() -> Environment:
    found = Environment(
        loader=PackageLoader("grandrounds", "report/templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.filters |= {"percent": percent, "listed": listed}
    found.globals |= {
        "DASH": DASH,
        "counted": counted,
        "SIDE": SIDE,
        "MOST": MOST,
        "LEAST_LESSONS": LEAST_LESSONS,
    }
    return found
