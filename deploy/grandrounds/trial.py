"""What a learner passed in from Python must show before a run: that its model can be released."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from grandrounds_client.release import export
from grandrounds_client.site import Site
from grandrounds_client.vet import vet
from grandrounds_protocol.errors import BadInput, GrandRoundsError

AGREEMENT = 1e-4
"""Largest difference between a model and its export."""


def check_learner(site: Site) -> None:
    """Fit once on the site's rows, export, vet and compare, so that what is wrong shows at once.

    Raises
    ------
    BadInput
        Naming the site, the learner and what is wrong. What a callable itself raises is
        its cause.
    """
    learner = site.learners[0]
    own = site.rows.x[:, site.columns]
    try:
        model = learner.fit(own, site.rows.y, classes=site.classes, weight=None, seed=0)
        graph = export(model, site.columns, site.layout.width)
        teacher = vet(
            graph,
            name=site.name,
            algorithm=learner.algorithm,
            width=site.layout.width,
            classes=site.classes,
        )
        difference = np.abs(teacher.predict_proba(site.rows.x) - model.predict_proba(own)).max()
    except GrandRoundsError as error:
        raise _unfit(site, f"{error.problem} {error.where}".strip()) from error
    except Exception as error:
        raise _unfit(site, f"{type(error).__name__}: {error}") from error
    if difference > AGREEMENT:
        raise _unfit(site, f"its export as ONNX differs from it by {difference:.2g}")


def _unfit(site: Site, problem: str) -> BadInput:
    return BadInput(
        f"{site.learners[0].algorithm} cannot take part: {problem}",
        where=f"site {site.name}",
        remedy="docs/researcher.md lists the scikit-learn classifiers that can",
    )


def remembering(given: Callable[..., Any], raised: list[Exception]) -> Callable[..., Any]:
    """Note what a callable raises: a site keeps it to itself, but its author must see it."""

    @wraps(given)
    def call(*arguments: Any, **options: Any) -> Any:
        try:
            return given(*arguments, **options)
        except Exception as error:
            raised.append(error)
            raise

    return call
