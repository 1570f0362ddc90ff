"""Pieces of a message are looked for soon, and no longer than the run lives."""

import time
from importlib import import_module
from types import ModuleType

import pytest
from flwr.supercore.inflatable.inflatable_utils import (
    ObjectPullError,
    ObjectUnavailableError,
    pull_objects,
)
from flwr.supercore.run import RunNotRunningException

from grandrounds.running.pulling import end_with_the_run, look_sooner


def test_a_piece_that_comes_late_is_found_soon() -> None:
    module = ModuleType("flower")
    module.__dict__["pull_objects"] = pull_objects
    look_sooner(module, "pull_objects")
    looks = 0

    def third_time(name: str) -> bytes:
        nonlocal looks
        looks += 1
        if looks < 3:
            raise ObjectUnavailableError(name)
        return b"piece"

    begun = time.monotonic()
    assert module.pull_objects(["a"], pull_object_fn=third_time) == {"a": b"piece"}
    assert time.monotonic() - begun < 0.9  # Flower's own: 2.4 s at least


def test_all_that_fetch_can_be_told() -> None:
    for name, function in {
        "flwr.supernode.start_client_internal": "pull_objects",
        "flwr.supernode.runtime.run_clientapp": "pull_and_inflate_object_from_tree",
        "flwr.superlink.grid.http_grid": "pull_objects",
    }.items():
        assert {"initial_backoff", "backoff_cap"} <= {
            *getattr(import_module(name), function).__kwdefaults__
        }


def test_a_run_that_ends_while_a_message_comes_is_a_failure_that_flower_cleans_up_after() -> None:
    def over(_name: str) -> bytes:
        raise RunNotRunningException

    with pytest.raises(RunNotRunningException):
        pull_objects(["a"], pull_object_fn=over)
    with pytest.raises(ObjectPullError, match="the run has ended"):
        end_with_the_run(pull_objects)(["a"], pull_object_fn=over)
    assert issubclass(ObjectPullError, Exception)  # which Flower's node catches
