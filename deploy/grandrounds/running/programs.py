"""Run one of Flower's programs: `python -m grandrounds.running.programs NAME ARGUMENT...`.

Through here and not through Flower's own commands, so that another version than the one we
rely on ends at once, and so that an executor runs nothing but our app.
"""

import sys
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from types import SimpleNamespace
from typing import TYPE_CHECKING

from grandrounds.running.flower import check_flower, replace

if TYPE_CHECKING:
    from grandrounds.running.executor import Beside

NODE_AUTH = "flwr.superlink.routers.fleet.node_auth"
"""Flower's module that looks at the date of a node's requests."""
NODE_STATE = "flwr.supernode.nodestate.nodestate_factory"
"""Flower's module that makes a node's record of its work."""
NODE_POLL = 1.0
"""Most seconds between two looks of a node for messages; Flower's own is 3."""


def main(arguments: list[str]) -> None:
    """Run the program of this name with the rest of the arguments."""
    check_flower()
    name, *rest = arguments
    sys.argv = [f"flower-{name}", *rest]
    PROGRAMS[name]()


def _superlink() -> None:
    from flwr.superlink.cli import flower_superlink  # noqa: PLC0415 (after the check)

    from grandrounds_protocol.times import SKEW  # noqa: PLC0415 (likewise)

    # Flower takes a node's clock to be at most 5 s fast, which few hospitals can promise. What
    # it dates so is a node's greeting; every message has a date and a signature of our own.
    replace(import_module(NODE_AUTH), "SYSTEM_TIME_TOLERANCE", SKEW)
    flower_superlink()


def _supernode() -> None:
    from flwr.supernode.cli import flower_supernode  # noqa: PLC0415 (likewise)

    from grandrounds.running.forgetting import ForgetfulNodeState  # noqa: PLC0415 (likewise)
    from grandrounds.running.pulling import end_with_the_run, look_sooner  # noqa: PLC0415 (likewise)

    replace(import_module(NODE_STATE), "InMemoryNodeState", ForgetfulNodeState)
    flower = import_module("flwr.supernode.start_client_internal")
    # all that this module takes of `time` is `sleep`
    replace(flower, "time", SimpleNamespace(sleep=_wait_less))
    look_sooner(flower, "pull_objects")
    replace(flower, "pull_objects", end_with_the_run(flower.pull_objects))
    flower_supernode()


def _superexec_site() -> None:
    from grandrounds.running import beside  # noqa: PLC0415 (likewise)

    app = "grandrounds.running.clientapp"
    _superexec("flwr-clientapp", "run_clientapp", [app, beside.SERVE], beside.forked)


def _superexec_coordinator() -> None:
    from grandrounds.running.executor import alone  # noqa: PLC0415 (likewise)

    _superexec("flwr-serverapp", "run_serverapp", ["grandrounds.running.serverapp"], alone)


def _superexec(task: str, run: str, preload: list[str], beside: "Beside") -> None:
    from flwr.supercore.cli import flower_superexec  # noqa: PLC0415 (likewise)
    from flwr.supercore.constant import TaskType  # noqa: PLC0415 (likewise)

    from grandrounds.running import guard  # noqa: PLC0415 (likewise)
    from grandrounds.running.executor import OnlyExecutor  # noqa: PLC0415 (likewise)

    executor = OnlyExecutor(TaskType(task), getattr(guard, run), [guard.__name__, *preload], beside)
    flower = import_module("flwr.supercore.superexec.run_superexec")
    replace(flower, "get_executor", lambda *_, **__: executor)
    executor.prepare()
    flower_superexec()


def _wait_less(seconds: float) -> None:
    # the longer waits are for messages, the shorter ones for what it finds in its own memory
    time.sleep(NODE_POLL if seconds > NODE_POLL else seconds / 10)


PROGRAMS: Mapping[str, Callable[[], None]] = {
    "superlink": _superlink,
    "supernode": _supernode,
    "superexec-site": _superexec_site,
    "superexec-coordinator": _superexec_coordinator,
}

if __name__ == "__main__":
    main(sys.argv[1:])
