"""Which folder the apps work in. The environment says it, and nothing that came over the wire."""

import os
from pathlib import Path

from grandrounds_protocol.errors import BadInput

SITE, COORDINATOR = "GRANDROUNDS_SITE", "GRANDROUNDS_COORDINATOR"


def folder_of(role: str) -> Path:
    """Return the folder that the environment names.

    Raises
    ------
    BadInput
        If it names none.
    """
    named = os.environ.get(role)
    if not named:
        raise BadInput("no folder is named", where=f"environment, {role}")
    return Path(named)
