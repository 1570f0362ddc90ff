"""Names that travel: sites, features, classes.

A site's name becomes a folder, a key and a column of a report, so it is held to
letters, digits, dot, dash and underscore of ASCII: no path, no look-alike.
"""

from typing import Annotated

from pydantic import StringConstraints

SiteName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", min_length=1, max_length=64)
]

Label = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]+$", max_length=80)]
"""A feature's or a class's name: one printable line."""


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
    try:
        number = float(text)
    except ValueError:
        return text
    if number != number or number in {float("inf"), float("-inf")}:  # noqa: PLR0124 (nan)
        return text
    return str(int(number)) if number.is_integer() else repr(number)
