"""Names that travel: sites, features, classes.

A site's name becomes a folder, a key and a column of a report, so it is held to
letters, digits, dot, dash and underscore of ASCII: no path, no look-alike.
"""

import re
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

SiteName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", min_length=1, max_length=64)
]

_DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+")


def _printable(name: str) -> str:
    # not only control characters: a line separator, or marks that turn the order of writing
    if not name.isprintable():
        raise ValueError("a name is one line of printable characters")
    return name


Label = Annotated[str, StringConstraints(min_length=1, max_length=80), AfterValidator(_printable)]
"""A feature's or a class's name: one printable line, of any language."""


def canonical(value: object) -> str:
    """Return the one spelling of a category, level or class value.

    CSV writers spell the same category ``3``, ``3.0`` or `` 3``; all become ``"3"``.

    >>> canonical(3.0), canonical(" 3"), canonical("3.50"), canonical(True), canonical("Male")
    ('3', '3', '3.5', 'true', 'Male')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value).strip()
    if text.lower() in {"true", "false"}:
        return text.lower()
    if _DECIMAL.fullmatch(text):
        # `01` and `1e2` are codes of their own, not spellings of 1 and 100
        return text.rstrip("0").rstrip(".")
    return text
