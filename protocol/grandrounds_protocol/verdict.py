"""From the reviewers' scores to one decision, the same wherever it is computed."""

from collections.abc import Mapping
from statistics import median

from grandrounds_protocol.records import Score, Verdict

DIGITS = 3
"""Decimal digits of a score: enough to decide by, few enough to tell little about one row."""


def trimmed_median(values: list[float], trim: int = 1) -> float:
    """Median of what is left after dropping the `trim` lowest and highest values.

    From three values on, no single value, however extreme, can move the result past
    its neighbours.

    >>> trimmed_median([-9.0, 0.125, 0.25, 9.0]), trimmed_median([0.3])
    (0.1875, 0.3)
    """
    ordered = sorted(values)
    return median(ordered[trim:-trim] if len(ordered) > 2 * trim else ordered)


LEAST_OF_FEW = 3
"""Scores that a verdict needs where a site meets few peers: no single liar decides alone."""


def decide(scores: Mapping[str, Score], least: int = 1) -> Verdict:
    """Weigh the reviewers' scores of one candidate: adopt only on a gain above zero.

    The gain of each reviewer is candidate minus current balanced accuracy on its own
    validation rows; sites count alike, so that neither a large nor a lying one decides.
    With fewer than `least` scores nothing is adopted.
    """
    gains = [score.candidate - score.current for score in scores.values()]
    if not gains:
        return Verdict(gain=None, reviewers=0, adopt=False)
    gain = round(trimmed_median(gains), DIGITS)
    return Verdict(gain=gain, reviewers=len(gains), adopt=gain > 0 and len(gains) >= least)
