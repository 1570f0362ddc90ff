"""Which of a site's rows it trained on, by their place in its file."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from grandrounds_client.site import Site, split_rows
from grandrounds_protocol.schema import Rules

TRAINED, HELD_OUT, NEITHER = 1, 0, -1
Membership = npt.NDArray[np.int8]
"""TRAINED, HELD_OUT, or NEITHER for validation rows, which chose the model."""


def membership(site: Site, rules: Rules) -> Membership:
    """Return what became of each row of a site's file, int8 [N].

    The split looks at classes only: given row numbers in place of rows, it says which.
    """
    numbers = np.arange(len(site.rows.y), dtype=np.float32)[:, None]
    parts = split_rows(replace(site, rows=replace(site.rows, x=numbers)), rules)
    found = np.full(len(numbers), NEITHER, np.int8)
    found[parts.train.x[:, 0].astype(np.intp)] = TRAINED
    found[parts.held_out.x[:, 0].astype(np.intp)] = HELD_OUT
    return found
