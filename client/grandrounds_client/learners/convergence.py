"""Solvers that stop early are no news here."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from sklearn.exceptions import ConvergenceWarning


@contextmanager
def early_stops_allowed() -> Iterator[None]:
    """Keep scikit-learn from warning that a solver used up its iterations.

    Where it stopped is a model like any other, and validation rows judge it; a site's
    operator could do nothing with the warning.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield
