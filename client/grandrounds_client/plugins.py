"""Learners and recipes are found by entry point, so that a site can bring its own."""

from importlib.metadata import entry_points

from grandrounds_protocol.errors import BadInput


def known(group: str) -> list[str]:
    """Names registered under an entry-point group, sorted."""
    return sorted({point.name for point in entry_points(group=group)})


def load(group: str, name: str, where: str) -> object:
    """Load the object registered as `name`.

    Raises
    ------
    BadInput
        If nothing is registered under that name, listing what is.
    """
    for point in entry_points(group=group):
        if point.name == name:
            return point.load()
    what = group.rpartition(".")[2].removesuffix("s")
    raise BadInput(
        f"unknown {what} {name!r}", where=where, remedy=f"one of: {', '.join(known(group))}"
    )
