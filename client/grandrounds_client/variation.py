"""Which pixels of an image may move: those that vary most within a class (CKD, experiment 5)."""

import numpy as np

from grandrounds_client.arrays import Mask, Rows
from grandrounds_protocol.layout import Layout


def movable_columns(x: Rows, layout: Layout) -> Mask:
    """Columns that counterfactuals of one class may move, bool [D].

    Of each image feature the share `move` of columns with the largest variance over `x`,
    first ones first where they tie; all columns of other features.

    Parameters
    ----------
    x : float32 [N, D]
        The site's training rows of that class. Fewer than two tell nothing: all may move.
    layout : Layout
    """
    movable = np.ones(layout.width, np.bool_)
    if len(x) < 2:
        return movable
    for image in layout.images:
        columns = layout.slices[image.name]
        variance = x[:, columns].var(axis=0, dtype=np.float64)
        still = np.argsort(-variance, kind="stable")[max(1, round(image.move * image.width)) :]
        movable[columns.start + still] = False
    return movable
