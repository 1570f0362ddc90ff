"""How Ray runs under Flower's simulation engine: its cores, its environment, its silence."""

import logging
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from functools import cache
from typing import Any


def cluster() -> str:
    """Address of the Ray cluster to use; empty where Ray is to start on this machine."""
    return os.environ.get("RAY_ADDRESS", "")


def engine(sites: int) -> dict[str, Any]:
    """Flower's settings of its engine: one core per site, at most as many as there are."""
    here = {"address": "local", "num_cpus": min(sites, os.cpu_count() or 1)}
    place = {} if cluster() else here
    # a process that dies starts anew and is asked once more, since a question asked twice is
    # answered once; else Flower would give the dead process to one site after another
    again = {"max_restarts": -1, "max_task_retries": 1}
    return {
        "init_args": {**place, "logging_level": "ERROR"},
        "client_resources": {"num_cpus": 1, "num_gpus": 0.0, **again},
    }


@contextmanager
def environment() -> Iterator[None]:
    """Set what Ray and its processes read, and take it back, with what Flower adds."""
    ours = _settings() | ({} if cluster() else _token())
    before = {name: os.environ.get(name) for name in (*ours, "PYTHONPATH")}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _settings() -> dict[str, str]:
    return {
        "RAY_USAGE_STATS_ENABLED": "0",
        # one thread each, as in this process: with another number sums would round otherwise
        "OMP_NUM_THREADS": "1",
        # the coming way with accelerators, which we do not use: no notice about the old one
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
        # Flower ends its processes with a warning, in a way that Ray takes for a failure; whether
        # either line arrives before the end is chance
        "RAY_DEDUP_LOGS_SKIP_REGEX": (
            r"ClientAppActor\.terminate failed|Manually terminating ClientAppActor"
        ),
    }


@cache
def _token() -> dict[str, str]:
    """Let only this process in: Ray listens on all of the machine's addresses."""
    # Ray reads the token once, when it is imported: one for all runs of this process
    if "ray" in sys.modules:
        return {}
    return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}


@contextmanager
def quiet() -> Iterator[None]:
    """Keep stdout ours and Flower silent: what it logs of a failure is raised or replied too."""
    flower = logging.getLogger("flwr")
    was_disabled, flower.disabled = flower.disabled, True
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        flower.disabled = was_disabled
