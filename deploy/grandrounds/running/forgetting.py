"""What a node forgets of the work it did: Flower 1.41 keeps a record of every task for ever.

And looks through all of them at each request, ten times a second.
"""

from typing import Any

from flwr.common.constant import Status
from flwr.supernode.nodestate import InMemoryNodeState

KEPT = 64
"""Tasks that ended and are still known: whoever did one may yet ask what became of it."""


class ForgetfulNodeState(InMemoryNodeState):
    """Flower's record of a node's messages and tasks, with the latest tasks only."""

    def create_task(self, *args: Any, **options: Any) -> int | None:
        """Create a task and return its number; forget those that ended long before."""
        with self.lock_task_store:
            ended = [n for n, task in self.task_store.items() if _has_ended(task)]
            for number in ended[:-KEPT]:
                del self.task_store[number]
                self.task_logs.pop(number, None)
        return super().create_task(*args, **options)


def _has_ended(task: Any) -> bool:
    return bool(task.status.status == Status.FINISHED)
