"""Whether anybody else bears out what one sender's rows say: their labels, and their patterns.

A validation row that a site does not have cannot tell that a lesson is wrong. What a student
holds anyway can: its peers' models and its own, and the rows of the other senders. None of
them accuses anybody: a row goes only where all of them leave it alone. No row of the site's own
is asked, so what is refused tells its sender nothing of patients that the models do not.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.tree import DecisionTreeClassifier

from grandrounds_client.arrays import Columns, Labels, Mask
from grandrounds_client.split import Examples

MOST_DENIED = 0.1
"""A parcel of which more than this share is denied is not believed at all."""
FEATURES = 3
"""A pattern is said by so many comparisons of one column with a number at most."""
ELSEWHERE = 0.05
"""Rows of others that a pattern of one sender's own may have, for each of the sender's rows."""
ONE_CLASS = 0.9
"""Share of a pattern's rows that are of one class, where the pattern decides the class."""


@dataclass(frozen=True)
class Witnesses:
    """All that can speak of one sender's rows and is not that sender's.

    Attributes
    ----------
    votes : int [M, n]
        Class that each of M models gives each of the sender's rows, the own model among them.
    rows : Examples
        The rows of all other senders.
    fewest : int
        Of a class with fewer rows than this among `rows`, nobody here can speak: whoever
        alone knows a class must be able to teach it.
    """

    votes: npt.NDArray[np.intp]
    rows: Examples
    fewest: int

    def know(self, y: Labels) -> Mask:
        """Mark rows of classes of which the others can speak, bool [n]."""
        classes = int(max(y.max(initial=0), self.rows.y.max(initial=0))) + 1
        known = np.bincount(self.rows.y, minlength=classes) >= self.fewest
        marked: Mask = known[y]
        return marked


def denied(sent: Examples, witnesses: Witnesses) -> Mask:
    """Mark rows to which no model gives their label, bool [n]; all, where these are many.

    Any one honest model that agrees saves a row, so that nobody can have another's rows
    refused by a model that denies everything. Of honest rows about one in a hundred is
    denied; of flipped ones four in five are, and who sends those is not believed in the fifth.
    """
    alone = ~(witnesses.votes == sent.y).any(axis=0) & witnesses.know(sent.y)
    if alone.sum() > max(witnesses.fewest, MOST_DENIED * len(sent)):
        return np.ones(len(sent), np.bool_)
    marked: Mask = alone
    return marked


def lone_patterns(sent: Examples, witnesses: Witnesses, columns: Columns, seed: int) -> Mask:
    """Mark rows with a pattern that nobody else's rows have, and that decides the class.

    A backdoor is such a pattern: what nobody else has, no other row can contradict. It is
    looked for by a shallow tree that tells the sender's rows from all others. A leaf is such
    a pattern where it holds rows of this sender only, `fewest` or more, and of one class.

    Parameters
    ----------
    sent : Examples
    witnesses : Witnesses
    columns : int64 [d]
        Columns the site has: it learns from no others.
    seed : int
        Chooses between equally good splits.
    """
    marked = np.zeros(len(sent), np.bool_)
    # a feature that the sender does not have is 0 throughout: it says who sent, not what for
    varied = columns[sent.x[:, columns].any(axis=0)]
    if len(sent) < witnesses.fewest or not len(witnesses.rows) or not len(varied):
        return marked
    theirs, others = sent.x[:, varied], witnesses.rows.x[:, varied]
    tree = DecisionTreeClassifier(
        max_depth=FEATURES,
        min_samples_leaf=witnesses.fewest,
        class_weight="balanced",
        random_state=seed,
    ).fit(np.concatenate([theirs, others]), np.repeat([True, False], [len(theirs), len(others)]))
    leaf, leaf_of_others = tree.apply(theirs), tree.apply(others)
    for each in np.unique(leaf):
        members = leaf == each
        count = members.sum()
        elsewhere = (leaf_of_others == each).sum()
        of_one = np.bincount(sent.y[members]).max()
        if count >= witnesses.fewest and elsewhere <= ELSEWHERE * count:
            marked |= members & (of_one >= ONE_CLASS * count)
    found: Mask = marked & witnesses.know(sent.y)
    return found
