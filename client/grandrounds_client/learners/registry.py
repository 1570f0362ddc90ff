"""From a learner's name and parameters in `site.toml` to learners ready to fit."""

from collections.abc import Mapping
from itertools import product
from math import prod
from typing import Any, cast, get_args, get_origin

from grandrounds_client.learners.base import Learner
from grandrounds_client.plugins import load
from grandrounds_protocol.errors import BadInput
from grandrounds_protocol.settings import Settings, check_settings

GROUP = "grandrounds.learners"
MOST = 1000
"""Learners that one set of parameters may spell out."""


def make_learner(name: str, parameters: Mapping[str, object], where: str) -> list[Learner]:
    """Return the learner called `name`, once for each combination of its parameters.

    A list where the parameter takes a single value means: fit each, and let validation
    rows choose (see `choose`). Where it takes a list itself, a list of lists means so.

    Parameters
    ----------
    name : str
        A name in the entry-point group `grandrounds.learners`.
    parameters : mapping of field to value, or to a list of values
    where : str
        File and table, for messages.

    Raises
    ------
    BadInput
        If there is no such learner, or a parameter is unknown, out of bounds or without
        any value.

    Examples
    --------
    >>> [learner.min_leaf for learner in make_learner("tree", {"min_leaf": [5, 10]}, "site.toml")]
    [5, 10]
    """
    kind = _load(name, where)
    choices = {field: _choices(kind, field, value) for field, value in parameters.items()}
    empty = next((field for field, values in choices.items() if not values), None)
    if empty is not None or prod(map(len, choices.values())) > MOST:
        raise BadInput(
            f"{empty}: an empty list" if empty else f"more than {MOST} learners to choose from",
            where=f"{where}, field {empty or 'parameters'}",
            remedy="give the values to choose from, or a single value",
        )
    grid = (dict(zip(choices, values, strict=True)) for values in product(*choices.values()))
    return [cast("Learner", check_settings(kind, table, where)) for table in grid]


def _load(name: str, where: str) -> type[Settings]:
    try:
        kind = load(GROUP, name, f"{where}, learner name")
    except (ImportError, AttributeError):
        kind = None
    if isinstance(kind, type) and issubclass(kind, Settings) and hasattr(kind, "fit"):
        return kind
    raise BadInput(
        f"learner {name!r} cannot be loaded",
        where=f"{where}, learner name",
        remedy="its entry point must name an importable subclass of Settings with a method fit",
    )


def _choices(kind: type[Settings], field: str, value: object) -> list[Any]:
    if not isinstance(value, list):
        return [value]
    known = kind.model_fields.get(field)
    if known is None or not _takes_list(known.annotation):
        return value
    return value if value and all(isinstance(one, list) for one in value) else [value]


def _takes_list(annotation: object) -> bool:
    parts = (annotation, *get_args(annotation))
    return any(part in {list, tuple} or get_origin(part) in {list, tuple} for part in parts)
