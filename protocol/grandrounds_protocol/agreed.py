"""The text of `federation.toml` as it travels, in a request and in a bundle."""

from typing import Annotated

from pydantic import StringConstraints

from grandrounds_protocol.errors import BadInput
from grandrounds_protocol.schema import Federation
from grandrounds_protocol.settings import parse_settings

MAX_TEXT = 1 << 18
_MAX_DOTS = 100
"""In a line. A key of n names joined by dots takes n * n to read, and more in a
table of a long name: 100 kB took 600 MB where 1000 were allowed, the longest takes 215 MB now."""

FederationText = Annotated[str, StringConstraints(min_length=1, max_length=MAX_TEXT)]


def read_agreed(text: str, where: str) -> Federation:
    """Read `federation.toml` as somebody else sent it; `where` names it in messages.

    Raises
    ------
    BadInput
        If it cannot be used, or is longer or more deeply nested than one that a person wrote.
    """
    # a line ends as in TOML: `splitlines` would end one within a key, at a quoted separator
    if len(text) > MAX_TEXT or any(line.count(".") > _MAX_DOTS for line in text.split("\n")):
        raise BadInput(
            "the text is too long, or has too many dots in a line",
            where=where,
            remedy=f"at most {MAX_TEXT} characters, and {_MAX_DOTS} dots in a line",
        )
    try:
        return parse_settings(Federation, text, where)
    except RecursionError:
        raise BadInput("the text is too deeply nested", where=where) from None
