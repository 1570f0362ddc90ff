"""One site's page: the page for all, with the map that its owner alone may see."""

from grandrounds.report.headline import headline_of
from grandrounds.report.page import environment, told
from grandrounds.report.private_map import PrivateMap
from grandrounds.report.scatter import SIDE, scatters
from grandrounds.report.story import Story


def site_page(story: Story, name: str, found: PrivateMap) -> str:
    """Write one site's page: the page for all, with that site's map."""
    members = tuple(story.results.sites)
    return (
        environment()
        .get_template("site.html")
        .render(
            **told(story),
            site=name,
            headline=headline_of(story.results, name),
            map=found,
            maps=scatters(found, story.federation.class_names, members),
            SIDE=SIDE,
        )
    )
