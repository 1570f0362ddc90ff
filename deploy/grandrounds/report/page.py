"""From a story to HTML. Names come from peers: everything is escaped."""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from grandrounds.report.gains import gains
from grandrounds.report.headline import headline
from grandrounds.report.history import history
from grandrounds.report.knowledge import LEAST_LESSONS, MOST, knowledge
from grandrounds.report.numbers import DASH, counted, listed, percent, seconds
from grandrounds.report.story import Story
from grandrounds.report.teaching import teaching
from grandrounds.report.telling import telling
from grandrounds.report.timings import timings


def federation_page(story: Story) -> str:
    """Write the page for all."""
    template = environment().get_template("federation.html")
    return template.render(**told(story), site=None, headline=headline(story.results))


def told(story: Story) -> dict[str, Any]:
    """Say what every page tells, by the names that templates use."""
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
        "telling": telling(results, everywhere=story.simulated),
    }


@cache
def environment() -> Environment:
    """Return where the templates are, with all that they escape."""
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
        "MOST": MOST,
        "LEAST_LESSONS": LEAST_LESSONS,
    }
    return found
