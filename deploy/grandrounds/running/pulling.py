"""How Flower's parts fetch the pieces of a message: sooner, and not beyond the run's end.

A message is announced before its pieces are there. Flower looks for a piece that is missing
after a second, then after two, and so on to ten: most of a message's way was waiting.
"""

from collections.abc import Callable, Sequence
from functools import partial
from types import ModuleType
from typing import Any

from flwr.supercore.inflatable.inflatable_utils import ObjectPullError
from flwr.supercore.run import RunNotRunningException

from grandrounds.running.flower import replace

FIRST, LONGEST = 0.05, 2.0
"""Seconds between two looks for a piece: doubled each time, at most the latter."""

Pull = Callable[..., dict[str, bytes]]


def look_sooner(module: ModuleType, name: str) -> None:
    """Let a module of Flower's that fetches by this name look again sooner."""
    pull = getattr(module, name)
    replace(module, name, partial(pull, initial_backoff=FIRST, backoff_cap=LONGEST))


def end_with_the_run(pull: Pull) -> Pull:
    """Let a node that fetches for a run that has ended clean up as after any other failure.

    Flower 1.41 leaves the message's task and pieces behind there, and the app that was to
    answer it waits for the pieces for more than an hour.
    """

    def pulled(object_ids: Sequence[str], *, pull_object_fn: Any, **options: Any) -> Any:
        try:
            return pull(object_ids, pull_object_fn=pull_object_fn, **options)
        except RunNotRunningException:
            raise ObjectPullError(next(iter(object_ids), ""), "the run has ended") from None

    return pulled
