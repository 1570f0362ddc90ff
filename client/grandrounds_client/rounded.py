"""What others may know of a site's figures: two digits, and of a count where its range begins.

A share of few rows with all its digits tells how many rows there are, and so does a count; both
tell of single patients who come and go. The exact figures stay in the site's own store.
"""

from collections.abc import Mapping

from grandrounds_client.release import at_least
from grandrounds_protocol.records import (
    AdoptReport,
    DistillReport,
    Metrics,
    Report,
    RetrainReport,
)

DIGITS = 2
"""Of a figure on a site's rows."""


def metrics(exact: Metrics) -> Metrics:
    """Round figures on a site's rows, and say of their number where its range begins."""
    return Metrics(
        accuracy=share(exact.accuracy),
        balanced_accuracy=share(exact.balanced_accuracy),
        auc=share(exact.auc),
        n=at_least(exact.n),
    )


def share(exact: float | None) -> float | None:
    """Round a share; what is undefined stays so.

    >>> share(2 / 3), share(None)
    (0.67, None)
    """
    return None if exact is None else round(exact, DIGITS)


def rounded(report: Report) -> Report:
    """Return a report as it may leave the house."""
    changes: Mapping[str, object]
    match report:
        case DistillReport():
            changes = {"converged": share(report.converged)}
        case RetrainReport():
            changes = {"received": at_least(report.received)}
        case AdoptReport():
            changes = {
                "virtual_rows": at_least(report.virtual_rows),
                "before": metrics(report.before),
                "after": metrics(report.after),
                "ensemble": metrics(report.ensemble),
            }
        case _:
            return report
    return report.model_copy(update=changes)
