"""How much a virtual row counts beside an own one."""

from math import inf

from grandrounds_client.recipes import Recipe, works_on_drawn_seeds

DRAWN = 0.5
"""Of rows from drawn seeds: most that all of them count together, in own rows.

They are no patients, and lie where the features would be if they had nothing to do with each
other within a class. Many of them must not outvote the rows that were seen.
"""


def most_of(recipe: Recipe) -> float:
    """Most that all of a recipe's virtual rows count together, as a share of all own rows."""
    return DRAWN if works_on_drawn_seeds(recipe) else inf


def scale(own: int, virtual: float, most: float) -> float:
    """Return what makes virtual rows count no more than `most` times the own ones.

    Parameters
    ----------
    own : int
        Training rows, each of which counts 1.
    virtual : float
        What the virtual rows would count together, above 0.
    most : float

    Examples
    --------
    >>> scale(100, 200, 0.5), scale(100, 20, 0.5)
    (0.25, 1.0)
    """
    return min(1.0, most * own / virtual)
